"""Numbered records in a steady flow to a cluster, and the proof that none is lost."""

from __future__ import annotations

import threading
import time
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

TIMEOUT = 120.0  # seconds until what was written has to be acknowledged, and until all is read
CALM = {
    "log_level": 0,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 3000,
}


class Load:
    """Writes records from when it is entered until it is left; notes those that are acknowledged.

    What the broker has acknowledged has to be there for ever after: `lost` reads it all.
    """

    def __init__(
        self, client: dict[str, Any], topic: str, each_second: int = 50, size: int = 4096
    ) -> None:
        """Write to `topic`, so many records of `size` bytes each second.

        Args:
            client: what librdkafka is told to reach the brokers.
            topic: it has to be there, and to delete nothing meanwhile.
            each_second: how many records are written.
            size: how large each is, in bytes.
        """
        self._client, self._topic = client | CALM, topic
        self._period, self._filling = 1 / each_second, bytes(size - 8)
        self.written = 0
        self.acknowledged: set[int] = set()
        self.refused: list[str] = []  # of what was not acknowledged, why
        self._begin: dict[int, int] = {}
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Load:
        reader = self._reader()
        topics = reader.list_topics(self._topic, timeout=30).topics
        self._begin = self._edges(reader, topics[self._topic].partitions)
        reader.close()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _reader(self) -> Consumer:
        return Consumer(self._client | {"group.id": "-", "enable.auto.commit": False})

    def _edges(self, reader: Consumer, partitions: Any) -> dict[int, int]:
        """Return the end of each partition."""
        places = {number: TopicPartition(self._topic, number) for number in partitions}
        return {
            number: reader.get_watermark_offsets(place, timeout=30)[1]
            for number, place in places.items()
        }

    def _write(self) -> None:
        producer = Producer(self._client | {"acks": "all", "delivery.timeout.ms": 90_000})
        due = time.monotonic()
        while not self._stops.is_set():
            value = self.written.to_bytes(8) + self._filling
            try:
                producer.produce(self._topic, value, on_delivery=self._note)
                self.written += 1
            except BufferError:  # it is as full as it can be: nothing is acknowledged for long
                pass
            except KafkaException as error:  # a broker that has just begun knows no topic yet
                self.refused.append(f"{self.written}: {error.args[0]}")
            due = max(due + self._period, time.monotonic() - 1)
            producer.poll(max(0.0, due - time.monotonic()))
            self._stops.wait(max(0.0, due - time.monotonic()))
        producer.flush(TIMEOUT)

    def _note(self, error: Any, record: Message) -> None:
        number = int.from_bytes(record.value()[:8])
        if error is None:
            self.acknowledged.add(number)
        else:
            self.refused.append(f"{number}: {error}")

    def stop(self) -> None:
        """Write no more, and wait for what is under way."""
        self._stops.set()
        self._thread.join(TIMEOUT + 10)
        assert not self._thread.is_alive(), "the producer does not come to an end"

    def lost(self) -> set[int]:
        """Return the numbers of those that were acknowledged, and that nobody can read."""
        self.stop()
        reader = self._reader()
        places = [TopicPartition(self._topic, *begin) for begin in self._begin.items()]
        missing = set(self.acknowledged)
        deadline = time.monotonic() + TIMEOUT
        ends = self._edges(reader, self._begin)
        reader.assign(places)
        while missing and time.monotonic() < deadline:
            for record in reader.consume(500, 1):
                if record.error() is not None:
                    raise KafkaException(record.error())
                missing.discard(int.from_bytes(record.value()[:8]))
            at = {place.partition: place.offset for place in reader.position(places)}
            if all(at[number] >= end for number, end in ends.items()):
                break
        reader.close()
        return missing
