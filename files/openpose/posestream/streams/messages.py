"""What goes over a stream, what can go wrong there, and what a program knows of its streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .progress import Position


class BrokerAway(Exception):  # noqa: N818 (a state, not an error)
    """The broker cannot be reached, or not be worked with at present; trying again may help."""


class TopicMissing(BrokerAway):
    """The broker is there, the topic is not."""


class Refused(Exception):  # noqa: N818
    """The broker will never take this message: it is too large."""


@dataclass(frozen=True)
class Message:
    """What was read.

    Attributes:
        payload: the bytes that were published; None for a record without a value.
        key: the Kafka record's key.
        timestamp: event time, seconds since the epoch. SINETStream's, to the microsecond; where
            it has none, or the record is not a SINETStream message, the Kafka record's.
        position: topic, partition, offset.
    """

    payload: bytes | None
    key: bytes | None
    timestamp: float
    position: Position


class Source(Protocol):
    """What a program reads from; `Reader` is one."""

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages."""

    def commit(self, message: Message) -> None:
        """Note that a message is dealt with."""

    def close(self) -> None:
        """Commit, and let go of the broker."""


class Sink(Protocol):
    """What a program writes to; `Writer` is one."""

    def publish(self, payload: bytes, *, key: bytes | None, timestamp: float) -> None:
        """Store a message."""

    def close(self) -> None:
        """Let go of the broker."""
