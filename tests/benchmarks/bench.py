"""What all parts of the worker's benchmark have in common: how to measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import processes
import street
from broker import Broker
from processes import Process

Row = dict[str, str | float | None]
Sample = dict[str, float]

SIZES = {(640, 480): 300, (1920, 1080): 100}  # frames for each second of a measurement
SMALL = (640, 480)
START_SECONDS = 60.0


@dataclass(frozen=True)
class Bench:
    """Where and how long to measure: seconds of one measurement, and how often it is repeated."""

    broker: Broker
    seconds: float
    turns: int

    def source(
        self,
        size: tuple[int, int] | None,
        count: int,
        keys: Sequence[bytes | None] = (b"camera",),
        partitions: int = 1,
    ) -> str:
        """Return a topic with so many pictures of this size in it."""
        topic = self.broker.topic(partitions)
        self.broker.fill(topic, street.pictures(size), count, keys)
        return topic

    def span(
        self,
        running: Sequence[Process],
        results: str,
        count: int,
        *,
        begins: Callable[[], object] | None = None,
        more: Callable[[], Sample] = dict,
    ) -> Sample:
        """Return seconds, frames and processor time from the first result to number `count`.

        Args:
            running: the processes that work.
            results: their topic.
            count: of the last result.
            begins: what to wait for instead of the first result.
            more: other sums that grow, by name.
        """

        def sample() -> Sample:
            return {
                "seconds": time.monotonic(),
                "frames": self.broker.count(results),
                "cpu": sum(process.cpu_seconds() for process in running),
                **more(),
            }

        begins = begins or (lambda: self.broker.count(results))
        processes.until(begins, START_SECONDS, "the first result", running)
        first = sample()
        limit = START_SECONDS + 20 * self.seconds
        processes.until(
            lambda: self.broker.count(results) >= count, limit, f"result {count}", running
        )
        last = sample()
        return {name: last[name] - first[name] for name in last}


def rate(span: Sample) -> float:
    """Return frames per second."""
    return span["frames"] / span["seconds"]


def cpu_ms(span: Sample) -> float:
    """Return milliseconds of processor time for each frame."""
    return 1000 * span["cpu"] / span["frames"]
