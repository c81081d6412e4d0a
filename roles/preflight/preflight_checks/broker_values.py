"""The broker's users and their passwords: single values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .types import nearest

KINDS = ("admin", "camera", "reader", "verify", "viewer", "worker")
INNER = ("authority", "broker", "zookeeper")  # of the brokers among themselves
LEAST = 12  # characters of a password
# What stands as it is in Kafka's properties, in Java's files and in SINETStream's.
PASSWORD = re.compile(r"[A-Za-z0-9._~+/=-]+")


def passwords(value: Mapping[str, Any]) -> str | None:
    """Check passwords that are given, by user; none of them is repeated."""
    for name, password in value.items():
        kind, _, rest = str(name).partition("-")
        if name not in INNER and (kind not in KINDS or (rest and kind in ("admin", "worker"))):
            return (
                f"has {str(name)!r}, which is no user of the broker{nearest(str(name), KINDS)}; "
                "write worker, viewer, reader, admin, verify, or camera-NAME"
            )
        if not isinstance(password, str):
            return f"has one of {name} that is not a text; write it in quotes"
        if len(password) < LEAST:
            return f"has one of {name} with fewer than {LEAST} characters; write a longer one"
        if not PASSWORD.fullmatch(password):
            return (
                f"has one of {name} with something else in it than letters, digits and . _ ~ + / = "
                "-; write another one"
            )
    return None


def clients(value: list[Mapping[str, Any]]) -> str | None:
    """Check the further clients of the broker."""
    for client in value:
        name = str(client["name"])
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            return (
                f"has a name {name!r} with something else in it than letters, digits, dots, "
                "hyphens and underscores; write a plain one, as pi1"
            )
    names = [client["name"] for client in value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        return f"has {twice} twice, and each has a folder by its name; give each its own"
    return None
