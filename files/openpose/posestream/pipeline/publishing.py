"""Results to their topics: the numbers of a frame first, then its picture, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from ..streams import BrokerAway, Sink
from .admission import Budget
from .frame import Frame, Skipped

UNACKNOWLEDGED_BYTES = 64 * 1024 * 1024  # on their way to the broker; a frame counts as ...
FRAME_BYTES = 1024 * 1024  # ... so much at least


class Publisher:
    """Publishes frames without waiting for one before the next."""

    def __init__(
        self, pictures: Sink, keypoints: Sink | None, settled: Callable[[Frame], None]
    ) -> None:
        """Publish to these; `settled` gets each frame when it is stored, or `skipped`."""
        self._pictures, self._keypoints, self._settled = pictures, keypoints, settled
        self._room = Budget(UNACKNOWLEDGED_BYTES)
        # Whoever sees a picture finds its numbers stored: it waits for their acknowledgement.
        self._order = threading.Lock()
        self._waiting: deque[Frame] = deque()
        self._numbered: set[Frame] = set()
        self._under_way = 0
        self._changed = threading.Condition()

    def publish(self, frame: Frame) -> None:
        """Publish a frame's results; waits where too many are not acknowledged yet."""
        self._room.take(_size(frame))
        with self._changed:
            self._under_way += 1
        with self._order:
            self._waiting.append(frame)
        if self._keypoints is None:
            self._numbers_are_stored(frame, None)
            return
        message = frame.message
        self._keypoints.publish(
            frame.keypoints,
            key=message.key,
            timestamp=message.timestamp,
            done=partial(self._numbers_are_stored, frame),
        )

    def drain(self, seconds: float) -> bool:
        """Wait until all is acknowledged; False where that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def _numbers_are_stored(self, frame: Frame, error: Exception | None) -> None:
        with self._order:
            if error is not None:
                self._waiting.remove(frame)
            else:
                self._numbered.add(frame)
            while self._waiting and self._waiting[0] in self._numbered:
                following = self._waiting.popleft()
                self._numbered.discard(following)
                self._pictures.publish(
                    following.picture,
                    key=following.message.key,
                    timestamp=following.message.timestamp,
                    done=partial(self._settle, following),
                )
        if error is not None:
            self._settle(frame, error)

    def _settle(self, frame: Frame, error: Exception | None) -> None:
        self._room.give(_size(frame))
        if error is not None and not isinstance(error, BrokerAway):
            frame.skipped = Skipped("refused", error)
        frame.picture = frame.keypoints = b""
        if not isinstance(error, BrokerAway):  # given up at the end: left to the next worker
            self._settled(frame)
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()


def _size(frame: Frame) -> int:
    return max(FRAME_BYTES, len(frame.picture) + len(frame.keypoints))
