"""Messages from and to Kafka, through SINETStream's own readers and writers.

SINETStream encodes, encrypts and compresses, and its Kafka plugin (sinetstream-kafka, on
kafka-python) talks to the broker. Three things its public interface does not give, and what is
done about them here:

- a commit after the result is stored: the plugin commits by the clock. `_Consumer`, a plugin of
  the same kind, switches that off, and `Reader.commit` does it.
- a key for a message, and a wait for its acknowledgement that ends: `_Producer`.
- to survive a record that is not a SINETStream message: `Reader` decodes each record on its own.

Every publication is acknowledged by all replicas and sent by an idempotent producer, whatever
`consistency` says: order holds, and what the client sends again is not stored twice.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from ssl import SSLError
from typing import Any, Protocol

import kafka
import sinetstream
from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    CommitFailedError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from sinetstream.api import BaseMessageReader, BaseMessageWriter
from sinetstream.spi import PluginMessageReader, PluginMessageWriter
from sinetstream.utils import Registry
from sinetstreamplugin.kafka import KafkaReader, KafkaWriter

from .progress import Position, Progress
from .services import topics
from .settings import SettingsError, Streams

# Somewhat above the 20 MiB that the broker's message.max.bytes allows: the broker's limit counts.
MESSAGE_BYTES = 21 * 1024 * 1024

# What the Kafka client is told where the user says nothing else (milliseconds, bytes).
_CLIENT = {
    "client_id": "posestream",
    "reconnect_backoff_max_ms": 2000,  # a broker that is back is found again soon
    # A broker that has just been started may not know its topics yet: soon asked again.
    "metadata_max_age_ms": 30000,
}
_CONSUMER = {
    **_CLIENT,
    "group_id": "openpose",
    "enable_auto_commit": False,
    # A frame limit that kafka-python has beside Kafka's own: fetch_max_bytes and one message more.
    "receive_message_max_bytes": 128 * 1024 * 1024,
    "request_timeout_ms": 125000,  # above the next one, as joining a group may take as long
    "max_poll_interval_ms": 120000,
    "max_partition_fetch_bytes": MESSAGE_BYTES,
    "max_poll_records": 4,  # commits are made between polls
}
_PRODUCER = {
    **_CLIENT,
    "acks": "all",
    "enable_idempotence": True,
    "max_request_size": MESSAGE_BYTES,
    "max_block_ms": 5000,
    "request_timeout_ms": 15000,
    "delivery_timeout_ms": 300000,
}

AWAY_SECONDS = 3.0  # without a connection or a topic for so long, a reader says so
WAIT_SECONDS = 5.0  # how long a writer waits for an acknowledgement before it says so
COMMIT_SECONDS = 0.5  # time between two commits; what a killed worker may do twice
CLOSE_SECONDS = 2.0

log = logging.getLogger(__name__)


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


# -- reading ----------------------------------------------------------------------------------


class _Assignment(ConsumerRebalanceListener):
    """Goes on after a rebalance where work had come to, not at the last commit.

    Else each loss of the broker that lasts longer than the group's session would show the frames
    twice that are between reading and storing.
    """

    def __init__(self, consumer: kafka.KafkaConsumer, progress: Progress) -> None:
        self._consumer = consumer
        self._progress = progress

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Do nothing: what is stored has been committed, or is given again to the next reader."""

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Return to the places where this reader was, unless others have come further."""
        self._progress.keep(assigned)
        for partition in assigned:
            offset = self._progress.next_offset(partition)
            if offset is None:
                continue
            committed = self._consumer.committed(partition)
            if committed is None or committed < offset:
                self._consumer.seek(partition, offset)
            else:
                self._progress.keep(other for other in assigned if other != partition)


@dataclass
class _Tuning:
    """What the Kafka client is told: the user's settings over `defaults`, `fixed` over both."""

    client: type
    defaults: dict[str, Any]
    fixed: dict[str, Any] = field(default_factory=dict)

    def apply(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings, less those that only the other kind of client knows."""
        mine = {key: value for key, value in given.items() if key in self.client.DEFAULT_CONFIG}
        return {**mine, **self.fixed}


class _Consumer(KafkaReader):
    """SINETStream's Kafka plugin for reading, without the clock's commits."""

    tuning = _Tuning(kafka.KafkaConsumer, _CONSUMER, {"enable_auto_commit": False})

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self.progress = Progress()
        self._kafka_params = self.tuning.apply(self._kafka_params)

    def _conv_consistency(self) -> dict[str, Any]:
        return dict(self.tuning.defaults)  # the base class puts the user's settings over these

    def _create_client(self) -> kafka.KafkaConsumer:
        consumer = kafka.KafkaConsumer(**self._kafka_params)
        consumer.subscribe(list(self._topics), listener=_Assignment(consumer, self.progress))
        return consumer

    @property
    def client(self) -> kafka.KafkaConsumer:
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close(autocommit=False, timeout_ms=CLOSE_SECONDS * 1000)
            self._client = None


class _Watcher(_Consumer):
    """The same for one who only looks on: no group, from now on, nothing committed.

    It takes its partitions itself. A consumer that subscribes without a group loses them when a
    broker that has just been started does not know its topics yet, and is not given them back.
    """

    tuning = _Tuning(
        kafka.KafkaConsumer,
        {key: value for key, value in _CONSUMER.items() if key != "max_poll_records"},
        {"enable_auto_commit": False, "group_id": None, "auto_offset_reset": "latest"},
    )

    def _create_client(self) -> kafka.KafkaConsumer:
        consumer = kafka.KafkaConsumer(**self._kafka_params)
        partitions = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in sorted(consumer.partitions_for_topic(topic))
        ]
        if not partitions:
            consumer.close()
            raise TopicMissing(f"there is no topic {', '.join(self._topics)} on {self._brokers}")
        consumer.assign(partitions)
        return consumer


def _registry(group: str, kind: type, plugin: type) -> Registry:
    """Return a SINETStream registry with `plugin` alone, for services of type kafka."""
    registry = Registry(group, kind)
    registry.register("kafka", _EntryPoint(plugin))
    return registry


@dataclass(frozen=True)
class _EntryPoint:
    plugin: type

    def load(self) -> type:
        return self.plugin


class _RecordDecoder(BaseMessageReader):
    """A SINETStream reader that is handed its records."""

    def __init__(self, plugin: type, arguments: dict[str, Any]) -> None:
        registry = _registry("posestream.reader", PluginMessageReader, plugin)
        super().__init__(registry, value_type="byte_array", **_without("value_type", arguments))

    @property
    def plugin(self) -> _Consumer:
        return self._plugin

    def decode(self, record: Any) -> Message:
        """Return the message in a Kafka record."""
        timestamp = record.timestamp / 1000 if record.timestamp > 0 else time.time()
        payload = record.value
        if payload is not None:
            try:
                message = self._make_message(payload, record.topic, record)
            except Exception as error:  # whatever strange bytes make the decoders raise
                log.debug("offset %d is not a SINETStream message: %r", record.offset, error)
                # Where messages are to be encrypted, what is not must not pass for one.
                payload = payload if self.cipher is None else None
            else:
                payload = message.value
                timestamp = message.timestamp_us / 1e6 if message.timestamp_us > 0 else timestamp
        position = (record.topic, record.partition, record.offset)
        return Message(payload, record.key, timestamp, position)


class Reader:
    """Reads one service's topic.

    A reader that works shares its topic with the others of its `group_id` and starts where the
    group's commits say; a fresh group at the end of the topic, unless `auto_offset_reset` says
    otherwise. Poll and close in one thread; `commit` may be called from any.
    """

    def __init__(self, streams: Streams, service: str, *, watch: bool = False) -> None:
        """Connect to the broker.

        With `watch` the reader only looks on: it belongs to no group, starts at the end of the
        topic, and commits nothing.

        Raises:
            BrokerAway: the broker cannot be reached.
            TopicMissing: there is nothing to look on at; a reader that works waits for its topic.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        self._what = streams.describe(service)
        self._topics = sorted(topics(streams.services[service]))
        self._watch = watch
        self._io = _open(
            self._what,
            lambda: _RecordDecoder(_Watcher if watch else _Consumer, streams.arguments(service)),
        )
        self._progress = self._io.plugin.progress
        self._last_seen = self._last_commit = time.monotonic()

    @property
    def client(self) -> kafka.KafkaConsumer:
        """Kafka's client below, for who asks the broker for offsets."""
        return self._io.plugin.client

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages, waiting for them for `timeout` seconds at the most.

        Raises BrokerAway when there is no connection, TopicMissing when there is no topic; the
        reader goes on trying with each further call.
        """
        self._commit_now_and_then()
        consumer = self._io.plugin.client
        try:
            polled = consumer.poll(timeout_ms=int(timeout * 1000))
        except KafkaError as error:
            raise BrokerAway(f"{self._what}: {error!r}") from error
        messages = [self._io.decode(record) for batch in polled.values() for record in batch]
        if not self._watch:
            for message in messages:
                self._progress.delivered(message.position)
        self._check_connection(bool(messages))
        return messages

    def _check_connection(self, proved: bool) -> None:
        client = self._io.plugin.client._client
        connected = any(client.connected(broker.nodeId) for broker in client.cluster.brokers())
        missing = [name for name in self._topics if not client.cluster.partitions_for_topic(name)]
        now = time.monotonic()
        if proved or (connected and not missing):
            self._last_seen = now
        elif now - self._last_seen > AWAY_SECONDS:
            if connected:
                raise TopicMissing(f"{self._what}: there is no topic {', '.join(missing)}")
            raise BrokerAway(f"{self._what}: the broker cannot be reached")

    def commit(self, message: Message) -> None:
        """Note that the result of `message` is stored; soon its group will not get it again.

        Messages may be named in any order: an offset is committed when all before it are stored.
        """
        self._progress.stored(message.position)

    def _commit_now_and_then(self) -> None:
        if time.monotonic() - self._last_commit >= COMMIT_SECONDS:
            self._commit(timeout=WAIT_SECONDS)

    def _commit(self, timeout: float) -> None:
        self._last_commit = time.monotonic()
        offsets = self._progress.take()
        if not offsets:
            return
        commits = {place: OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
        try:
            self._io.plugin.client.commit(commits, timeout_ms=timeout * 1000)
        except CommitFailedError as error:
            # Others have these partitions now, and do again what was not committed.
            log.warning("%s: not committed: %s", self._what, error)
        except KafkaError as error:
            log.debug("%s: not committed yet: %r", self._what, error)
            self._progress.give_back(offsets)

    def follow(self, timeout: float) -> None:
        """Of a reader that looks on: what is published after this returns will be read.

        Raises BrokerAway when that takes longer than `timeout` seconds.
        """
        consumer = self._io.plugin.client
        try:
            consumer.seek_to_end()
            for partition in consumer.assignment():
                consumer.position(partition, timeout_ms=timeout * 1000)
        except KafkaError as error:
            raise BrokerAway(f"{self._what}: {error!r}") from error

    def close(self) -> None:
        """Commit what is stored, and leave the group."""
        self._commit(timeout=CLOSE_SECONDS)
        self._io.close()


# -- writing ----------------------------------------------------------------------------------


class _Producer(KafkaWriter):
    """SINETStream's Kafka plugin for writing, with a key on the record.

    The record's own timestamp stays the time of storage, as SINETStream leaves it: Kafka deletes
    by it, and a camera whose clock stands at 1970 would see its frames vanish.
    """

    tuning = _Tuning(kafka.KafkaProducer, _PRODUCER)

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self._kafka_params = self.tuning.apply(self._kafka_params)
        self.key: bytes | None = None

    def _conv_consistency(self) -> dict[str, Any]:
        return dict(self.tuning.defaults)

    def publish(self, msg: Any) -> Any:
        """Hand a message to the client; returns the future of its acknowledgement."""
        return self._client.send(
            self._comm_params["topic"],
            value=memoryview(msg),
            key=self.key,
        )

    def close(self) -> None:
        if self._client is None:
            return
        try:
            self._client.flush(timeout=CLOSE_SECONDS)
        except KafkaError:
            # Its own close would raise the same, and leave its thread trying on.
            self._client._sender.force_close()
            self._client._sender.join(CLOSE_SECONDS)
        self._client.close(timeout=CLOSE_SECONDS)
        self._client = None


class _RecordWriter(BaseMessageWriter):
    """A SINETStream writer of keyed messages."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        registry = _registry("posestream.writer", PluginMessageWriter, _Producer)
        super().__init__(registry, value_type="byte_array", **_without("value_type", arguments))

    def send(self, payload: bytes, key: bytes | None, timestamp: float) -> Any:
        """Return the future of the acknowledgement."""
        self._plugin.key = key
        return self._publish(payload, timestamp)


class Writer:
    """Writes one service's topic; for one thread at a time."""

    def __init__(self, streams: Streams, service: str) -> None:
        """Connect to the broker.

        Raises:
            BrokerAway: the broker cannot be reached.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        self._what = streams.describe(service)
        self._arguments = streams.arguments(service)
        self._unacknowledged: tuple[Any, Any] | None = None
        self._io: _RecordWriter | None = None
        self._connect()

    def _connect(self) -> _RecordWriter:
        if self._io is None:
            self._io = _open(self._what, lambda: _RecordWriter(self._arguments))
        return self._io

    def publish(self, payload: bytes, *, key: bytes | None, timestamp: float) -> None:
        """Publish a message; when this returns, it is stored.

        Args:
            payload: the message's bytes.
            key: the Kafka record's key.
            timestamp: event time, seconds since the epoch.

        Raises:
            BrokerAway: it has not been acknowledged in `WAIT_SECONDS`. Called again with the
                same message, this goes on waiting for it and does not publish it a second time.
            Refused: the broker does not take it, now or later.
        """
        record = (payload, key, timestamp)
        try:
            if self._unacknowledged is None or self._unacknowledged[0] != record:
                self._unacknowledged = (record, self._connect().send(*record))
            future = self._unacknowledged[1]
            future.get(timeout=WAIT_SECONDS)
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            self._unacknowledged = None
            raise Refused(f"{self._what}: {len(payload)} bytes are too many: {error}") from error
        except KafkaTimeoutError as error:
            self._give_up_if_done()
            raise BrokerAway(f"{self._what}: no acknowledgement: {error}") from error
        except KafkaError as error:
            # Among them those after which an idempotent producer cannot go on.
            self.close()
            raise BrokerAway(f"{self._what}: {error!r}") from error
        self._unacknowledged = None

    def _give_up_if_done(self) -> None:
        """Forget a message that the client no longer tries to send."""
        if self._unacknowledged is not None and self._unacknowledged[1].is_done:
            self._unacknowledged = None

    def close(self) -> None:
        """Let go of the broker."""
        self._unacknowledged = None
        if self._io is not None:
            self._io.close()
            self._io = None


# -- both -------------------------------------------------------------------------------------


# What SINETStream and the Kafka client raise for parameters that they do not like.
_BAD_SETTINGS = (
    sinetstream.SinetError,
    AssertionError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def _without(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != name}


def _open(what: str, make: Any) -> Any:
    """Return the opened SINETStream object that `make` makes."""
    try:
        opened = make()
        opened.open()
    except sinetstream.ConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, KafkaConfigurationError):
            raise SettingsError(
                [f"{what}: the Kafka client refuses its settings: {cause}"]
            ) from error
        why = f" ({cause!r})" if cause else ""
        raise BrokerAway(f"{what}: the broker cannot be reached{why}") from error
    except (KafkaError, SSLError) as error:
        raise BrokerAway(f"{what}: {error!r}") from error
    except (
        sinetstream.SinetError,
        AssertionError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        raise SettingsError([f"{what}: SINETStream refuses its settings: {error!r}"]) from error
    return opened
