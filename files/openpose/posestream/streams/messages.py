"""What goes over a stream, what can go wrong there, and what a program knows of its streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .progress import Place, Position


class BrokerAway(Exception):  # noqa: N818 (a state, not an error)
    """The broker cannot be reached, or not be worked with at present; trying again may help."""


class TopicMissing(BrokerAway):
    """The broker is there, the topic is not."""


class Forbidden(BrokerAway):
    """The broker is there, and does not allow it: that may change without a new connection."""


class Reopen(BrokerAway):
    """The broker may be there, but this reader is of no more use: open another one."""


class Refused(Exception):  # noqa: N818
    """The broker will never take this message: it is too large."""


# Why a message stays closed, for people.
SEALED = {
    "encrypted": "it is encrypted, and there is no key here (data_encryption, crypto)",
    "not_encrypted": "it is not encrypted, and has to be here (data_encryption)",
    "wrong_key": "it is encrypted with another key, was changed on its way, or is no such message",
}


@dataclass(frozen=True)
class Message:
    """What was read.

    Attributes:
        payload: the bytes that were published; None for a record without a value.
        key: the Kafka record's key.
        timestamp: event time, seconds since the epoch. SINETStream's, to the microsecond; where
            it has none, or the record is not a SINETStream message, the Kafka record's; where
            that is none either, the present.
        position: topic, partition, offset.
        time_replaced: the message said a time that cannot be.
        unreadable: why the Kafka client could not read the record; "" where it could.
        sealed: why it could not be decrypted, one of `SEALED`; "" where it could, or is in plain.
        published: when Kafka says that it was, seconds since the epoch; 0 where it does not.
    """

    payload: bytes | None
    key: bytes | None
    timestamp: float
    position: Position
    time_replaced: bool = False
    unreadable: str = ""
    sealed: str = ""
    published: float = 0.0


class Source(Protocol):
    """What a program reads from; `Reader` is one."""

    # Called before partitions go to others; returns the messages of theirs that will not be dealt
    # with here. What is under way is waited for.
    leaving: Callable[[set[Place]], list[Message]]

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages."""

    # How many messages of each partition are not dealt with yet, when it was last looked.
    lags: dict[Place, int]

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""

    def commit(self, message: Message) -> None:
        """Note that a message is dealt with."""

    def hold(self) -> None:
        """Fetch nothing until `go_on`: the messages cannot be taken. Polls are still needed."""

    def go_on(self) -> None:
        """Fetch again."""

    def seek_to_end(self) -> None:
        """Go on with what is published from now on."""

    def close(self) -> None:
        """Commit, and let go of the broker."""


# Called once when a message is stored (None), or when it is known that it will not be.
Done = Callable[[Exception | None], None]


class Sink(Protocol):
    """What a program writes to; `Writer` is one."""

    def publish(self, payload: bytes, *, key: bytes | None, timestamp: float, done: Done) -> None:
        """Hand a message over; `done` is called, in another thread, when it is stored."""

    def away(self) -> str:
        """Return why messages have waited for their acknowledgement for long; "" if none has."""

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""

    def close(self) -> None:
        """Let go of the broker."""
