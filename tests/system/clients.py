"""Kafka clients that are not the package's: librdkafka's, and SINETStream's `image` type."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import sinetstream
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from sinetstream.marshal import Unmarshaller
from sinetstream.packet import Packet
from sinetstreamplugin.valuetype.image import ImageValueType

from . import lab

LIMIT = 20971520


@dataclass(frozen=True)
class Result:
    """An annotated picture as SINETStream's `image` type hands it out."""

    key: bytes | None
    timestamp: float
    picture: np.ndarray


def unpacked(record: Message) -> tuple[float, bytes]:
    """Return the event time and the payload of a record that holds a SINETStream message."""
    microseconds, payload = Unmarshaller().unmarshal(Packet.unpack(record.value())[1])
    # Kafka's own times are milliseconds, SINETStream's cut to microseconds.
    return round(microseconds / 1e6, 3), payload


def _result(record: Message) -> Result:
    moment, payload = unpacked(record)
    return Result(record.key(), moment, ImageValueType().deserializer(payload))


class Results:
    """Everything that reaches the result topic from the moment that this is entered.

    A client without a group, as a restart of the broker may lose a group its partitions.
    """

    def __init__(self) -> None:
        self.all: list[Result] = []
        self._ends = threading.Event()
        self._failure: Exception | None = None
        self._consumer = Consumer(
            {"bootstrap.servers": lab.BROKERS, "group.id": "-", "fetch.message.max.bytes": LIMIT}
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Results:
        topic = self._consumer.list_topics(lab.RESULT_TOPIC, timeout=10).topics[lab.RESULT_TOPIC]
        places = [TopicPartition(lab.RESULT_TOPIC, number) for number in topic.partitions]
        for place in places:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=10)
        self._consumer.assign(places)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            while not self._ends.is_set():
                record = self._consumer.poll(0.5)
                if record is not None and record.error() is None:
                    self.all.append(_result(record))
        except Exception as error:
            self._failure = error
        finally:
            self._consumer.close()

    def of(self, times: list[float]) -> list[Result]:
        """Return the results of pictures of these times, as they came, repetitions left out."""
        first: dict[float, Result] = {}
        for result in list(self.all):
            if result.timestamp in times:
                first.setdefault(result.timestamp, result)
        return list(first.values())

    def wait_for(
        self, times: list[float], count: int | None = None, seconds: float = 120
    ) -> list[Result]:
        """Wait for the results, or so many of them, of pictures of these times."""
        count = len(times) if count is None else count
        lab.wait_until(
            lambda: self._failure or len(self.of(times)) >= count,
            lambda: (
                f"{count} results, got {len(self.of(times))} of {len(self.all)} in all; "
                f"the worker: {lab.compose('openpose', 'logs', '--tail', '20', 'openpose')}"
            ),
            seconds,
        )
        assert self._failure is None, repr(self._failure)
        return self.of(times)


def timestamps(count: int) -> list[float]:
    """Return event times, a tenth of a second apart, exact in milliseconds."""
    start = int(time.time() * 1000)
    return [(start + 100 * index) / 1000 for index in range(count)]


class PlainProducer:
    """Records without SINETStream: the value is the picture, its time the record's."""

    def __init__(self) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": lab.BROKERS,
                "message.max.bytes": LIMIT,
                "enable.idempotence": True,
            }
        )
        self._failed: list[str] = []

    def send(self, value: bytes | None, key: bytes, timestamp: float) -> None:
        """Hand a record to the producer."""
        self._producer.produce(
            lab.SOURCE_TOPIC,
            value=value,
            key=key,
            timestamp=round(timestamp * 1000),
            on_delivery=lambda error, _: self._failed.append(str(error)) if error else None,
        )
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has them all."""
        assert self._producer.flush(120) == 0, "records not delivered within 120 s"
        assert not self._failed, self._failed


def image_writer() -> sinetstream.MessageWriter:
    """Return SINETStream's own writer of type `image` (PNG on the wire, no key)."""
    return sinetstream.MessageWriter(
        no_config=True,
        type="kafka",
        brokers=lab.BROKERS,
        topic=lab.SOURCE_TOPIC,
        consistency=sinetstream.AT_LEAST_ONCE,  # the default waits for no acknowledgement
        value_type="image",
        type_spec={"max_request_size": LIMIT},
    )


def image_reader() -> sinetstream.MessageReader:
    """Return SINETStream's own reader of type `image`, which ends when nothing comes for long."""
    return sinetstream.MessageReader(
        no_config=True,
        type="kafka",
        brokers=lab.BROKERS,
        topics=[lab.RESULT_TOPIC],
        value_type="image",
        receive_timeout_ms=120_000,
        type_spec={"max_partition_fetch_bytes": LIMIT, "fetch_max_bytes": 2 * LIMIT},
    )
