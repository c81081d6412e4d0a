"""What came of each camera, found again by the time of its capture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

# A time that was written as whole microseconds comes back some of them off.
SAME_MOMENT = 0.0005  # seconds


class Item(Protocol):
    """Something of one moment."""

    @property
    def taken(self) -> float:
        """The capture time, seconds since the epoch."""

    @property
    def size(self) -> int:
        """How many bytes it takes up."""


T = TypeVar("T", bound=Item)


class Kept(Generic[T]):
    """The newest items of all cameras, as many as fit into so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        """Start empty."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._order: deque[tuple[deque[T], T]] = deque()  # oldest first, all cameras together
        self._cameras: dict[str, deque[T]] = {}

    def add(self, camera: str, item: T) -> None:
        """Keep an item of `camera`; the oldest of all give way to it."""
        own = self._cameras.setdefault(camera, deque())
        own.append(item)
        self._order.append((own, item))
        self._bytes += item.size
        while self._bytes > self._most_bytes:
            oldest, gone = self._order.popleft()
            oldest.popleft()
            self._bytes -= gone.size

    def at(self, camera: str, taken: float) -> T | None:
        """Return the item of that moment (seconds since the epoch), the newest of several."""
        return next((item for item in self.newest_first(camera) if same(item.taken, taken)), None)

    def between(self, camera: str, after: float, before: float) -> int:
        """Return how many items are of a moment after the one and before the other."""
        return sum(
            after < item.taken < before
            and not same(item.taken, after)
            and not same(item.taken, before)
            for item in self.newest_first(camera)
        )

    def newest_first(self, camera: str) -> Iterator[T]:
        """Return the items of `camera`, the one that came last first."""
        return reversed(self._cameras.get(camera, deque()))

    def forget(self, camera: str) -> None:
        """Look for nothing of `camera` any more; its bytes are free when others need them."""
        self._cameras.pop(camera, None)


def same(one: float, other: float) -> bool:
    """Say whether two capture times are of one frame."""
    return abs(one - other) < SAME_MOMENT
