"""The roles' argument specs: which variables there are, and of which type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from . import types, variables
from .types import nearest

# Roles that others use, and no host is in a group of.
HELPERS = ("apt_packages", "bundle", "compose_project", "container_image", "model_files")
SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def read(roles: Path, role: str = "*") -> dict[str, dict[str, Any]]:
    """Return the variables of roles, by name, with what `meta/argument_specs.yml` says of them."""
    specs: dict[str, dict[str, Any]] = {}
    for path in sorted(roles.glob(f"{role}/meta/argument_specs.yml")):
        for entry_point in yaml_load(path.read_text())["argument_specs"].values():
            specs.update(entry_point.get("options") or {})
    return specs


def handed_on(roles: Path) -> set[str]:
    """Return the variables that roles say to the roles they use, whose own names they bear.

    How long something may take is no such one: an inventory may say it where no role does.
    """
    said = {
        name
        for path in (*roles.glob("*/tasks/*.yml"), *roles.parent.glob("playbooks/*.yml"))
        for name in re.findall(r"^ +(\w+):", path.read_text(), re.MULTILINE)
        if not name.startswith(f"{path.parent.parent.name}_")
    }
    return {
        name
        for role in {path.name for path in roles.iterdir()} - {"preflight"}
        for name, option in read(roles, role).items()
        if option.get("required")
        or (role in HELPERS and name in said and option["type"] not in ("int", "float"))
    }


def tags(folder: Path) -> set[str]:
    """Return the tags by which parts of playbooks are asked for."""
    said = r"^ *tags: *(?:\[(.+)\]|(\w+))$"
    files = ("*.yml", "playbooks/*.yml", "roles/*/tasks/*.yml")
    return {
        tag
        for pattern in files
        for path in folder.glob(pattern)
        for found in re.finditer(said, path.read_text(), re.MULTILINE)
        for tag in re.split(r",\s*", found[1] or found[2])
    }


def unknown_tags(option: str, asked: list[str], folder: Path) -> Iterator[str]:
    """Yield tags of a command line that are nearly ours: nothing would be done, with success.

    Others may be those of a playbook around this one.
    """
    known = tags(folder)
    for tag in sorted({*asked} - known):
        if hint := nearest(tag, known):
            yield f"{option} {tag}: nothing has this tag{hint}"


def unknown(name: str, specs: dict[str, Any]) -> str:
    """Describe a variable that no role knows."""
    return f"{name}: no role knows this variable{nearest(name, specs)}"


def example(name: str, option: dict[str, Any]) -> str:
    """Return the end of a message: a value that would be right, where one is known."""
    value = variables.EXAMPLES.get(name, option.get("default"))
    if value in (None, "", []) or isinstance(value, dict) or "{{" in str(value):
        return ""
    return f"; for example {types.shown(value)}"


def wrong(name: str, option: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a variable's value by its spec and by the table of checks."""
    if value is None:
        return [f"{name}: has no value; write one, or leave the line out{example(name, option)}"]
    secret = variables.is_secret(name)
    if found := list(types.mistakes(option, value, place=name, secret=secret)):
        fits = types.FITS[option["type"]](value)
        end = example(name, option) if fits else _remedy(name, option, value)
        return [f"{text}{'' if '; ' in text else end}" for text in found]
    if isinstance(value, str) and (odd := re.search(r"[\0-\x1f\x7f]", value)):
        what = "a line break" if odd[0] in "\r\n" else "a character that nobody sees"
        return [f"{name}: has {what} in it; write it on one line, without"]
    text = variables.CHECKS.get(name, lambda value: None)(value)
    if not text:
        return []
    told = "" if text.startswith(("has ", "is empty")) or secret else f"{types.shown(value)} "
    remedy = "" if "; write " in text or "; for example " in text else example(name, option)
    if told and " #" in told:
        remedy = "; in an INI file a comment stands on a line of its own"
    return [f"{name}: {told}{text}{remedy}"]


def _remedy(name: str, option: dict[str, Any], value: Any) -> str:
    """Return what to write instead: what was meant, as far as it can be told, else an example."""
    kind, text = option["type"], str(value)
    if types.said(option, value) is not value:
        # Where it is written as such, vars_plugins/typed_vars.py has taken it for what it says.
        return f", a text that a template made; end that with `| {kind}`"
    if kind == "bool":
        return f"; write {types.MEANT.get(text.lower(), 'true or false')}, without quotes"
    if kind in ("int", "float"):
        meant = in_plain_numbers(name, text) or types.written(kind, value)
        return f"; {meant}" if meant else example(name, option)
    if kind in ("str", "path") and types.is_plain(value):
        return "; write it in quotes"
    told = text if isinstance(value, str) and not variables.is_secret(name) else ""
    if kind in ("list", "dict") and isinstance(value, str) and text.startswith(("[", "{")):
        return (
            f"; on a command line write it as JSON: -e '{{\"{name}\": …}}', in an INI file with "
            "its texts in quotes"
        )
    return f"; write [{told}]" if kind == "list" and told else example(name, option)


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
