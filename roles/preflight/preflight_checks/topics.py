"""The topics that a service reads and writes, and the place in an inventory that names each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .said import PREFIXES, SERVICES, services_of


@dataclass(frozen=True)
class Topic:
    """A topic by its name, the place that says it, and whether it is written."""

    name: str
    place: str
    written: bool


def of_service(service: str, entry: dict[str, Any], value: Callable[[str], Any]) -> list[Topic]:
    """Return the topics of a service of the catalogue; what it reads stands first.

    `value` gives a variable of the service's host. A topic whose name is empty is none.
    """
    return [
        Topic(name, place, written)
        for written, key in ((False, "reads"), (True, "writes"))
        for section, variable in entry.get(key, {}).items()
        for place, names in _said(service, section, variable, value)
        for name in names
        if name
    ]


def _said(
    service: str, section: str, shared: str, value: Callable[[str], Any]
) -> list[tuple[str, list[str]]]:
    """Return the one place that counts for a section's topic, with the names there."""
    config = value(f"{service}_sinetstream_config") or {}
    if config:
        named = SERVICES[section]
        params = services_of(config).get(named)
        topic = params.get("topic", params.get("topics")) if isinstance(params, dict) else None
        return [(f"{service}_sinetstream_config {named}", _names(topic))]
    environment = value(f"{service}_environment") or {}
    parameters = (value(f"{service}_sinetstream") or {}).get(section) or {}
    places = {
        f"{service}_environment {PREFIXES[section]}TOPIC": environment.get(
            f"{PREFIXES[section]}TOPIC"
        ),
        f"{service}_sinetstream {section}.topic": parameters.get("topic"),
        shared: value(shared),
    }
    return [(place, _names(topic)) for place, topic in places.items() if topic][:1]


def _names(topic: Any) -> list[str]:
    """Return the names in a parameter `topic`, which may be a list."""
    if not topic:
        return []
    return [str(topic)] if isinstance(topic, str) else [str(name) for name in topic]
