"""What has arrived and is not decoded yet; where that takes too long, some of it is passed over."""

from __future__ import annotations

import threading
import time
from collections import deque

from .metrics import Metrics
from .picture import Arrival

LATE_SECONDS = 0.5  # what has waited for longer gives way to the newest that can be decoded alone
BYTES_MAX = 64 * 1024 * 1024


class Backlog:
    """A queue from the thread that reads the source to the one that decodes."""

    def __init__(self, metrics: Metrics) -> None:
        """Begin with nothing."""
        self._metrics = metrics
        self._arrivals: deque[Arrival] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._torn = False  # something is missing; what follows cannot be decoded without it

    def put(self, arrival: Arrival) -> None:
        """Add what has arrived."""
        with self._changed:
            if self._torn and not arrival.independent:
                self._pass_over(arrival)
                return
            self._torn = False
            self._arrivals.append(arrival)
            self._bytes += len(arrival.data)
            while self._bytes > BYTES_MAX:
                self._pass_over(self._pop())
                self._torn = True
            if self._torn:
                self._skip_to(self._newest_independent(0))
            self._changed.notify()

    def take(self, timeout: float) -> Arrival | None:
        """Return what is to be decoded next; None where nothing comes in `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrivals, timeout):
                return None
            if time.monotonic() - self._arrivals[0].since > LATE_SECONDS:
                newest = self._newest_independent(1)
                self._skip_to(newest if newest is not None else 0)
            return self._pop()

    def clear(self) -> None:
        """Forget what is there: its source is no more."""
        with self._changed:
            self._skip_to(None)
            self._torn = False

    def _newest_independent(self, least: int) -> int | None:
        """Return the place of the newest that can be decoded alone, from place `least` on."""
        return next(
            (
                place
                for place in range(len(self._arrivals) - 1, least - 1, -1)
                if self._arrivals[place].independent
            ),
            None,
        )

    def _skip_to(self, place: int | None) -> None:
        for _ in range(len(self._arrivals) if place is None else place):
            self._pass_over(self._pop())

    def _pop(self) -> Arrival:
        arrival = self._arrivals.popleft()
        self._bytes -= len(arrival.data)
        return arrival

    def _pass_over(self, arrival: Arrival) -> None:
        if arrival.wanted:
            self._metrics.dropped("late")
