"""SINETStream's nested parameters in environment variables, both ways.

The rule, for `type_spec: {fetch_max_bytes: 1}` with the prefix `SSSRC_`:

    SSSRC_TYPE_SPEC__FETCH_MAX_BYTES=1

that is, the prefix, the parameter in upper case, and `__` between the layers. Values are YAML
scalars, so numbers and booleans arrive as such; so do flow lists and mappings (`[a, b]`, `{a: 1}`).
What YAML does not read as one of those is text, as it stands; the parameters in `TEXT` always are.
An empty value is no value.

A name can only say parameters made of small letters, digits and single underscores. Any other
parameter (dots, hyphens, capitals, `__`) is said inside a mapping one layer further up, which is
merged with the variables of the layers below:

    SSSRC_TYPE_SPEC={some.odd-name: 1}

The deployment loads this file by itself to write what the containers read: it imports PyYAML alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

# What all services share, and what each says itself, which wins.
COMMON_PREFIX = "SS_"
PREFIXES = {"image-src": "SSSRC_", "image-dest": "SSDST_", "keypoints-dest": "SSKPT_"}

Params = dict[str, Any]
Layers = tuple[str, ...]  # a parameter's place, for example ("type_spec", "client_id")

# Parameters that are text even where they look like a number, a boolean or a mapping.
TEXT = frozenset(
    {
        "client_id",
        "group_id",
        "group_instance_id",
        "password",
        "sasl_plain_password",
        "sasl_plain_username",
        "ssl_password",
        "topic",
    }
)
NULLS = ("null", "Null", "NULL", "~")
NAMEABLE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


# -- values -----------------------------------------------------------------------------------


def read_value(key: str, text: str) -> Any:
    """Return what an environment variable's `text` means for the parameter `key`."""
    if key in TEXT:
        return text
    try:
        value = yaml.safe_load(text)
    except Exception:  # PyYAML's constructors raise much else, as for the date 2026-13-01
        return text
    # YAML 1.1 reads 12:30 as a number in base 60; a person means a time or an address.
    number = isinstance(value, (int, float)) and ":" not in text
    flow = isinstance(value, (list, dict)) and text.lstrip()[0] in "[{"
    quoted = isinstance(value, str) and text.lstrip()[0] in "'\""
    nothing = value is None and text.strip() in NULLS
    return value if number or flow or quoted or nothing else text


def write_value(key: str, value: Any) -> str:
    """Return the text that `read_value` turns back into `value`, "" for a `TEXT` of nothing."""
    if key in TEXT and value in (None, ""):
        return ""
    if isinstance(value, str) and value and (key in TEXT or read_value(key, value) == value):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


# -- names ------------------------------------------------------------------------------------


def variable(prefix: str, path: Iterable[str]) -> str:
    """Return the name of the variable for the parameter at `path`."""
    return prefix + "__".join(path).upper()


def to_environment(prefix: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that say `params`; the reverse of `from_environment`.

    Raises ValueError for a parameter of the first layer that no variable's name can say.
    """
    variables = {}
    for key, value in params.items():
        if not NAMEABLE.fullmatch(key):
            raise ValueError(f"no environment variable can be named after the parameter {key!r}")
        variables |= _variables(prefix, (key,), value)
    return variables


def _variables(prefix: str, path: Layers, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        return {variable(prefix, path): write_value(path[-1], value)}
    variables, unnameable = {}, {}
    for key, inner in value.items():
        if isinstance(key, str) and NAMEABLE.fullmatch(key):
            variables |= _variables(prefix, (*path, key), inner)
        else:
            unnameable[key] = inner
    if unnameable:
        variables[variable(prefix, path)] = write_value(path[-1], unnameable)
    return variables


def from_environment(
    environ: Mapping[str, str], prefix: str, problems: list[str] | None = None
) -> Params:
    """Return the parameters that the variables with `prefix` say.

    Names that cannot be understood are added to `problems`, or raise ValueError without it.
    """
    found = problems if problems is not None else []
    params: Params = {}
    names = [name for name, text in environ.items() if name.startswith(prefix) and text]
    # Upper layers first: a mapping there is merged with what the variables below it say.
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        path = tuple(name.removeprefix(prefix).lower().split("__"))
        if not all(path):
            found.append(
                f"{name}: one `__` goes between two layers, as in {prefix}TYPE_SPEC__CLIENT_ID"
            )
        elif not _insert(params, path, read_value(path[-1], environ[name])):
            found.append(f"{name}: a variable for an upper layer of it already gives a plain value")
    if problems is None and found:
        raise ValueError("; ".join(found))
    return params


def _insert(params: Params, path: Layers, value: Any) -> bool:
    for key in path[:-1]:
        params = params.setdefault(key, {})
        if not isinstance(params, dict):
            return False
    params[path[-1]] = value
    return True


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Params:
    """Return both mappings as one, layer by layer; where both say something, `upper` wins."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = merge(below, value) if both else value
    return merged
