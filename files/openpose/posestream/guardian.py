"""The worker's parent process: it remembers the frames with which the worker has died.

What a decoder or an engine written in C cannot survive, no code around it can catch: the process
is gone. So the worker is a child of this process. The two share a page of memory in which the
worker notes the frames that it has in work; when it dies of itself, its parent counts that against
these frames, in a file that outlives both. The next worker takes such a frame alone, so that
the second death names the right one, and passes it over after that.

Who kills the container, kills both: nothing is counted then.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import mmap
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Collection
from pathlib import Path

TRIES_MAX = 2
SLOTS, SLOT_BYTES = 64, 512  # a topic's name has at most 249 bytes
RECORDED_MAX = 1000
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_PR_SET_PDEATHSIG = 1

Position = tuple[str, int, int]  # topic, partition, offset

log = logging.getLogger(__name__)


def record_file() -> Path:
    """Return the file of the frames with which a worker has died.

    In a container the folder for it, by the common name XDG_STATE_HOME, is a volume: it outlives
    the container's end, and workers share it.
    """
    folder, name = os.environ.get("XDG_STATE_HOME"), os.environ.get("WORKER_NAME", "")
    own = re.sub(r"[^A-Za-z0-9._-]", "-", f".{name}") if folder and name else ""
    return Path(folder or tempfile.gettempdir()) / f"posestream.suspects{own}.json"


class Record:
    """How often a worker has died with a frame in work, by the frame's position."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file, where there is one; without a path nothing is kept."""
        self._path = path
        self.tries: dict[Position, int] = {}
        if path is None:
            return
        with contextlib.suppress(OSError, ValueError, TypeError):
            entries = json.loads(path.read_text())
            self.tries = {(str(t), int(p), int(o)): int(tries) for t, p, o, tries in entries}

    def count(self, positions: list[Position]) -> None:
        """Count a death against frames."""
        for position in positions:
            self.tries[position] = self.tries.pop(position, 0) + 1
        self._write()

    def acquit(self, position: Position) -> None:
        """Forget a frame that did no harm."""
        if self.tries.pop(position, None) is not None:
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        newest = list(self.tries.items())[-RECORDED_MAX:]
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps([[*position, tries] for position, tries in newest]))
        beside.replace(self._path)


class Flight:
    """The frames in work, where both processes see them. Threads may share it."""

    def __init__(self) -> None:
        """Make the shared memory; a child that is forked afterwards has it, too."""
        self._memory = mmap.mmap(-1, SLOTS * SLOT_BYTES)
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))
        self._slots: dict[Position, int] = {}
        self._over = False

    def take_off(self, position: Position) -> None:
        """Note that a frame is in work; one too many for the memory goes unnoted."""
        with self._lock:
            if self._free and position not in self._slots and not self._over:
                slot = self._slots[position] = self._free.pop()
                self._put(slot, json.dumps(position).encode())

    def land(self, position: Position) -> None:
        """Note that a frame is no longer in work."""
        with self._lock:
            if (slot := self._slots.pop(position, None)) is not None:
                self._put(slot, b"")
                self._free.append(slot)

    def keep(self, positions: Collection[Position]) -> None:
        """Blame these frames alone for the end that comes."""
        with self._lock:
            self._over = True
        for other in list(self._slots):
            if other not in positions:
                self.land(other)

    def _put(self, slot: int, text: bytes) -> None:
        begin = slot * SLOT_BYTES
        self._memory[begin : begin + SLOT_BYTES] = text.ljust(SLOT_BYTES, b"\0")

    def positions(self) -> list[Position]:
        """Return the frames in work, in either process."""
        found = []
        for begin in range(0, SLOTS * SLOT_BYTES, SLOT_BYTES):
            text = self._memory[begin : begin + SLOT_BYTES].rstrip(b"\0")
            with contextlib.suppress(ValueError):  # the worker died as it was writing
                topic, partition, offset = json.loads(text or b"null") or ()
                found.append((topic, partition, offset))
        return found


def guard(work: Callable[[Flight, Record], int]) -> int:
    """Do `work` in a child process; return its exit code, or 1 where it was ended by a signal.

    To be called before anything starts threads or connections.
    """
    flight, path = Flight(), record_file()
    # A signal that comes before this parent can hand it on waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = os.fork()
    if child == 0:
        # Whoever kills this parent alone shall not leave a worker behind.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return work(flight, Record(path))
    for number in FORWARDED:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if -code in (signal.SIGTERM, signal.SIGINT):
        return 0  # told to stop before it could listen
    suspects = flight.positions() if code not in (0, 2) else []
    if suspects:
        names = ", ".join("{}/{} offset {}".format(*position) for position in suspects)
        log.error(
            "the worker has died (%s) with %s in work: tried once more, then passed over",
            f"exit code {code}" if code > 0 else signal.Signals(-code).name,
            names,
        )
        Record(path).count(suspects)
    elif code < 0:
        log.error("the worker was ended by %s", signal.Signals(-code).name)
    return code if code >= 0 else 1
