"""Options of daemon.json, which dockerd would refuse when it is restarted with them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from . import types
from .services import Values
from .types import nearest
from .values import (
    Check,
    address_pool,
    between,
    each,
    ip_address,
    matches,
    mirrors,
    network,
    registry,
)

TABLE = Path(__file__).parent / "tables/docker-daemon.yml"
NAME = "docker_daemon_options"
# What dockerd refuses, or starts no container with, though the type is right.
FORMS: dict[str, Check] = {
    "bip": lambda value: "/" not in value and "is not ADDRESS/BITS, as 172.18.0.1/16 is",
    "default-address-pools": each(
        lambda pool: (
            address_pool(pool)
            if isinstance(pool, dict) and {"base", "size"} <= pool.keys()
            else "is no {base: NETWORK, size: BITS}"
        )
    ),
    "dns": each(ip_address),
    "exec-opts": each(matches(r"[^=]+=.+", "is not NAME=VALUE")),
    "features": each(lambda value: None if isinstance(value, bool) else "is not true or false"),
    "fixed-cidr": network,
    "insecure-registries": each(registry),
    "labels": each(lambda value: None if isinstance(value, str) else "is not a text"),
    "max-concurrent-downloads": between(1, 1000),
    "max-concurrent-uploads": between(1, 1000),
    "mtu": between(68, 65535),
    "registry-mirrors": mirrors,
    "runtimes": each(lambda value: None if isinstance(value, dict) else "is not a mapping"),
}


@cache
def options() -> dict[str, dict[str, Any]]:
    """Return what a spec would say of each option, by name."""
    table = yaml_load(TABLE.read_text())
    known = {name: {"type": kind} for kind in types.FITS for name in table.get(kind, [])}
    known |= {name: {"type": "dict", "texts": True} for name in table["text of text"]}
    known |= {name: {"type": "str", "choices": of} for name, of in table["choices"].items()}
    known |= {name: {"type": "str", "near": of} for name, of in table["plugins too"].items()}
    known |= {name: {"refused": why} for name, why in table["refused"].items()}
    return known | {name: {"instead": of} for name, of in table["variables"].items()}


def problems(values: Values) -> Iterator[str]:
    """Yield the options that dockerd does not know, or not so."""
    for name, value in (values.get(NAME) or {}).items():
        option = options().get(str(name))
        if option is None:
            yield f"{NAME}: {name} is no option of dockerd's{nearest(str(name), options())}"
        elif "refused" in option:
            yield f"{NAME}: {name}: {option['refused']}; leave it out"
        elif "instead" in option:
            yield f"{NAME}: {name} is said by {option['instead']}; write it there"
        else:
            yield from (f"{NAME}: {name}: {text}" for text in _mistakes(str(name), option, value))


def _mistakes(name: str, option: dict[str, Any], value: Any) -> Iterator[str]:
    if found := list(types.mistakes(option, value)):
        yield from found
    elif text := FORMS.get(name, lambda value: None)(value):
        yield text if text.startswith("has ") else f"{types.shown(value)} {text}"
    elif "near" in option and value not in option["near"]:
        hint = nearest(value, option["near"], 0.8)
        yield from [f"{value!r} is none that dockerd has{hint}"] * bool(hint)
    elif option.get("texts"):
        for key, entry in value.items():
            if not isinstance(entry, str):
                yield f"{key}: {types.shown(entry)} is not a text; write it in quotes"
