"""SINETStream's parameters, and the environment of the containers that read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .kafka import whole
from .services import Values, catalogue, clients
from .values import plain_values

PREFIXES = {"common": "SS_", "source": "SSSRC_", "destination": "SSDST_", "keypoints": "SSKPT_"}
SERVICES = ("image-src", "image-dest")
# The variable and the service in a whole file for each of the worker's topics, what it reads first.
TOPICS = {
    "source": ("source_topic", "image-src"),
    "destination": ("result_topic", "image-dest"),
    "keypoints": ("keypoints_topic", "keypoints-dest"),
}
OWNED = {
    "openpose": {
        "COMPOSE_PROJECT_NAME": "openpose_project",
        "WORKER_METRICS_PORT": "openpose_metrics_bind",
    },
    "camera": {"COMPOSE_PROJECT_NAME": "camera_project"},
    "viewer": {"COMPOSE_PROJECT_NAME": "viewer_project", "VIEWER_PORT": "viewer_port"},
}
# What clients have above the largest message by default, for the message's own frame.
FRAME_BYTES = 1024 * 1024
# The clients' limits, by kafka-python's names and by librdkafka's.
FETCH_LIMITS = (
    "max_partition_fetch_bytes",
    "fetch_max_bytes",
    "max.partition.fetch.bytes",
    "fetch.max.bytes",
)
SEND_LIMITS = ("max_request_size", "message.max.bytes")
NAMEABLE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def problems(values: Values) -> Iterator[str]:
    """Yield what is wrong with what the containers of a host are told."""
    for role in catalogue(values):
        variable = f"{role}_environment"
        environment = values.get(variable) or {}
        for name in environment:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
                hint = (
                    "; Kafka's properties belong into kafka_properties" if role == "kafka" else ""
                )
                yield f"{variable}: {str(name)!r} is not the name of an environment variable{hint}"
        for name, text in plain_values(environment, lists=False):
            yield f"{variable}: {name} {text}; write a text, a number, true or false"
    for role in clients(values):
        yield from _client(role, values)
    yield from _loops(values)
    yield from _limits(values)


def _client(role: str, values: Values) -> Iterator[str]:
    """Yield what contradicts in the ways to give one container its parameters."""
    variable = f"{role}_environment"
    environment = values.get(variable) or {}
    for name, instead in OWNED.get(role, {}).items():
        if name in environment:
            yield f"{variable}: {name} is set by this role; use {instead}"
    said = [name for name in environment if str(name).startswith(tuple(PREFIXES.values()))]
    parameters = values.get(f"{role}_sinetstream") or {}
    for section, params in parameters.items():
        for key in params or {}:
            if not NAMEABLE.fullmatch(str(key)):
                yield (
                    f"{role}_sinetstream: {section}.{key} is no parameter of SINETStream's; "
                    "those are small letters, digits and underscores"
                )
    for name in sorted(set(said) & set(_names(parameters))):
        yield f"{variable}: {name} is said by {role}_sinetstream too; leave one of the two out"
    yield from _file(role, values, said, any(parameters.values()))


def _file(role: str, values: Values, said: list[str], nested: bool) -> Iterator[str]:
    """Yield what is wrong with a whole .sinetstream_config.yml."""
    variable = f"{role}_sinetstream_config"
    config = values.get(variable)
    if not config:
        return
    if nested:
        yield f"{variable}: {role}_sinetstream says the same a second way; leave one of the two out"
    if said:
        yield (
            f"{variable}: {role}_environment has {', '.join(said)} beside it; leave one of "
            "the two out"
        )
    services = config.get("config") if "header" in config else config
    for service in SERVICES if role != "camera" else SERVICES[1:]:
        if service not in (services or {}):
            yield f"{variable}: has no service {service}, which it needs"


def _names(parameters: dict[str, Any]) -> Iterator[str]:
    """Yield the environment variables that nested parameters become."""

    def walk(name: str, value: Any) -> Iterator[str]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(f"{name}__{key}", inner)
        else:
            yield name.upper()

    for section, params in parameters.items():
        for key, value in (params or {}).items():
            yield from walk(f"{PREFIXES.get(section, '')}{key}", value)


def topics(value: Callable[[str], Any]) -> dict[str, list[str]]:
    """Return the worker's topics by the place that says them, in the order of `TOPICS`.

    `value` gives a variable of the worker's host. What it reads stands first.
    """
    config = value("openpose_sinetstream_config") or {}
    services = config.get("config", config) or {}
    parameters = value("openpose_sinetstream") or {}
    environment = value("openpose_environment") or {}
    found = {}
    for section, (shared, service) in TOPICS.items():
        variable = f"{PREFIXES[section]}TOPIC"
        said = {
            f"openpose_environment {variable}": environment.get(variable),
            f"openpose_sinetstream {section}.topic": (parameters.get(section) or {}).get("topic"),
            shared: value(shared),
        }
        if config:
            said = {f"openpose_sinetstream_config {service}": _topic_of(services.get(service))}
        for place, topic in said.items():
            if topic:
                found[place] = list(map(str, topic if isinstance(topic, list) else [topic]))
                break
    return found


def _topic_of(service: Any) -> Any:
    return service.get("topic") if isinstance(service, dict) else None


def _loops(values: Values) -> Iterator[str]:
    """Yield topics that are written and read, or written twice."""
    seen: dict[str, str] = {}
    for place, names in topics(values.get).items():
        for name in names:
            first = seen.setdefault(name, place)
            if first == place:
                continue
            is_source = first == next(iter(seen.values()))
            loop = ", and the worker would read its own results in an endless loop" * is_source
            yield f"{place}: is {name}, as {first} is{loop}; give each its own topic"


def _limits(values: Values) -> Iterator[str]:
    """Yield fetch and send limits that a person set against the largest message of the lab."""
    largest = values.get("broker_message_max_bytes")
    parameters = values.get("openpose_sinetstream") or {}
    if not largest:
        return
    for section in PREFIXES:
        params = parameters.get(section) or {}
        spec = params.get("type_spec")
        merged = params | (spec if isinstance(spec, dict) else {})
        for key in FETCH_LIMITS:
            limit = whole(merged.get(key))
            if limit is not None and limit < largest:
                yield (
                    f"openpose_sinetstream: {section} fetches {key} {limit}, and messages may have "
                    f"broker_message_max_bytes {largest}; write {largest} or more, or leave it out"
                )
        for key in SEND_LIMITS:
            limit = whole(merged.get(key))
            if limit is not None and limit > largest + FRAME_BYTES:
                yield (
                    f"openpose_sinetstream: {section} sends {key} {limit}, and the broker takes "
                    f"broker_message_max_bytes {largest}; raise that one, the rest follows"
                )
