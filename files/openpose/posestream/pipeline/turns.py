"""How several threads work on frames side by side, and frames still keep their order."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Turns:
    """A section of code that is entered in the order of numbers 0, 1, 2, ..., one at a time.

    Each number has to come by, sooner or later. Only whose turn it is is woken: to hand work from
    thread to thread is what costs time in Python.
    """

    def __init__(self) -> None:
        """Let number 0 be the first."""
        self._lock = threading.Lock()
        self._next = 0
        self._waiting: dict[int, tuple[threading.Lock, object]] = {}

    @contextmanager
    def of(self, number: int, what: object = None) -> Iterator[None]:
        """Wait for a number's turn, for the time of a `with` block; the next one's comes then.

        Whoever has the turn meanwhile is shown `what` by `behind`.
        """
        self._wait(number, what)
        try:
            yield
        finally:
            with self._lock:
                self._next += 1
                gate, _ = self._waiting.pop(self._next, (None, None))
            if gate is not None:
                gate.release()

    def behind(self, most: int) -> list[Any]:
        """Return what waits right behind the one who calls this in its turn, without a gap."""
        with self._lock:
            following = range(self._next + 1, self._next + 1 + most)
            return [
                self._waiting[number][1]
                for number in itertools.takewhile(self._waiting.__contains__, following)
            ]

    def _wait(self, number: int, what: object) -> None:
        with self._lock:
            if number == self._next:
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting[number] = gate, what
        gate.acquire()


class Meter:
    """Measures one piece of work: seconds of the clock, and of the processor in this thread."""

    def __enter__(self) -> Meter:
        """Start."""
        self._begun, self._used = time.monotonic(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.seconds = time.monotonic() - self._begun
        self.cpu_seconds = time.thread_time() - self._used
