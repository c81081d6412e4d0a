"""Variables of one host that contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

from . import gpus, kafka, streams
from .services import GROUPS, Values, meet, ports

# Several of one kind on a host, each of which has to be another one.
DISTINCT = {
    "their files would overwrite each other": [f"{group}_dir" for group in GROUPS],
    "Compose would take them for one": [f"{group}_project" for group in GROUPS],
    "their data would mix": ["kafka_broker_data", "kafka_zookeeper_data", "kafka_zookeeper_log"],
}


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what contradicts in the variables of a host that is in `groups`."""
    yield from kafka.problems(values, groups)
    yield from streams.problems(values)
    if "openpose" in groups:
        yield from gpus.contradictions(values)
    for reason, names in DISTINCT.items():
        for one, other in itertools.combinations(names, 2):
            if values.get(one) and values.get(one) == values.get(other):
                yield f"{other}: is {values[other]}, as {one} is: {reason}; give each its own"
    for one, other in itertools.combinations(ports(values, groups), 2):
        if meet(one, other):
            yield (
                f"{other.variable}: {other.number} is the port of {one.variable} too, on the same "
                f"host; for example {other.number + 1}"
            )
