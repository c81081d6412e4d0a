"""Topics of a test's own on the real broker, and who reads and writes them by the package."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from posestream.settings import Streams
from posestream.streams import Message, Reader, Writer

from . import lab

LIMIT = "20971520"
EARLIEST = {"auto_offset_reset": "earliest"}


class Topic:
    """One topic; its readers are a group of the same name."""

    def __init__(self, admin: AdminClient, partitions: int) -> None:
        self._admin = admin
        self.name = f"test-{secrets.token_hex(4)}"
        new = NewTopic(self.name, partitions, 1, config={"max.message.bytes": LIMIT})
        admin.create_topics([new])[self.name].result(30)

    def grow(self, partitions: int) -> None:
        """Add partitions."""
        self._admin.create_partitions([NewPartitions(self.name, partitions)])[self.name].result(30)

    def committed(self) -> list[int]:
        """Return the group's commits by partition; negative where there is none."""
        consumer = Consumer({"bootstrap.servers": lab.BROKERS, "group.id": self.name})
        numbers = consumer.list_topics(self.name, timeout=10).topics[self.name].partitions
        asked = [TopicPartition(self.name, number) for number in sorted(numbers)]
        found = [partition.offset for partition in consumer.committed(asked, timeout=10)]
        consumer.close()
        return found

    def streams(self, **spec: object) -> Streams:
        """Return the topic as a service called `it`."""
        service = {"type": "kafka", "brokers": lab.BROKERS, "topic": self.name}
        return Streams({"it": service | {"type_spec": {"group_id": self.name} | spec}})

    @contextlib.contextmanager
    def reader(self, *, instance: str = "", seek: str = "", **spec: object) -> Iterator[Reader]:
        """Read as a member of the group, which has its partitions when this begins."""
        reader = Reader(self.streams(**spec), "it", instance=instance, seek=seek)
        try:
            yield reader
        finally:
            reader.close()

    def store(self, *payloads: bytes, key: bytes | None = b"camera") -> None:
        """Write messages."""
        writer = Writer(self.streams(), "it")
        for payload in payloads:
            writer.store(payload, key=key, timestamp=time.time())
        writer.close()


@contextlib.contextmanager
def topic(partitions: int = 1) -> Iterator[Topic]:
    """Make a topic, and delete it afterwards."""
    admin = AdminClient({"bootstrap.servers": lab.BROKERS})
    made = Topic(admin, partitions)
    try:
        yield made
    finally:
        admin.delete_topics([made.name])[made.name].result(30)


def until(
    condition: Callable[[], object],
    *readers: Reader,
    seconds: float = 30,
    note: Callable[[Message], object] = lambda message: None,
) -> list[Message]:
    """Read until a condition holds; returns what was read, each message noted as it came."""
    messages: list[Message] = []
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about; read {len(messages)}"
        for reader in readers:
            new = reader.poll(0.05)
            messages += new
            for message in new:
                note(message)
    return messages


def read(reader: Reader, count: int) -> list[bytes | None]:
    """Return the payloads of the next so many messages."""
    messages: list[Message] = []
    deadline = time.monotonic() + 30
    while len(messages) < count:
        assert time.monotonic() < deadline, f"only {len(messages)} of {count} messages"
        messages += reader.poll(0.2)
    return [message.payload for message in messages]
