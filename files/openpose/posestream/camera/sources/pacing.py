"""Real time for what has none of its own: by the monotonic clock, whatever the wall clock does."""

from __future__ import annotations

import time

LATE_SECONDS = 1.0  # who is further behind (the machine slept) goes on from where it is


class Pace:
    """Lets so many pictures through a second."""

    def __init__(self, rate: float) -> None:
        """Begin: the first picture is due now, `rate` of them each second."""
        self._rate = rate
        self._begun, self._number = time.monotonic(), 0

    def wait(self) -> float:
        """Wait until the next picture is due; return the monotonic clock's time."""
        due = self._begun + self._number / self._rate
        self._number += 1
        now = time.monotonic()
        if now - due > LATE_SECONDS:
            self._begun += now - due
        elif now < due:
            time.sleep(due - now)
            now = due
        return now
