"""SINETStream's broker plugin for Kafka, on librdkafka: its service provider interface, kept whole.

`sinetstream.MessageReader` and `MessageWriter` find it by the entry points of this package, for
services of type kafka; the classes in `reading` and `writing` are made of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from sinetstream import AT_LEAST_ONCE, AT_MOST_ONCE, AuthorizationError
from sinetstream.error import ConnectionError as NotConnected
from sinetstream.spi import PluginMessageReader, PluginMessageWriter

from .. import client_settings
from .opening import MESSAGE_BYTES, WAIT_SECONDS
from .trouble import FORBIDDEN, Trouble

# What librdkafka is told where the user says nothing else (milliseconds, bytes).
CLIENT = {
    "client.id": "posestream",
    # A broker that is paused or cut off is given up, and found again, within seconds.
    "socket.timeout.ms": 10000,
    "socket.connection.setup.timeout.ms": 5000,
    "socket.keepalive.enable": True,
    "reconnect.backoff.max.ms": 1000,
    # Partitions that are added are found, and read from their start, as soon as this.
    "topic.metadata.refresh.interval.ms": 10000,
    "log.connection.close": False,
}
CONSUMER = {
    **CLIENT,
    "group.id": "openpose",
    "session.timeout.ms": 10000,
    "max.poll.interval.ms": 120000,
    "partition.assignment.strategy": "cooperative-sticky",
    "max.partition.fetch.bytes": MESSAGE_BYTES,
    "receive.message.max.bytes": 128 * 1024 * 1024,
    # What is fetched ahead: enough for the fastest worker, and no more memory than this.
    "queued.min.messages": 64,
    "queued.max.messages.kbytes": 65536,
    "fetch.queue.backoff.ms": 10,
    "fetch.error.backoff.ms": 50,
    "check.crcs": True,
}
PRODUCER = {
    **CLIENT,
    "acks": "all",
    "enable.idempotence": True,
    "message.max.bytes": MESSAGE_BYTES,
    "request.timeout.ms": 10000,
    "message.timeout.ms": 0,  # the client tries for as long as the message is wanted
    "queue.buffering.max.messages": 100000,
    "queue.buffering.max.kbytes": 1048576,
    "linger.ms": 0,
    # Java's and kafka-python's, so that a camera's frames stay in the partition where they are.
    "partitioner": "murmur2_random",
}
log = logging.getLogger("librdkafka")


class _Plugin:
    """What both kinds have in common: from SINETStream's parameters to librdkafka's."""

    defaults: dict[str, Any]
    kind: str

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        if confver.type_spec():
            spec = params.get("type_spec") or {}
        else:  # formats before the third mix both kinds
            spec = {
                name: value
                for name, value in params.items()
                if name in client_settings.SETTINGS or client_settings.is_own_name(name)
            }
        brokers = params["brokers"]
        self.config: dict[str, Any] = {
            **self.defaults,
            **self._of_consistency(params.get("consistency")),
            **_of_tls(params.get("tls"), self.kind),
            **client_settings.translate(spec, self.kind),
            "bootstrap.servers": brokers if isinstance(brokers, str) else ",".join(brokers),
            "logger": log,
        }
        self.trouble = Trouble(dict(self.config), spec.get(client_settings.PASSWORD_FILE, ""))
        self.config["error_cb"] = self.trouble.note

    def _of_consistency(self, consistency: Any) -> dict[str, Any]:
        """Return what SINETStream's plugin for kafka-python makes of the consistency."""
        raise NotImplementedError

    def metrics(self) -> None:
        """Librdkafka's statistics come by a callback, not on demand."""

    def reset_metrics(self) -> None:
        """Nothing is counted."""


class KafkaReader(_Plugin, PluginMessageReader):
    """Reads as SINETStream's own plugin does: in a group, committed by the clock."""

    defaults = CONSUMER
    kind = client_settings.READER

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        """Take SINETStream's parameters; raises ValueError for those that librdkafka has not."""
        super().__init__(confver, params)
        topics = params["topics"]
        self.topics: list[str] = list(topics) if isinstance(topics, (list, tuple)) else [topics]
        self._timeout: float = params["receive_timeout_ms"] / 1000
        self.client: Consumer | None = None

    def _of_consistency(self, consistency: Any) -> dict[str, Any]:
        seconds = 0.1 if consistency == AT_MOST_ONCE else 5
        return {"enable.auto.commit": True, "auto.commit.interval.ms": int(seconds * 1000)}

    def open(self) -> KafkaReader:
        """Join the group; raises SINETStream's ConnectionError where no broker answers."""
        self.client = Consumer(self.config)
        reach(self.client, self)
        self.client.subscribe(self.topics)
        return self

    def close(self) -> None:
        """Leave the group."""
        if self.client is not None:
            self.client.close()
            self.client = None

    def __iter__(self) -> Iterator[tuple[bytes, str, Any]]:
        """Iterate over the messages."""
        return self

    def __next__(self) -> tuple[bytes, str, Any]:
        """Return the next message, its topic and its record."""
        deadline = time.monotonic() + self._timeout
        while (left := deadline - time.monotonic()) > 0:
            record = self.client.poll(min(left, 1.0))
            if record is None:
                continue
            if record.error() is None:
                return record.value(), record.topic(), record
            if record.error().code() in FORBIDDEN:
                raise AuthorizationError(record.error().str())
            log.warning("%s", record.error().str())
        raise StopIteration

    def seek_to_beginning(self) -> None:
        """Go on at the first message that is kept."""
        self._seek(confluent_kafka.OFFSET_BEGINNING)

    def seek_to_end(self) -> None:
        """Go on with what comes from now on."""
        self._seek(confluent_kafka.OFFSET_END)

    def _seek(self, offset: int) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.client.assignment() and time.monotonic() < deadline:
            self.client.poll(0.1)
        for partition in self.client.assignment():
            self.client.seek(TopicPartition(partition.topic, partition.partition, offset))


class KafkaWriter(_Plugin, PluginMessageWriter):
    """Writes as SINETStream's own plugin does: each message is waited for."""

    defaults = PRODUCER
    kind = client_settings.WRITER

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        """Take SINETStream's parameters; raises ValueError for those that librdkafka has not."""
        super().__init__(confver, params)
        self.topic: str = params["topic"]
        self.client: Producer | None = None

    def _of_consistency(self, consistency: Any) -> dict[str, Any]:
        acks = 1 if consistency == AT_LEAST_ONCE else 0
        return {"acks": acks, "enable.idempotence": False}

    def open(self) -> KafkaWriter:
        """Find the broker; raises SINETStream's ConnectionError where none answers."""
        self.client = Producer(self.config)
        reach(self.client, self)
        return self

    def close(self) -> None:
        """Let go of the broker."""
        if self.client is not None:
            self.client.flush(WAIT_SECONDS)
            self.client = None

    def publish(self, message: bytes) -> Any:
        """Store a message; returns the record as it is stored."""
        answers: list[tuple[KafkaError | None, Any]] = []
        self.client.produce(
            self.topic, bytes(message), on_delivery=lambda *answer: answers.append(answer)
        )
        deadline = time.monotonic() + WAIT_SECONDS
        while not answers and time.monotonic() < deadline:
            self.client.poll(0.1)
        if not answers:
            raise NotConnected(f"no acknowledgement in {WAIT_SECONDS:g} s")
        error, record = answers[0]
        if error is None:
            return record
        if error.code() in FORBIDDEN:
            raise AuthorizationError(error.str())
        raise NotConnected(error.str()) from KafkaException(error)


def reach(client: Consumer | Producer, plugin: _Plugin, topic: str | None = None) -> Any:
    """Return the cluster's metadata; raises SINETStream's ConnectionError where none answers."""
    try:
        arguments = {} if topic is None else {"topic": topic}
        found = client.list_topics(timeout=WAIT_SECONDS, **arguments)
    except KafkaException as error:
        client.poll(0)  # hands on what librdkafka has to say about it
        raise NotConnected(plugin.trouble.why(error.args[0])) from error
    plugin.trouble.over()
    return found


def _of_tls(tls: Any, kind: str) -> dict[str, Any]:
    if not tls:
        return {}
    layers = tls if isinstance(tls, dict) else {}
    spec = {client_settings.TLS[name]: value for name, value in layers.items()}
    return {"security.protocol": "SSL"} | client_settings.translate(spec, kind)
