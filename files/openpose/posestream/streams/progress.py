"""Which offsets may be committed, when messages are finished in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterable

Position = tuple[str, int, int]  # topic, partition, offset
Place = tuple[str, int]  # topic, partition


class Progress:
    """Which offsets may be committed: those before the first that is still being worked on."""

    def __init__(self) -> None:
        """Start with nothing delivered."""
        self._lock = threading.Lock()
        # Of each message: stored (True), being worked on (False), given up (None).
        self._pending: dict[Place, dict[int, bool | None]] = {}
        self._next: dict[Place, int] = {}
        self._ready: dict[Place, int] = {}

    def starts(self, place: Place, offset: int) -> None:
        """Note where a partition is read from, unless it is known already."""
        with self._lock:
            self._next.setdefault(place, offset)

    def delivered(self, position: Position) -> None:
        """Note that a message is being worked on."""
        place, offset = position[:2], position[2]
        with self._lock:
            self._pending.setdefault(place, {})[offset] = False
            self._next[place] = offset + 1

    def stored(self, position: Position) -> None:
        """Note that a message's result is stored; an unknown one is of no interest."""
        place, offset = position[:2], position[2]
        with self._lock:
            pending = self._pending.get(place, {})
            if offset in pending:
                pending[offset] = True
            while pending and pending[first := next(iter(pending))]:
                del pending[first]
                self._ready[place] = first + 1
                if not pending:  # beyond gaps, too: aborted transactions take up offsets
                    self._ready[place] = self._next[place]

    def given_up(self, position: Position) -> None:
        """Note that a message will not be dealt with here: nothing after it is committed."""
        with self._lock:
            self._pending.get(position[:2], {})[position[2]] = None

    def reached(self, place: Place, offset: int) -> None:
        """Note that there is nothing to read before `offset` that has not been delivered."""
        with self._lock:
            if offset == self._next.get(place):
                return
            self._next[place] = offset
            if not self._pending.get(place):
                self._ready[place] = offset

    def take(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return what can be committed of `places` since the last call: the offsets to go on at."""
        with self._lock:
            return {place: self._ready.pop(place) for place in places if place in self._ready}

    def owe(self, place: Place) -> None:
        """Have `take` return what can be committed of a partition once more."""
        with self._lock:
            self._ready[place] = self._unfinished(place)

    def behind(self, place: Place, end: int) -> int:
        """Return how many of a partition's messages before `end` are not dealt with yet."""
        with self._lock:
            return max(0, end - self._unfinished(place)) if place in self._next else 0

    def _unfinished(self, place: Place) -> int:
        return next(iter(self._pending.get(place, {})), self._next[place])

    def next_offset(self, place: Place) -> int | None:
        """Return the offset after the last delivered one."""
        with self._lock:
            return self._next.get(place)

    def is_pending(self, places: Iterable[Place]) -> bool:
        """Say whether messages of these partitions are being worked on."""
        with self._lock:
            return any(
                state is False
                for place in places
                for state in self._pending.get(place, {}).values()
            )

    def forget(self, places: Iterable[Place]) -> None:
        """Forget partitions that somebody else has now."""
        with self._lock:
            for record in (self._pending, self._next, self._ready):
                for place in places:
                    record.pop(place, None)
