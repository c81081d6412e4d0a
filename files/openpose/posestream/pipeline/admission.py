"""Which messages become frames in work, and how many at a time."""

from __future__ import annotations

import threading
import time

from .. import frames
from ..guardian import TRIES_MAX, Flight, Record
from ..settings import Worker as WorkerSettings
from ..streams import SEALED, Message
from .frame import Frame, Skipped
from .intake import Intake


class Budget:
    """A number of bytes that are shared; one who needs more than all of them has them alone."""

    def __init__(self, size: int) -> None:
        """Have so many bytes to give."""
        self._size, self._used = size, 0
        self._changed = threading.Condition()

    def take(self, count: int) -> None:
        """Take bytes, waiting for them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + count <= self._size)
            self._used += count

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._changed:
            self._used -= count
            self._changed.notify_all()


class Admission:
    """Takes messages from the intake, and lets those through that can be worked on.

    A frame with which a worker has died before is let through alone, and not a third time.
    """

    def __init__(
        self, intake: Intake, settings: WorkerSettings, flight: Flight, record: Record
    ) -> None:
        """Start with nothing in work."""
        self._intake, self._settings = intake, settings
        self._flight, self._record = flight, record
        self._memory = Budget(settings.max_memory)
        self._changed = threading.Condition()
        self._in_work = 0
        self._alone = False

    def take(self) -> Frame | None:
        """Return the next frame, None at the end; one that goes no further says why."""
        message = self._intake.take()
        if message is None:
            return None
        frame = Frame(message)
        try:
            frame.header = self._check(message)
        except Skipped as skipped:
            frame.skipped = skipped
            return frame
        frame.memory = frame.header.memory
        self._memory.take(frame.memory)
        with self._changed:
            suspect = message.position in self._record.tries
            self._changed.wait_for(lambda: not self._in_work if suspect else not self._alone)
            self._alone = suspect
            self._in_work += 1
        self._flight.take_off(message.position)
        return frame

    def land(self, frame: Frame) -> None:
        """Take note that a frame needs no more work."""
        if not frame.memory:
            return
        position = frame.message.position
        self._flight.land(position)
        self._record.acquit(position)
        self._memory.give(frame.memory)
        frame.memory = 0
        with self._changed:
            self._in_work -= 1
            self._alone = False
            self._changed.notify_all()

    def _check(self, message: Message) -> frames.Header:
        if message.unreadable:
            raise Skipped("unreadable", message.unreadable)
        if message.sealed:
            raise Skipped(message.sealed, SEALED[message.sealed])
        if self._record.tries.get(message.position, 0) >= TRIES_MAX:
            raise Skipped("poison", f"a worker has died with it {TRIES_MAX} times")
        refuse_stale(message, self._settings.max_age)
        try:
            return frames.inspect(message.payload, max_pixels=self._settings.max_pixels)
        except frames.FrameError as error:
            raise Skipped(error.reason, error) from error


def refuse_stale(message: Message, max_age: float) -> None:
    """Raise Skipped for a message that is older than `max_age` seconds; 0 for any age."""
    age = time.time() - message.timestamp
    if max_age and age > max_age:
        raise Skipped("stale", f"{age:.1f} s old, WORKER_MAX_AGE is {max_age:g} s")
