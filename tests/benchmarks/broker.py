"""Topics of the benchmark's own on a real broker: made, filled, counted, read, and deleted."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import sinetstream
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from posestream.settings import Streams
from posestream.streams import Writer

ANSWER_SECONDS = 20.0
SILENCE_MILLISECONDS = 10_000
AHEAD = 64  # messages that are handed over and not yet stored
CONFIG = {
    "max.message.bytes": "20971520",
    "message.timestamp.type": "LogAppendTime",  # tells when a result was stored
}


class Failed(Exception):  # noqa: N818
    """A measurement has come to nothing."""


@dataclass(frozen=True)
class Result:
    """A result's camera; when its frame was taken, and when it was stored (epoch seconds)."""

    camera: bytes | None
    taken: float
    stored: float


class Broker:
    """A broker, and the topics that are made on it for the time of a `with` block."""

    def __init__(self, address: str) -> None:
        """Connect to host:port; raises KafkaException where no broker answers."""
        self.address = address
        client = {"bootstrap.servers": address, "log_level": 0}
        self._admin = AdminClient(client)
        self._admin.list_topics(timeout=ANSWER_SECONDS)
        self._ends = Consumer(client | {"group.id": "benchmark"})
        self._topics: list[str] = []

    def __enter__(self) -> Broker:
        """Return the broker."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the topics."""
        self._ends.close()
        for deleted in self._admin.delete_topics(self._topics).values() if self._topics else ():
            deleted.result(ANSWER_SECONDS)

    def topic(self, partitions: int = 1) -> str:
        """Make a topic, and return its name."""
        name = f"benchmark-{secrets.token_hex(4)}"
        made = self._admin.create_topics([NewTopic(name, partitions, 1, config=CONFIG)])
        made[name].result(ANSWER_SECONDS)
        self._topics.append(name)
        return name

    def environ(self, source: str) -> dict[str, str]:
        """Return the variables of a worker that reads all of `source`, with results of its own."""
        return {
            "SS_BROKERS": self.address,
            "SSSRC_TOPIC": source,
            "SSSRC_GROUP_ID": f"benchmark-{secrets.token_hex(4)}",
            "SSSRC_TYPE_SPEC__AUTO_OFFSET_RESET": "earliest",
            "SSDST_TOPIC": self.topic(),
            "SSKPT_TOPIC": self.topic(),
        }

    def count(self, topic: str) -> int:
        """Return how many messages there are in a topic's first partition."""
        place = TopicPartition(topic, 0)
        return self._ends.get_watermark_offsets(place, timeout=ANSWER_SECONDS)[1]

    def fill(
        self,
        topic: str,
        pictures: Sequence[bytes],
        count: int,
        keys: Sequence[bytes | None] = (b"camera",),
        per_second: float = 0,
    ) -> tuple[float, float]:
        """Store pictures, each with the present time, the cameras in turn.

        Args:
            topic: where.
            pictures: are repeated.
            count: how many messages.
            keys: the cameras.
            per_second: how many of all cameras together; 0 for as fast as can be.

        Returns:
            When it began and ended, in epoch seconds.
        """
        service = {"type": "kafka", "brokers": self.address, "topic": topic}
        writer = Writer(Streams({"image-dest": service}), "image-dest", expire=ANSWER_SECONDS)
        room, errors = threading.Semaphore(AHEAD), []

        def done(error: Exception | None) -> None:
            errors.extend([error] if error else [])
            room.release()

        begun = time.time()
        for number in range(count):
            if per_second:
                time.sleep(max(0.0, begun + number / per_second - time.time()))
            room.acquire()
            picture, key = pictures[number % len(pictures)], keys[number % len(keys)]
            writer.publish(picture, key=key, timestamp=time.time(), done=done)
        ended = time.time()
        for _ in range(AHEAD):
            room.acquire()
        writer.close()
        if errors:
            raise Failed(f"{len(errors)} of {count} pictures are not stored: {errors[0]}")
        return begun, ended

    def results(self, topic: str) -> list[Result]:
        """Return all that is in a topic."""
        count, found = self.count(topic), []
        reader = sinetstream.MessageReader(
            no_config=True,
            type="kafka",
            brokers=self.address,
            topics=[topic],
            receive_timeout_ms=SILENCE_MILLISECONDS,
            type_spec={"group_id": topic, "auto_offset_reset": "earliest"},
        )
        with reader as messages:
            for message in itertools.islice(messages, count):
                record = message.raw
                found.append(Result(record.key, message.timestamp, record.timestamp / 1000))
        if len(found) < count:
            raise Failed(f"only {len(found)} of {count} results could be read")
        return found
