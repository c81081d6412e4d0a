"""Options of daemon.json, which dockerd would refuse when it is restarted with them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from . import types
from .services import Values
from .values import nearest

TABLE = Path(__file__).parent / "tables/docker-daemon.yml"
NAME = "docker_daemon_options"


@cache
def options() -> dict[str, dict[str, Any]]:
    """Return what a spec would say of each option, by name."""
    table = yaml_load(TABLE.read_text())
    known = {name: {"type": kind} for kind in types.FITS for name in table.get(kind, [])}
    known |= {name: {"type": "dict", "texts": True} for name in table["text of text"]}
    known |= {name: {"type": "str", "choices": of} for name, of in table["choices"].items()}
    return known | {name: {"instead": of} for name, of in table["variables"].items()}


def problems(values: Values) -> Iterator[str]:
    """Yield the options that dockerd does not know, or not so."""
    for name, value in (values.get(NAME) or {}).items():
        option = options().get(str(name))
        if option is None:
            yield f"{NAME}: {name} is no option of dockerd's{nearest(str(name), options())}"
        elif "instead" in option:
            yield f"{NAME}: {name} is said by {option['instead']}; write it there"
        else:
            yield from (f"{NAME}: {name}: {text}" for text in _mistakes(option, value))


def _mistakes(option: dict[str, Any], value: Any) -> Iterator[str]:
    if found := list(types.mistakes(option, value)):
        yield from found
    elif option.get("texts"):
        for key, entry in value.items():
            if not isinstance(entry, str):
                yield f"{key}: {types.shown(entry)} is not a text; write it in quotes"
