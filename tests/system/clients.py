"""Kafka clients that are not the package's: librdkafka's, and SINETStream's `image` type."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

import numpy as np
import sinetstream
from confluent_kafka import Producer

from . import lab

LIMIT = 20971520


@dataclass(frozen=True)
class Result:
    """An annotated picture as SINETStream's `image` type hands it out."""

    key: bytes | None
    timestamp: float
    picture: np.ndarray


class Results:
    """Everything that reaches the result topic from the moment that this is entered."""

    def __init__(self) -> None:
        self.all: list[Result] = []
        self._ends = threading.Event()
        self._begun = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Results:
        self._thread.start()
        # The camera plays all the time: its first picture tells that the reader has its partitions.
        lab.wait_until(
            lambda: self._failure or self._begun.is_set(), lambda: "a picture of the camera's"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:
            self._failure = error

    def _read(self) -> None:
        reader = sinetstream.MessageReader(
            no_config=True,
            type="kafka",
            brokers=lab.BROKERS,
            topics=[lab.RESULT_TOPIC],
            value_type="image",
            receive_timeout_ms=500,
            type_spec={
                # Without a group, kafka-python can lose its partitions when a broker restarts.
                "group_id": f"test-{secrets.token_hex(4)}",
                "max_partition_fetch_bytes": LIMIT,
                "fetch_max_bytes": 2 * LIMIT,
            },
        )
        with reader as messages:
            while not self._ends.is_set():
                for message in messages:
                    # Kafka's own times are milliseconds, SINETStream's cut to microseconds.
                    time = round(message.timestamp, 3)
                    self.all.append(Result(message.raw.key, time, message.value))
                    self._begun.set()
                    if self._ends.is_set():
                        break

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
            lambda: f"{count} results, got {len(self.of(times))} of {len(self.all)} in all",
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
