"""Which of the pictures that come are wanted: so many a second, by the monotonic clock."""

from __future__ import annotations

# Of the time from one picture to the next: so much earlier than due is taken for due, as sources
# are not punctual.
EARLY = 0.25


class Rate:
    """Picks pictures."""

    def __init__(self, fps: float) -> None:
        """Pick so many pictures per second, evenly; 0 for all."""
        self._interval = 1 / fps if fps else 0.0
        self._due = float("-inf")

    def wants(self, now: float) -> bool:
        """Say whether the picture that arrives at `now` seconds is wanted."""
        if not self._interval:
            return True
        if now < self._due - EARLY * self._interval:
            return False
        late = now - self._due > self._interval
        self._due = (now if late else self._due) + self._interval
        return True
