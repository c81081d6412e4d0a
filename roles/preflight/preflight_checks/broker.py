"""A broker as a host's variables make it, and the sizes that have to fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from .properties import BROKER, whole
from .services import Values
from .sources import KAFKA_SETTINGS, kafka_variables

MIB = 1024 * 1024
AUTOMATIC = "auto.create.topics.enable"
MESSAGE = "message.max.bytes"
REPLICA = "replica.fetch.max.bytes"
SOCKET = "socket.request.max.bytes"

# Properties that may be at most as large as another: else Kafka does not start, or takes nobody.
AT_MOST = (
    ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
    ("log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
    ("replica.fetch.wait.max.ms", "replica.lag.time.max.ms"),
    ("replica.fetch.wait.max.ms", "replica.socket.timeout.ms"),
)
# Properties of which the first that is said counts.
FIRST_COUNTS = (
    ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    ("log.roll.ms", "log.roll.hours"),
    ("log.roll.jitter.ms", "log.roll.jitter.hours"),
)

# The variables that say properties, in the order in which they go over one another.
SAID_BY = ("kafka_properties", "kafka_properties_unchecked", "kafka_environment")


@dataclass(frozen=True)
class Broker:
    """A broker's properties: what each is said to be, and where."""

    said: dict[str, tuple[str, Any]]  # the place and the value, by the property

    def place(self, name: str) -> str:
        """Return where a property is said, for a message."""
        return self.said[name][0]

    def number(self, name: str) -> int | None:
        """Return a property's whole number, None where nobody says a good one."""
        return whole(self.said[name][1]) if name in self.said else None

    def or_default(self, name: str) -> int | None:
        """Return a property's whole number, Kafka's own default where nobody says one."""
        number = self.number(name)
        return whole(BROKER[name].get("default")) if number is None else number

    def makes_topics(self) -> bool:
        """Say whether the broker makes a topic for whoever asks for it."""
        return AUTOMATIC in self.said and str(self.said[AUTOMATIC][1]).lower() == "true"


def of(values: Values) -> Broker:
    """Return the broker that a host's variables make; what is said last wins."""
    said = {
        name: (f"{variable}: {name}", value)
        for variable in SAID_BY[:2]
        for name, value in (values.get(variable) or {}).items()
    }
    for variable, value in (values.get("kafka_environment") or {}).items():
        if variable.startswith("KAFKA_") and variable not in KAFKA_SETTINGS:
            name = kafka_variables.property_of(variable)
            said[name] = (f"kafka_environment: {variable}", value)
    return Broker(said)


def orders(values: Values) -> Iterator[str]:
    """Yield properties that are above what they may be, and those that count for nothing."""
    broker = of(values)
    for lesser, greater in AT_MOST:
        low, high = broker.or_default(lesser), broker.or_default(greater)
        said = [name for name in (lesser, greater) if name in broker.said]
        if said and None not in (low, high) and low > high:
            yield (
                f"{broker.place(said[0])} {broker.number(said[0])}: {lesser} {low} has to be at "
                f"most {greater} {high}; write both so, or leave them out"
            )
    for names in FIRST_COUNTS:
        first, *others = [name for name in names if name in broker.said] or [""]
        for name in others:
            yield f"{broker.place(name)} does nothing beside {first}; leave one of the two out"


def sizes(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield the sizes that do not fit the largest message, or each other."""
    broker, limit = of(values), values.get("broker_message_max_bytes")
    message, replica = broker.number(MESSAGE), broker.number(REPLICA)
    largest = message or limit
    if replica and largest and replica < largest:
        yield (
            f"{broker.place(REPLICA)} {replica} is below the largest message "
            f"of {largest} bytes; leave it out"
        )
    if not limit:
        return
    if message and message > limit:
        yield (
            f"{broker.place(MESSAGE)} {message} is above broker_message_max_bytes {limit}, "
            f"which is what consumers fetch; set broker_message_max_bytes: {message}, the "
            "rest follows"
        )
    elif message and message < limit:
        yield (
            f"{broker.place(MESSAGE)} {message} does nothing for the pictures, whose topics have "
            f"broker_message_max_bytes {limit} as their own limit; set broker_message_max_bytes: "
            f"{message}, the rest follows"
        )
    request = broker.or_default(SOCKET)
    if request < limit and ("kafka" in groups or SOCKET in broker.said):
        yield (
            f"broker_message_max_bytes: {limit} is more than the broker takes in one request, "
            f"{SOCKET} {request}; write less, or kafka_properties: {{{SOCKET}: {limit + MIB}}}"
        )
    segment = values.get("kafka_image_segment_bytes")
    if segment and segment < limit:
        yield (
            f"kafka_image_segment_bytes: {segment} is below broker_message_max_bytes {limit}, and "
            f"a message lies in one segment; write {limit} or more"
        )
    retention = values.get("kafka_image_retention_bytes")
    if segment and retention is not None and 0 <= retention < segment:
        yield (
            f"kafka_image_retention_bytes: {retention} is below one segment of {segment} bytes, "
            f"and Kafka deletes whole ones; write {segment} or more, or -1 for no limit"
        )
