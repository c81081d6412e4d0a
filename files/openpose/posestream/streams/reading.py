"""Reading: SINETStream's Kafka plugin without the clock's commits, and `Reader` around it."""

from __future__ import annotations

import logging
import time
from typing import Any

import kafka
from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, KafkaError
from sinetstream.api import BaseMessageReader
from sinetstream.spi import PluginMessageReader
from sinetstreamplugin.kafka import KafkaReader

from ..services import topics
from ..settings import Streams
from .client import (
    CLIENT,
    CLOSE_SECONDS,
    MESSAGE_BYTES,
    WAIT_SECONDS,
    Tuning,
    is_connected,
    opened,
    registry,
    without,
)
from .messages import BrokerAway, Message, TopicMissing
from .progress import Progress

_CONSUMER = {
    **CLIENT,
    "group_id": "openpose",
    "enable_auto_commit": False,
    # A frame limit that kafka-python has beside Kafka's own: fetch_max_bytes and one message more.
    "receive_message_max_bytes": 128 * 1024 * 1024,
    "request_timeout_ms": 125000,  # above the next one, as joining a group may take as long
    "max_poll_interval_ms": 120000,
    "max_partition_fetch_bytes": MESSAGE_BYTES,
    "max_poll_records": 4,  # commits are made between polls
}

AWAY_SECONDS = 3.0  # without a connection or a topic for so long, a reader says so
COMMIT_SECONDS = 0.5  # time between two commits; what a killed worker may do twice

log = logging.getLogger(__name__)


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


class _Consumer(KafkaReader):
    """SINETStream's Kafka plugin for reading, without the clock's commits."""

    tuning = Tuning(kafka.KafkaConsumer, _CONSUMER, {"enable_auto_commit": False})

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

    tuning = Tuning(
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


class _RecordDecoder(BaseMessageReader):
    """A SINETStream reader that is handed its records."""

    def __init__(self, plugin: type, arguments: dict[str, Any]) -> None:
        only = registry("posestream.reader", PluginMessageReader, plugin)
        super().__init__(only, value_type="byte_array", **without("value_type", arguments))

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
        self._io = opened(
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
        connected = is_connected(client)
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
