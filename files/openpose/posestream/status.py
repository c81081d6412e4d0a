"""What the broker says of the streams: their rates, what the worker has yet to do, how old all is.

Runs with the worker's own settings, best in its container. Looks only: it joins no group and
commits nothing. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, closing
from typing import Any

from . import broker_certificate
from .services import topics
from .settings import Settings, Streams
from .streams import BrokerAway, TopicMissing, Watcher

NEWEST_SECONDS = 5.0


def run(settings: Settings, seconds: float) -> int:
    """Look for so many seconds; return 0 and print figures, or 1 and say what has failed."""
    try:
        report = look(settings.streams, seconds)
        if certificates := broker_certificate.ends(settings.streams):
            report["certificates"] = certificates  # when they end, by broker
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
        watchers: dict[str, Watcher] = {}
        for service in streams.services:
            try:
                watchers[service] = stack.enter_context(closing(Watcher(streams, service)))
            except TopicMissing:
                continue
        return _figures(streams, watchers, seconds)


def _figures(streams: Streams, watchers: dict[str, Watcher], seconds: float) -> dict[str, Any]:
    begun = {service: (time.monotonic(), _end(each)) for service, each in watchers.items()}
    source = watchers.get("image-src")
    behind = [lag(source)]
    time.sleep(seconds)
    figures: dict[str, dict[str, Any]] = {}
    for service, params in streams.services.items():
        figures[service] = {"topic": ", ".join(sorted(topics(params))), "there": False}
        if service in watchers:
            then, before = begun[service]
            now, after = time.monotonic(), _end(watchers[service])
            figures[service] |= {"there": True, "rate": round((after - before) / (now - then), 1)}
    behind.append(lag(source))
    for service, watcher in watchers.items():
        figures[service]["age_seconds"] = age(watcher)
    return {
        "topics": figures,
        "group": source.group if source else None,
        "lag_before": behind[0],
        "lag": behind[1],
    }


def _end(watcher: Watcher) -> int:
    """Return how many messages the topics have had, of all partitions together."""
    return sum(end for _, end in watcher.edges().values())


def lag(source: Watcher | None) -> int | None:
    """Return how many of the messages that are kept the group has yet to deal with."""
    if source is None:
        return None
    committed = source.committed()
    if all(offset is None for offset in committed.values()):
        return None
    edges = source.edges()
    return sum(
        max(0, edges[place][1] - max(offset or 0, edges[place][0]))
        for place, offset in committed.items()
    )


def age(watcher: Watcher) -> float | None:
    """Return the seconds since the newest message was captured; None where there is none."""
    newest = [message.timestamp for message in watcher.newest(NEWEST_SECONDS)]
    return round(time.time() - max(newest), 3) if newest else None
