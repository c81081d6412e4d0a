"""A watch on progress: a thread that holds something for too long ends the process, and says why.

A process that has stopped working but lives is started again by nobody; one that has ended is.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CHECK_SECONDS = 1.0
# The watch itself runs in Python: where a library holds on to the interpreter for so long, the
# operating system's timer ends the process in its place.
BLIND_SECONDS = 25.0
CLIENT_SECONDS = 20.0  # for a poll, and for what the Kafka client owes

log = logging.getLogger(__name__)


@dataclass
class _Activity:
    """What a thread is doing, and to what."""

    thread: int
    what: str
    subjects: tuple[object, ...]
    since: float
    limit: float


class Watchdog:
    """Knows what each thread is doing, and since when."""

    def __init__(self, ends: Callable[[tuple[object, ...]], None] = lambda subjects: None) -> None:
        """Prepare; nothing is watched before `start`.

        `ends` is called, in the watch's own thread, before the process ends, with the subjects
        of the activity that has taken too long.
        """
        self._ends = ends
        self._activities: dict[int, _Activity] = {}
        self._debts: dict[str, Callable[[], tuple[float, str]]] = {}
        self._blind = BLIND_SECONDS
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self, blind: float = BLIND_SECONDS) -> None:
        """Begin to watch, for as long as the process lives.

        Where the interpreter itself stands still for `blind` seconds, the process ends, too.
        """
        self._blind = blind
        self._thread.start()

    @contextmanager
    def doing(self, what: str, limit: float = CLIENT_SECONDS, *subjects: object) -> Iterator[None]:
        """Announce what this thread does in a `with` block, for `limit` seconds at most."""
        thread = threading.get_ident()
        before = self._activities.get(thread)
        self._activities[thread] = _Activity(thread, what, subjects, time.monotonic(), limit)
        try:
            yield
        finally:
            if before is None:
                self._activities.pop(thread, None)
            else:
                self._activities[thread] = before

    def owes(self, who: str, holdup: Callable[[], tuple[float, str]]) -> None:
        """Watch what a Kafka client owes: its `holdup` says for how long, and what."""
        self._debts[who] = holdup

    def overdue(self) -> tuple[str, tuple[object, ...]] | None:
        """Return a sentence about what takes too long, with its stack, and its subjects."""
        now = time.monotonic()
        for activity in list(self._activities.values()):
            if (seconds := now - activity.since) > activity.limit:
                stack = sys._current_frames().get(activity.thread)
                where = "".join(traceback.format_stack(stack)) if stack else "it has just ended"
                return f"{activity.what} takes {seconds:.0f} s\n{where}", activity.subjects
        for holdup in list(self._debts.values()):
            seconds, what = holdup()
            if seconds > CLIENT_SECONDS:
                return f"for {seconds:.0f} s, {what}", ()
        return None

    def _run(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self._blind, exit=True)
            if (found := self.overdue()) is not None:
                log.critical("this process ends, to be started again: %s", found[0])
                self._ends(found[1])
                end(1)
            time.sleep(CHECK_SECONDS)


def end(code: int) -> None:
    """End the process at once, whatever its threads are doing; what is logged is kept.

    Python's own way waits for what libraries hold: librdkafka for a broker that is silent, a
    decoder for its picture.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
