"""The topics as they are to be made, whoever says them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import broker
from .properties import TOPIC, whole, wrong_values
from .services import Values
from .types import nearest
from .values import topic_name

LARGEST, SEGMENT, RETENTION = "max.message.bytes", "segment.bytes", "retention.bytes"
# Properties of the broker's, and those of a topic that go over them.
TOPIC_NAMES = {about["broker"]: name for name, about in TOPIC.items() if "broker" in about}


def limits(topics: list[dict[str, Any]]) -> dict[str, int]:
    """Return the largest message of each topic whose inventory says one."""
    said = {topic["name"]: whole((topic.get("config") or {}).get(LARGEST)) for topic in topics}
    return {name: limit for name, limit in said.items() if limit is not None}


def problems(topics: Any, values: Values) -> Iterator[str]:
    """Yield what is wrong with `kafka_topics`, of which `topics` is the value, or the default."""
    own_broker = broker.of(values)
    if not topics and not own_broker.makes_topics():
        yield (
            "kafka_topics: is empty, and the broker makes no topics by itself; leave it out for "
            "the default: the topics of camera, results and keypoints"
        )
    seen: dict[str, str] = {}
    for number, topic in enumerate(topics or [], 1):
        if not isinstance(topic, dict) or topic.get("name") in (None, ""):
            what = "has no name" if topic and isinstance(topic, dict) else "is no topic"
            yield f"kafka_topics: entry {number} {what}; write {{name: TOPIC}}"
            continue
        name = str(topic["name"])
        yield from _name(name, seen)
        for text in (*_properties(topic), *_sizes(topic, values, own_broker)):
            yield f"kafka_topics: {name}: {text}"


def _name(name: str, seen: dict[str, str]) -> Iterator[str]:
    # Its metrics' names have underscores for dots: Kafka refuses the second of two such topics.
    like = name.replace(".", "_")
    if text := topic_name(name):
        yield f"kafka_topics: {name!r} {text}"
    if seen.get(like) == name:
        yield f"kafka_topics: {name} stands there twice; leave one out"
    elif like in seen:
        yield (
            f"kafka_topics: {name} and {seen[like]} are one name to Kafka, which takes dots for "
            "underscores; rename one"
        )
    seen[like] = name


def _properties(topic: dict[str, Any]) -> Iterator[str]:
    partitions, config = topic.get("partitions"), topic.get("config") or {}
    if partitions is not None and whole(partitions) is None:
        yield f"{partitions!r} is no number of partitions; for example 1"
    elif partitions is not None and not 1 <= whole(partitions) <= 1000:
        yield f"{partitions} partitions are not between 1 and 1000; for example 1"
    for key in config:
        if key not in TOPIC and key in TOPIC_NAMES:
            yield f"{key} is a property of the broker; a topic's is {TOPIC_NAMES[key]}"
        elif key not in TOPIC:
            yield f"{key} is not a property of a topic{nearest(key, TOPIC)}"
    yield from wrong_values(config, TOPIC.get)
    low, high = (whole(config.get(f"{limit}.compaction.lag.ms")) for limit in ("min", "max"))
    if low is not None and high is not None and low > high:
        yield f"min.compaction.lag.ms {low} is above max.compaction.lag.ms {high}; leave one out"


def _sizes(topic: dict[str, Any], values: Values, own: broker.Broker) -> Iterator[str]:
    name, config = topic["name"], topic.get("config") or {}

    def number(key: str) -> int | None:
        return whole(config[key]) if key in config else own.or_default(TOPIC[key]["broker"])

    limit, largest = values.get("broker_message_max_bytes"), number(LARGEST)
    if LARGEST not in config:
        largest = own.number(broker.MESSAGE) or limit
    segment, retention = number(SEGMENT), number(RETENTION)
    holds_pictures = name in (
        values.get("posestream_source_topic"),
        values.get("posestream_result_topic"),
    )
    if limit and largest and largest < limit and name == values.get("posestream_result_topic"):
        yield (
            f"{LARGEST} {largest} is below broker_message_max_bytes {limit}, and a result may "
            f"have as many; write {limit}, or set broker_message_max_bytes: {largest}"
        )
    if segment and largest and segment < largest and (holds_pictures or LARGEST in config):
        yield (
            f"{SEGMENT} {segment} is below the largest message of {largest} bytes, which lies in "
            f"one segment; write {largest} or more"
        )
    said = tuple(values.get(f"kafka_image_{key}_bytes") for key in ("segment", "retention"))
    if (
        segment
        and retention is not None
        and 0 <= retention < segment
        and said != (segment, retention)
    ):
        yield (
            f"{RETENTION} {retention} is below one segment of {segment} bytes, and Kafka deletes "
            f"whole ones; write {segment} or more, or a smaller {SEGMENT}"
        )
