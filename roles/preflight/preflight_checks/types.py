"""Types, taken strictly: what a text says, and what is wrong with a value.

A command line (`-e name=false`) and INI files can say nothing but texts. Where such a text says
exactly a boolean or a number, `said` returns it; vars_plugins/typed_vars.py puts it in the place of
the text before anything reads it. `mistakes` takes no text for anything but a text.
"""

from __future__ import annotations

import difflib
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Option = Mapping[str, Any]  # of an argument spec
RAW: Option = {"type": "raw"}

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
BOOLEANS = {"true": True, "false": False}
# What people write for a boolean, and YAML's older words for one.
MEANT = dict.fromkeys(("yes", "on", "y", "1", "true"), "true")
MEANT |= dict.fromkeys(("no", "off", "n", "0", "false"), "false")
LONGEST = 120  # characters of a value in a message
NAMES = {
    "bool": "neither true nor false",
    "dict": "not a mapping",
    "float": "not a number",
    "int": "not a whole number",
    "list": "not a list",
    "path": "not a path",
    "str": "not a text",
}


def shown(value: Any) -> str:
    """Return a value as YAML writes it, on one line, the start of it where it is long."""
    if is_plain(value):
        return json.dumps(value, ensure_ascii=False, default=str)
    text = repr(str(value) if isinstance(value, str) else value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def written(kind: str, value: Any) -> str | None:
    """Return how the number is written that a value all but says, or None where it says none."""
    try:
        number = float(str(value).strip().replace("_", ""))
        is_whole = number == int(number)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, bool) or (kind == "int" and not is_whole):
        return None
    return f"write {int(number) if is_whole else number}"


def is_plain(value: Any) -> bool:
    """Say whether a value is a boolean, a number, nothing, or a list of such."""
    return value is None or isinstance(value, (bool, int, float))


def is_list(value: Any) -> bool:
    """Say whether a value is a list, also one of Ansible's own lazy ones."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def said(option: Option, value: Any) -> Any:
    """Return a value in the type of its option, where it says exactly that; else the value itself.

    A text is taken for a boolean or a number, and a whole number for a text: 580 and "580" are the
    same word, which 20.10 and "20.10" are not.
    """
    kind = option["type"]
    if isinstance(value, str):
        return _out_of_text(kind, value)
    if kind in ("str", "path"):
        return _text(option, value)
    if kind == "dict" and isinstance(value, Mapping) and "options" in option:
        inner = {key: said(option["options"].get(key, RAW), entry) for key, entry in value.items()}
        return value if all(inner[key] is value[key] for key in inner) else inner
    if kind == "list" and is_list(value):
        entry = {**option, "type": option.get("elements", "raw")}
        entries = [said(entry, inner) for inner in value]
        return value if all(map(operator.is_, entries, value)) else entries
    return value


def _out_of_text(kind: str, text: str) -> Any:
    """Return the boolean or the number that a text says, or the text."""
    if kind == "bool":
        return BOOLEANS.get(text, text)
    if kind in ("int", "float") and WHOLE.fullmatch(text):
        return int(text)
    return float(text) if kind == "float" and NUMBER.fullmatch(text) else text


def _text(option: Option, value: Any) -> Any:
    """Return a whole number as a text, and a boolean where on and off are words of the option's."""
    if isinstance(value, bool):
        word = "on" if value else "off"
        return word if word in option.get("choices", []) else value
    return str(value) if isinstance(value, int) else value


FITS: dict[str, Callable[[Any], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "dict": lambda value: isinstance(value, Mapping),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "list": is_list,
    "path": lambda value: isinstance(value, str),
    "raw": lambda value: True,
    "str": lambda value: isinstance(value, str),
}


def mistakes(option: Option, value: Any, *, place: str = "", secret: bool = False) -> Iterator[str]:
    """Yield what is wrong with a value by its option, each as PLACE: TEXT, without a place TEXT."""
    kind = option["type"]
    start = f"{place}: " if place else ""
    secret = secret or option.get("no_log", False)
    if not FITS[kind](value):
        yield f"{start}{'its value' if secret else shown(value)} is {NAMES[kind]}"
        return
    choices = option.get("choices")
    if choices and value not in choices:
        known = ", ".join(str(choice) if choice != "" else "''" for choice in choices)
        yield f"{start}{'its value' if secret else shown(value)} is not one of {known}"
    if kind == "dict" and "options" in option:
        yield from _entry(option["options"], value, place, start)
    if kind == "list" and "options" in option:
        for number, entry in enumerate(value):
            if isinstance(entry, Mapping):
                inside = f"{place}[{number}]"
                yield from _entry(option["options"], entry, inside, f"{inside}.")
            else:
                yield f"{start}has {shown(entry)}, which is not a mapping"
    elif kind == "list" and "elements" in option:
        wrong = [entry for entry in value if not FITS[option["elements"]](entry)]
        yield from (
            f"{start}has {shown(entry)}, which is {NAMES[option['elements']]}" for entry in wrong
        )


def _entry(
    options: Mapping[str, Option], entry: Mapping[str, Any], place: str, start: str
) -> Iterator[str]:
    """Yield what is wrong with a mapping whose entries have options of their own.

    `place` is what a message says of it; `start` what it says before the name of one entry.
    """
    whole = f"{place}: " if place else ""
    for key in entry:
        if key not in options:
            near = nearest(str(key), options)
            others = f"{near} There" if near else "; there"
            yield f"{whole}there is no {key}{others} are {', '.join(sorted(options))}"
    for key, option in options.items():
        if key in entry and entry[key] is None:
            yield f"{start}{key} has no value; write one, or leave it out"
        elif key in entry:
            yield from mistakes(option, entry[key], place=f"{start}{key}")
        elif option.get("required"):
            yield f"{whole}has no {key}"


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return "; did you mean X?" for the most similar of `names`, or ""."""
    names = list(names)
    alike = [known for known in names if known.lower() == name.lower()]
    near = alike or difflib.get_close_matches(name, names, 1, cutoff)
    return f"; did you mean {near[0]}?" if near else ""
