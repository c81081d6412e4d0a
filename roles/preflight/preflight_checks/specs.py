"""The roles' argument specs: which variables there are, and of which type."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.errors import (
    AnsibleValidationError,
    ArgumentTypeError,
    ArgumentValueError,
)

from . import variables

DOCUMENTATION_KEYS = {"description", "version_added", "required", "default"}
TYPES = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}
SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}

# The validator's own words about entries, and ours.
ENTRIES = {
    r"(?P<place>\S+)\. Supported parameters include: (?P<known>.+)\.$": "there is no "
    "{place}; there are {known}",
    r"missing required arguments: (?P<key>.+) found in (?P<place>\S+)": "an entry has no {key}",
    r"argument '(?P<place>\w+)' is of type .* convert to (?P<type>\w+)": "{place} is not {type}",
    r"(?P<place>)Elements value .* convert to (?P<type>\w+)": "an entry is not {type}",
    r"(?P<place>)dictionary requested": "an entry is not a mapping",
}


def read(roles: Path, role: str = "*") -> dict[str, dict[str, Any]]:
    """Return the variables of roles, by name, with what `meta/argument_specs.yml` says of them."""
    specs: dict[str, dict[str, Any]] = {}
    for path in sorted(roles.glob(f"{role}/meta/argument_specs.yml")):
        for entry_point in yaml_load(path.read_text())["argument_specs"].values():
            specs.update(entry_point.get("options") or {})
    return specs


def unknown(name: str, specs: dict[str, Any]) -> str:
    """Describe a variable that no role knows."""
    near = difflib.get_close_matches(name, specs, 1)
    return f"{name}: no role knows this variable" + (f"; did you mean {near[0]}?" if near else "")


def example(name: str, option: dict[str, Any]) -> str:
    """Return the end of a message: a value that would be right, where one is known."""
    value = variables.EXAMPLES.get(name, option.get("default"))
    if value in (None, "", []) or isinstance(value, dict) or "{{" in str(value):
        return ""
    return f"; for example {value!r}"


def wrong(name: str, option: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a variable's value by its spec and by the table of checks."""
    if value is None:
        return [f"{name}: has no value; write one, or leave the line out{example(name, option)}"]
    result = _validated(name, option, value)
    if result.errors.errors:
        found = [_plain(name, error, option, value) for error in result.errors]
        remedy = _remedy(name, option, value)
        return [f"{name}: {text}{remedy}" for text in dict.fromkeys(found)]
    check = variables.CHECKS.get(name, lambda value: None)
    text = check(result.validated_parameters[name])
    if not text:
        return []
    shown = (
        "" if text.startswith(("has ", "is empty")) or variables.is_secret(name) else f"{value!r} "
    )
    remedy = "" if "; write " in text or "; for example " in text else example(name, option)
    return [f"{name}: {shown}{text}{remedy}"]


def cast(name: str, option: dict[str, Any], value: Any) -> Any:
    """Return a good value in the type of its spec: "9092" from a command line is 9092."""
    return _validated(name, option, value).validated_parameters[name]


def _validated(name: str, option: dict[str, Any], value: Any) -> ValidationResult:
    return ArgumentSpecValidator({name: _for_validator(option)}).validate({name: value})


def _for_validator(option: dict[str, Any]) -> dict[str, Any]:
    """Return an option's spec without its documentation, and without its default."""
    spec = {key: value for key, value in option.items() if key not in DOCUMENTATION_KEYS}
    if "options" in option:
        spec["options"] = {
            name: _for_validator(sub) | {"required": sub.get("required", False)}
            for name, sub in option["options"].items()
        }
    return spec


def _plain(name: str, error: AnsibleValidationError, option: dict[str, Any], value: Any) -> str:
    """Return what the validator found, in words for the person who wrote the inventory."""
    if "options" in option:
        return _plain_entry(name, error.msg)
    shown = "its value" if variables.is_secret(name) else repr(value)
    if isinstance(error, ArgumentTypeError):
        return f"{shown} is not {TYPES.get(option['type'], option['type'])}"
    if isinstance(error, ArgumentValueError):
        return f"{shown} is not one of {', '.join(map(str, option.get('choices', [])))}"
    return error.msg


def _plain_entry(name: str, message: str) -> str:
    """Return what the validator found inside a mapping or a list of them, in plain words."""
    for pattern, text in ENTRIES.items():
        if match := re.match(pattern, message):
            words = match.groupdict()
            words["place"] = words["place"].removeprefix(name).lstrip(".")
            words["type"] = TYPES.get(words.get("type"), words.get("type"))
            return text.format(**words)
    return message


def _remedy(name: str, option: dict[str, Any], value: Any) -> str:
    """Return what to write instead: the number that was meant, else an example."""
    number = in_plain_numbers(name, str(value)) if option["type"] in ("int", "float") else None
    return f"; {number}" if number else example(name, option)


def in_plain_numbers(name: str, text: str) -> str | None:
    """Return what `20MB` or `1h` is in the unit of a variable, or None where it is neither."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    if not match:
        return None
    number, unit = float(match[1]), match[2].lower()
    if "bytes" in name:
        size = re.fullmatch(r"([kmgt]?)(i?)(b|bytes?)?", unit)
        if not size:
            return None
        binary = int(number * SIZES[size[1]])
        decimal = int(number * 1000 ** list(SIZES).index(size[1]))
        other = "" if size[2] or binary == decimal else f" (or {decimal})"
        return f"{text} is {binary}{other} in bytes"
    if unit in SECONDS and name.endswith(("_ms", ".ms", "_timeout", "_age", "_seconds")):
        milli = name.endswith("ms")
        amount = number * SECONDS[unit] * (1000 if milli else 1)
        shown = int(amount) if amount == int(amount) else amount
        return f"{text} is {shown} in {'milliseconds' if milli else 'seconds'}"
    return None
