"""From Kafka's records to messages: SINETStream's decoding, one record at a time."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from sinetstream import InvalidMessageError
from sinetstream.api import BaseMessageReader
from sinetstream.marshal import Unmarshaller
from sinetstream.spi import PluginMessageReader

from .messages import Message
from .opening import registry, without
from .plugin import KafkaReader
from .sealing import Cipher, kind_of

# The year 10000. Later times come of units that were mixed up; no calendar and no format has them.
TIME_END = 253_402_300_800.0
# The time and the payload's length follow a mark of ten bytes as Avro's longs, each of at most ten.
_LONGS = re.compile(rb".{10}(?:[\x80-\xff]{0,9}[\x00-\x7f]){2}", re.DOTALL)

log = logging.getLogger(__name__)


class _Unmarshaller(Unmarshaller):
    """Refuses longs without end, which Avro's library would read for hours."""

    def unmarshal(self, msg: bytes) -> tuple[int, bytes]:
        if not _LONGS.match(msg):
            raise InvalidMessageError
        return super().unmarshal(msg)


class RecordDecoder(BaseMessageReader):
    """A SINETStream reader that is handed its records."""

    def __init__(self, plugin: type[KafkaReader], arguments: dict[str, Any]) -> None:
        """Take a service's parameters, as SINETStream's own readers do."""
        only = registry("posestream.reader", PluginMessageReader, plugin)
        super().__init__(only, value_type="byte_array", **without("value_type", arguments))
        self.unmarshaller = self.unmarshaller and _Unmarshaller()
        self.cipher = self.cipher and Cipher(self.params["crypto"])

    @property
    def plugin(self) -> KafkaReader:
        """The plugin, which has the Kafka client."""
        return self._plugin

    def decode(self, record: Any) -> Message:
        """Return the message in a Kafka record."""
        payload, said, sealed = record.value(), None, ""
        if payload is not None:
            try:
                message = self._make_message(payload, record.topic(), record)
            except Exception as error:  # whatever strange bytes make the decoders raise
                log.debug("offset %d is no SINETStream message: %s", record.offset(), type(error))
                sealed = kind_of(payload, has_key=self.cipher is not None)
                # What cannot be opened must not pass for a picture.
                payload = None if sealed else payload
            else:
                payload, said = message.value, message.timestamp_us / 1e6
        kind, milliseconds = record.timestamp()
        taken, replaced = _time(said, (kind, milliseconds))
        position = (record.topic(), record.partition(), record.offset())
        published = 0.0 if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000
        return Message(
            payload,
            record.key(),
            taken,
            position,
            time_replaced=replaced,
            sealed=sealed,
            published=published,
        )


def _time(said: float | None, recorded: tuple[int, int]) -> tuple[float, bool]:
    """Return the event time in seconds, and whether an impossible one was replaced by it.

    Args:
        said: SINETStream's, in seconds; 0 or None where it says none.
        recorded: Kafka's kind of timestamp, and milliseconds.
    """
    kind, milliseconds = recorded
    there = [said] if said else []
    there += [milliseconds / 1000] if kind != TIMESTAMP_NOT_AVAILABLE else []
    possible = [moment for moment in there if 0 < moment < TIME_END]
    return (possible or [time.time()])[0], bool(there) and possible[:1] != there[:1]
