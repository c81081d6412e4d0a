"""What librdkafka's properties may be, by the table that scripts/tables.py makes of the library.

The deployment checks by the same table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PROPERTIES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)["properties"]
OBJECT = "see dedicated API"  # a callback, or a pointer
FORMS = {"integer": r"-?[0-9]+", "float": r"-?[0-9]+(\.[0-9]+)?"}


def should_be(name: str, value: Any) -> str:
    """Return what the value of a property should be where it is wrong, else ""."""
    about = PROPERTIES[name]
    kind, choices = about["type"], about.get("values", [])
    if kind == OBJECT:
        return "left out: it is an object of a program's, which no configuration can say"
    if kind == "boolean":
        right = isinstance(value, bool) or value in ("true", "false")
        return "" if right else "true or false"
    if kind in FORMS:
        return "" if value in choices else _number(kind, value, *about["range"])
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return "a text"
    # Its names of values are in any case.
    given = str(value).lower().split(",") if kind == "CSV flags" else [str(value).lower()]
    known = {choice.lower() for choice in choices}
    if not known or all(each.strip() in known for each in given):
        return ""
    return ("names with commas, of " if kind == "CSV flags" else "one of ") + ", ".join(choices)


def _number(kind: str, value: Any, least: float, most: float) -> str:
    """Return what a number should be where it is wrong; a text may say one, and nothing else."""
    plain = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    if plain and re.fullmatch(FORMS[kind], str(value)) and least <= float(value) <= most:
        return ""
    return f"a {'whole ' * (kind == 'integer')}number from {least} to {most}"
