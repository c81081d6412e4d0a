"""The broker's properties, its environment and the topics."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from .services import Values
from .specs import in_plain_numbers
from .values import plain_values, topic_name

ITSELF = ""  # nothing else says it
# Properties that the role sets, and what to use in their place.
OWNED = {
    "advertised.listeners": "broker_hostname and broker_port",
    "broker.id": "kafka_broker_id",
    "broker.id.generation.enable": "kafka_broker_id",
    "inter.broker.listener.name": ITSELF,
    "listener.security.protocol.map": ITSELF,
    "listeners": "kafka_bind_address and broker_port",
    "log.dir": "kafka_broker_data",
    "log.dirs": "kafka_broker_data",
    "reserved.broker.max.id": "kafka_broker_id",
    "security.inter.broker.protocol": ITSELF,
    "zookeeper.connect": ITSELF,
}
OWNED_ENVIRONMENT = {
    "BROKER_HOSTNAME": "broker_hostname",
    "COMPOSE_PROJECT_NAME": "kafka_project",
    "KAFKA_HEAP_OPTS": "kafka_heap",
    "ZOOKEEPER_CLIENT_PORT": ITSELF,
}
# Where a topic's property and the broker's default for it have different names.
BROKER_NAMES = {
    "cleanup.policy": "log.cleanup.policy",
    "max.message.bytes": "message.max.bytes",
    "retention.bytes": "log.retention.bytes",
    "retention.ms": "log.retention.ms",
    "segment.bytes": "log.segment.bytes",
    "segment.ms": "log.roll.ms",
}
TOPIC_PROPERTIES = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.downconversion.enable",
    "message.format.version",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.difference.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
]
# There is one broker: a second copy has no place to be.
ONE_COPY = re.compile(r"(.*\.)?replication\.factor|(.*\.)?min\.(isr|insync\.replicas)")
NUMBERS = re.compile(
    r".*\.(bytes|ms|hours|minutes|replication\.factor|isr|replicas|partitions|threads)"
)


def environment_name(name: str) -> str:
    """Return the variable of Kafka's image that sets a property."""
    return "KAFKA_" + name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def problems(values: Values) -> Iterator[str]:
    """Yield what is wrong with the broker of a host."""
    properties = values.get("kafka_properties") or {}
    environment = values.get("kafka_environment") or {}
    for name in properties:
        yield from (f"kafka_properties: {text}" for text in _property(str(name), environment))
    for name, text in plain_values(properties, lists=True):
        yield f"kafka_properties: {name} {text}; write a text, a number, true or false"
    yield from (f"kafka_properties: {text}" for text in _numbers(properties))
    owned = {environment_name(name): instead for name, instead in OWNED.items()} | OWNED_ENVIRONMENT
    for name in environment:
        if name in owned:
            yield f"kafka_environment: {name} is set by this role{_instead(owned[name])}"
    yield from _limits(values, properties)
    yield from _topics(values.get("kafka_topics") or [])


def topic_limits(topics: list[dict[str, Any]]) -> dict[str, int]:
    """Return the largest message of each topic whose inventory says one."""
    limits = {
        topic["name"]: whole((topic.get("config") or {}).get("max.message.bytes"))
        for topic in topics
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def whole(value: Any) -> int | None:
    """Return a property's value as the whole number it is, or None."""
    return int(str(value)) if re.fullmatch(r"-?\d+", str(value)) else None


def _instead(variable: str) -> str:
    return f"; use {variable}" if variable else ", as its docker-compose.yml needs it; leave it out"


def _property(name: str, environment: dict[str, Any]) -> Iterator[str]:
    if name.startswith("KAFKA_"):
        yield f"{name} is an environment variable; write it into kafka_environment"
    elif name != name.lower():
        yield (
            f"{name} cannot be said to Kafka's image: it makes the properties from environment "
            f"variables and writes their names in small letters; leave {name} out"
        )
    elif not re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name):
        yield f"{name!r} is not a property's name, as message.max.bytes is"
    elif name in BROKER_NAMES:
        yield f"{name} is a property of a topic; the broker's is {BROKER_NAMES[name]}"
    elif name in OWNED:
        yield f"{name} is set by this role{_instead(OWNED[name])}"
    elif environment_name(name) in environment:
        yield (
            f"{name} is said by kafka_environment too, as {environment_name(name)}; "
            "leave one of the two out"
        )


def _numbers(properties: dict[str, Any]) -> Iterator[str]:
    """Yield the numbers that are none, and the copies that one broker cannot keep."""
    for name, value in properties.items():
        if value is None or not NUMBERS.fullmatch(str(name)):
            continue
        number = whole(value)
        if number is None:
            meant = in_plain_numbers(name, str(value))
            yield f"{name}: {value!r} is not a whole number" + (f"; {meant}" if meant else "")
        elif ONE_COPY.fullmatch(name) and number != 1:
            yield f"{name}: {number} copies need as many brokers, and there is one; write 1"
        elif number < -1:
            yield f"{name}: {number} is negative; -1 means no limit"


def _limits(values: Values, properties: dict[str, Any]) -> Iterator[str]:
    message = whole(properties.get("message.max.bytes"))
    limit = values.get("broker_message_max_bytes")
    if message and limit and message > limit:
        yield (
            f"kafka_properties: message.max.bytes {message} is above "
            f"broker_message_max_bytes {limit}, "
            f"which is what consumers fetch; set broker_message_max_bytes: {message}, the "
            "rest follows"
        )
    replica = whole(properties.get("replica.fetch.max.bytes"))
    largest = message or limit
    if replica and largest and replica < largest:
        yield (
            f"kafka_properties: replica.fetch.max.bytes {replica} is below the largest message "
            f"of {largest} bytes; leave it out"
        )


def _topics(topics: list[dict[str, Any]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for topic in topics:
        name = str(topic["name"])
        # Its metrics' names have underscores for dots: Kafka refuses the second of two such topics.
        like = name.replace(".", "_")
        where = f"kafka_topics: {name}"
        if text := topic_name(name):
            yield f"kafka_topics: {name!r} {text}"
        if seen.get(like) == name:
            yield f"{where} stands there twice; leave one out"
        elif like in seen:
            yield (
                f"{where} and {seen[like]} are one name to Kafka, which takes dots for "
                "underscores; rename one"
            )
        seen[like] = name
        partitions = topic.get("partitions")
        if whole(partitions) is not None and not 1 <= int(partitions) <= 1000:
            yield f"{where}: {partitions} partitions are not between 1 and 1000; for example 1"
        config = topic.get("config") or {}
        for key in config:
            if key not in TOPIC_PROPERTIES:
                near = difflib.get_close_matches(str(key), TOPIC_PROPERTIES, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield f"{where}: {key} is not a property of a topic{hint}"
        for key, text in plain_values(config, lists=False):
            yield f"{where}: {key} {text}; write a text, a number, true or false"
        yield from (f"{where}: {text}" for text in _numbers(config))
