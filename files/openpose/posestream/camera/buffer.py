"""Frames that wait for the broker: bounded in time and in bytes, the oldest give way."""

from __future__ import annotations

from collections import deque

from .picture import Frame

# Without a buffer, too, a frame may wait for its turn while the broker is there, ...
SLACK_SECONDS = 0.2
# ... and the newest of all for so long: after that it is of no use any more.
EXPIRE_SECONDS = 3.0


class Buffer:
    """The frames that are to be published, oldest first."""

    def __init__(self, seconds: float, size: int) -> None:
        """Keep frames of at most so many seconds and bytes together."""
        self._seconds, self._size = max(seconds, SLACK_SECONDS), size
        self._frames: deque[Frame] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        """Return how many frames there are."""
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        """Add a frame, in its place by number."""
        later = []
        while self._frames and self._frames[-1].number > frame.number:
            later.append(self._frames.pop())
        self._frames.append(frame)
        self._frames.extend(reversed(later))
        self.bytes += len(frame.jpeg)

    def give_up(self, now: float) -> int:
        """Let go of what is too old or too much at `now` seconds; return how many frames."""
        count = len(self._frames)
        while self._frames and (
            self._too_old(now - self._frames[0].since) or self.bytes > self._size
        ):
            self.take()
        return count - len(self._frames)

    def _too_old(self, seconds: float) -> bool:
        limit = self._seconds if len(self._frames) > 1 else max(self._seconds, EXPIRE_SECONDS)
        return seconds > limit

    def take(self) -> Frame:
        """Take the oldest frame out."""
        frame = self._frames.popleft()
        self.bytes -= len(frame.jpeg)
        return frame
