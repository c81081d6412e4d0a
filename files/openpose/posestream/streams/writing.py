"""Writing: SINETStream's Kafka plugin with keys and acknowledgements, and `Writer` around it."""

from __future__ import annotations

from typing import Any

import kafka
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from sinetstream.api import BaseMessageWriter
from sinetstream.spi import PluginMessageWriter
from sinetstreamplugin.kafka import KafkaWriter

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
from .messages import BrokerAway, Refused

_PRODUCER = {
    **CLIENT,
    "acks": "all",
    "enable_idempotence": True,
    "max_request_size": MESSAGE_BYTES,
    "max_block_ms": 5000,
    "request_timeout_ms": 15000,
    "delivery_timeout_ms": 300000,
}


class _Producer(KafkaWriter):
    """SINETStream's Kafka plugin for writing, with a key on the record.

    The record's own timestamp stays the time of storage, as SINETStream leaves it: Kafka deletes
    by it, and a camera whose clock stands at 1970 would see its frames vanish.
    """

    tuning = Tuning(kafka.KafkaProducer, _PRODUCER)

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
        only = registry("posestream.writer", PluginMessageWriter, _Producer)
        super().__init__(only, value_type="byte_array", **without("value_type", arguments))

    def send(self, payload: bytes, key: bytes | None, timestamp: float) -> Any:
        """Return the future of the acknowledgement."""
        self._plugin.key = key
        return self._publish(payload, timestamp)

    def why_not(self) -> str:
        """Say why a message has not been acknowledged."""
        if is_connected(self._plugin._client._sender._client):
            return f"the broker has not acknowledged in {WAIT_SECONDS:g} s"
        return "the broker cannot be reached"


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
            self._io = opened(self._what, lambda: _RecordWriter(self._arguments))
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
            raise BrokerAway(f"{self._what}: {self._io.why_not()}") from error
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
