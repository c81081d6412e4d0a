"""What the broker says of the streams: their rates, what the worker has yet to do, how old all is.

Runs with the worker's own settings, best in its container. Looks only: it joins no group and
commits nothing. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from .services import topics
from .settings import Settings, Streams
from .streams import BrokerAway, Reader, TopicMissing

BROKER_SECONDS = 15.0  # how long the broker may take for an answer
NEWEST_SECONDS = 5.0
POLL_SECONDS = 0.2

Offsets = dict[TopicPartition, int]


def run(settings: Settings, seconds: float) -> int:
    """Look for so many seconds; return 0 and print figures, or 1 and say what has failed."""
    try:
        report = look(settings.streams, seconds)
    except BrokerAway as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0


def look(streams: Streams, seconds: float) -> dict[str, Any]:
    """Return the figures of the topics, by service, and of the worker's group.

    Per service: `topic`, `there`; where it is there also `rate` (messages per second) and
    `age_seconds` (since the newest message was captured; None where the topic is empty).
    Of the group: `group`, `lag_before` and `lag` (messages at the start and the end of the look;
    None where it has not committed anything). Raises BrokerAway.
    """
    with ExitStack() as stack:
        readers: dict[str, Reader] = {}
        for service in streams.services:
            try:
                reader = Reader(streams, service, watch=True)
            except TopicMissing:
                continue
            readers[service] = stack.enter_context(closing(reader))
        group = stack.enter_context(closing(Reader(streams, "image-src")))
        with _broker_away(streams):
            return _figures(streams, readers, group, seconds)


def _figures(
    streams: Streams, readers: dict[str, Reader], group: Reader, seconds: float
) -> dict[str, Any]:
    begun = {service: (time.monotonic(), ends(reader)) for service, reader in readers.items()}
    behind = [lag(group, readers.get("image-src"))]
    time.sleep(seconds)
    figures: dict[str, dict[str, Any]] = {}
    for service, params in streams.services.items():
        figures[service] = {"topic": ", ".join(sorted(topics(params))), "there": False}
        if service in readers:
            then, before = begun[service]
            now, after = time.monotonic(), ends(readers[service])
            came = sum(after.values()) - sum(before.values())
            figures[service] |= {"there": True, "rate": round(came / (now - then), 1)}
    behind.append(lag(group, readers.get("image-src")))
    for service, reader in readers.items():
        figures[service]["age_seconds"] = age(reader)
    return {
        "topics": figures,
        "group": group.client.config["group_id"],
        "lag_before": behind[0],
        "lag": behind[1],
    }


@contextmanager
def _broker_away(streams: Streams) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise BrokerAway(f"{streams.describe('image-src')}: {error!r}") from error


def starts(reader: Reader) -> Offsets:
    """Return the offset of the oldest message that is kept, by partition."""
    reader.client.seek_to_beginning()
    return _positions(reader)


def ends(reader: Reader) -> Offsets:
    """Return the offset after the newest message, by partition."""
    reader.client.seek_to_end()
    return _positions(reader)


def _positions(reader: Reader) -> Offsets:
    client = reader.client
    return {
        place: client.position(place, timeout_ms=BROKER_SECONDS * 1000)
        for place in client.assignment()
    }


def lag(group: Reader, source: Reader | None) -> int | None:
    """Return how many of the messages that are kept the group has yet to deal with."""
    if source is None:
        return None
    committed = {
        place: group.client.committed(place, timeout_ms=BROKER_SECONDS * 1000)
        for place in source.client.assignment()
    }
    if all(offset is None for offset in committed.values()):
        return None
    first, last = starts(source), ends(source)
    return sum(
        last[place] - max(offset, first[place])
        for place, offset in committed.items()
        if offset is not None
    )


def age(reader: Reader) -> float | None:
    """Return the seconds since the newest message was captured; None where there is none."""
    first, last = starts(reader), ends(reader)
    wanted = {place for place in last if last[place] > first[place]}
    for place in wanted:
        reader.client.seek(place, last[place] - 1)
    newest = None
    deadline = time.monotonic() + NEWEST_SECONDS
    while wanted and time.monotonic() < deadline:
        for message in reader.poll(POLL_SECONDS):
            wanted.discard(TopicPartition(*message.position[:2]))
            newest = max(newest or 0.0, message.timestamp)
    return None if newest is None else round(time.time() - newest, 3)
