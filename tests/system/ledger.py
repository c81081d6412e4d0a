"""A steady flow of small frames, and the account of what came of each."""

from __future__ import annotations

import secrets
import threading
import time
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from confluent_kafka import Consumer, TopicPartition
from posestream.settings import Streams
from posestream.streams import Writer

from . import lab
from .clients import unpacked

PERIOD = 0.5  # seconds between two frames
TIMEOUT = 180.0  # seconds until the last result has to be there


class Ledger:
    """Writes frames from when it is entered until it is left, and watches their results."""

    def __init__(
        self,
        brokers: str,
        source: str,
        result: str,
        *,
        client: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        period: float = PERIOD,
    ) -> None:
        """Write to the topic `source`, see what reaches partition 0 of `result`.

        Args:
            brokers: HOST:PORT, or several with commas.
            source: the topic that a worker reads.
            result: the topic that it writes.
            client: what librdkafka has to be told besides, where the brokers are closed.
            parameters: the same for SINETStream.
            period: seconds between two frames.
        """
        self._client = {"bootstrap.servers": brokers, "group.id": "-", "log_level": 0}
        self._client |= client or {}
        self._result, self._period = result, period
        self.key = f"ledger-{secrets.token_hex(4)}".encode()
        self.stored: list[float] = []  # the times of the frames that the broker has acknowledged
        self.failed: list[str] = []
        self.end = 0  # of the result topic
        self.moved = 0.0  # when that was last seen to grow
        self._moves: list[float] = []  # and all such times
        self._written = 0
        self._stops = threading.Event()
        service = {"type": "kafka", "brokers": brokers, "topic": source}
        self._writer = Writer(Streams({"it": service | (parameters or {})}), "it")
        self._watching = Consumer(
            self._client
            | {
                # What is measured is not to be how long this client waits before it tries again.
                "reconnect.backoff.max.ms": 500,
                "socket.connection.setup.timeout.ms": 1000,
                "socket.timeout.ms": 3000,
                "enable.auto.commit": False,
            }
        )
        self._threads = [
            threading.Thread(target=self._write, daemon=True),
            threading.Thread(target=self._watch, daemon=True),
        ]

    def __enter__(self) -> Ledger:
        place = TopicPartition(self._result, 0)
        self.begin = self.end = self._watching.get_watermark_offsets(place, timeout=10)[1]
        for thread in self._threads:
            thread.start()
        lab.wait_until(lambda: self.end > self.begin, lambda: "a first result")
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        for thread in self._threads:
            thread.join(30)
        self._writer.close()
        self._watching.close()

    def _write(self) -> None:
        picture = np.full((120, 160, 3), 90, np.uint8)
        while not self._stops.wait(self._period):
            cv2.putText(picture, str(self._written), (10, 60), 0, 1, (250, 250, 250))
            moment = round(time.time(), 3)
            self._written += 1
            self._writer.publish(
                cv2.imencode(".jpg", picture)[1].tobytes(),
                key=self.key,
                timestamp=moment,
                done=lambda error, moment=moment: (
                    self.stored.append(moment) if error is None else self.failed.append(str(error))
                ),
            )

    def _watch(self) -> None:
        self._watching.assign([TopicPartition(self._result, 0, self.end)])
        while not self._stops.is_set():
            record = self._watching.poll(0.2)
            if record is not None and record.error() is None:
                self.end, self.moved = record.offset() + 1, time.monotonic()
                self._moves.append(self.moved)

    def flows_again(self, seconds: float) -> float:
        """Wait until results come, at most so long; returns after how many seconds they do."""
        begun, before = time.monotonic(), self.end
        lab.wait_until(lambda: self.end > before + 1, lambda: "results to flow again", seconds)
        return self.moved - begun

    def longest_pause(self, since: float) -> float:
        """Return for how many seconds no result came at a time, since a time.monotonic()."""
        moves = [moment for moment in self._moves if moment > since]
        return max(end - begin for begin, end in pairwise([since, *moves, time.monotonic()]))

    def results(self) -> list[float]:
        """Stop to write; return the times of the results, once all are there or time is over."""
        self._stops.set()
        self._threads[0].join(30)
        deadline = time.monotonic() + TIMEOUT
        while self._written > len(self.stored) + len(self.failed):
            assert time.monotonic() < deadline, "frames are not acknowledged"
            time.sleep(0.1)
        reading = Consumer(self._client)
        reading.assign([TopicPartition(self._result, 0, self.begin)])
        times: list[float] = []
        while time.monotonic() < deadline and not set(self.stored) <= set(times):
            record = reading.poll(1)
            if record is not None and record.error() is None and record.key() == self.key:
                moment, _ = unpacked(record)
                times.append(moment)
        reading.close()
        return times
