"""Publishing: frames to the broker, in a thread of its own: its absence holds up nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from ..logs import Limited, Outage
from ..streams import BrokerAway, Refused, Sink
from ..watchdog import Watchdog
from .buffer import Buffer
from .metrics import Metrics
from .picture import Frame

RETRY_SECONDS = 1.0
UNDER_WAY = 30  # frames on their way to the broker; the others wait
LOOK_SECONDS = 0.2  # between two looks at what has become too old, and from a miss to a new try

log = logging.getLogger(__name__)


class Publisher:
    """Sends what it is given, oldest first; while the broker is away, one frame at a time tries."""

    def __init__(
        self,
        key: bytes,
        open_writer: Callable[[], Sink],
        buffer: Buffer,
        metrics: Metrics,
        watchdog: Watchdog,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            key: of the records, the camera's name.
            open_writer: returns what writes, or raises BrokerAway or SettingsError.
            buffer: holds the frames that wait.
            metrics: counts them.
            watchdog: watches the writer.
        """
        self._key, self._open_writer, self._buffer = key, open_writer, buffer
        self._metrics, self._watchdog = metrics, watchdog
        self._outage, self._refused = Outage(log), Limited(log.warning)
        self._changed = threading.Condition()
        self._under_way = 0
        self._again = float("-inf")  # when to try again what was given up
        self._writer: Sink | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="publishing", daemon=True)
        self.up = False  # the newest frame that was sent has been stored
        self.failure: Exception | None = None  # what has ended the thread

    @property
    def away(self) -> str:
        """Why the broker is away; "" where it is not."""
        return self._outage.why

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def offer(self, frame: Frame) -> None:
        """Take a frame over."""
        with self._changed:
            self._buffer.add(frame)
            self._trim()
            self._changed.notify()

    def close(self) -> None:
        """Let go of the broker; frames that wait are given up."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(2 * RETRY_SECONDS)
        if self._writer is not None:
            self._writer.close()

    def _run(self) -> None:
        try:
            self._publish()
        except (
            Exception
        ) as error:  # SettingsError, or a mistake: the camera's end, in its own thread
            self.failure = error

    def _publish(self) -> None:
        while not self._ending:
            try:
                if self._writer is None:
                    self._writer = self._open_writer()
                    self._watchdog.owes("write", self._writer.holdup)
                if away := self._writer.away():
                    raise BrokerAway(away)
            except BrokerAway as error:
                self._missed(error)
                self._wait(RETRY_SECONDS if self._writer is None else LOOK_SECONDS)
            else:
                self._send()

    def _wait(self, seconds: float) -> None:
        """Look after the buffer for so long."""
        end = time.monotonic() + seconds
        with self._changed:
            while not self._ending and (left := end - time.monotonic()) > 0:
                self._trim()
                self._changed.wait(min(left, LOOK_SECONDS))

    def _send(self) -> None:
        """Send the oldest frame, if there is one whose turn it is soon."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending or self._may_send(), LOOK_SECONDS)
            self._trim()
            if self._ending or not self._may_send():
                return
            frame = self._buffer.take()
            self._metrics.buffered_bytes.set(self._buffer.bytes)
            self._under_way += 1
        # Without the lock: the answer may come within this call.
        self._writer.publish(
            frame.jpeg, key=self._key, timestamp=frame.taken, done=partial(self._done, frame)
        )

    def _may_send(self) -> bool:
        if self.up:
            return bool(self._buffer) and self._under_way < UNDER_WAY
        return bool(self._buffer) and not self._under_way and time.monotonic() >= self._again

    def _trim(self) -> None:
        self._metrics.dropped("broker", self._buffer.give_up(time.monotonic()))
        self._metrics.buffered_bytes.set(self._buffer.bytes)

    def _done(self, frame: Frame, error: Exception | None) -> None:
        """Take the writer's answer, in a thread of its own."""
        with self._changed:
            self._under_way -= 1
            if isinstance(error, BrokerAway):
                self.up, self._again = False, time.monotonic() + LOOK_SECONDS
                self._buffer.add(frame)
                self._trim()
            elif error is None:
                self.up = True
            self._changed.notify()
        if error is None:
            self._metrics.published.inc()
            self._outage.is_over()
        elif isinstance(error, Refused):
            self._metrics.dropped("refused")
            self._refused(str(error))
        else:
            self._missed(error)

    def _missed(self, error: Exception) -> None:
        self.up = False
        self._outage.goes_on(error)
