"""The command `posestream export`.

Looks only: it joins no group and commits nothing. It ends where the topic ended when it began, or
follows it. Memory is bounded: CSV and JSON lines are written as they are read, an NPZ's keypoints
lie in a temporary file until all are there, and no more than some forty bytes a frame in memory.
"""

from __future__ import annotations

import logging
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..logs import Outage
from ..settings import OPTIONAL_SERVICE, Settings, SettingsError
from ..streams import SEALED, BrokerAway, Message, Reopen, TopicMissing, Watcher
from .files import FORMATS, Failed
from .keypoints import Frame, parse

POLL_SECONDS = 0.5
PROGRESS_SECONDS = 5.0
# A topic is sought by the time at which results were published; a camera's clock, by which they are
# chosen, may be ahead of it by so much.
CLOCK_SECONDS = 60.0
# The keys of the pictures that `posestream verify` sends through the system.
SELF_CHECK = re.compile(r"verify-[0-9a-f]{8}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Which frames are exported.

    Attributes:
        since: seconds since the epoch, at which the picture was taken; from here on,
        until: and before this.
        cameras: the cameras' names; all but the self-check's where there is none.
        follow: go on with what is published from now on.
    """

    since: float = 0.0
    until: float = math.inf
    cameras: Sequence[str] = ()
    follow: bool = False

    def has(self, message: Message, camera: str) -> bool:
        """Say whether a message is wanted."""
        if not self.since <= message.timestamp < self.until:
            return False
        return camera in self.cameras if self.cameras else not SELF_CHECK.fullmatch(camera)


@dataclass
class Count:
    """What has been written so far, and what was not: messages that were not OpenPose's JSON."""

    frames: int = 0
    people: int = 0
    broken: int = 0
    sealed: dict[str, int] = field(default_factory=dict)  # how many stay closed, by reason
    cameras: set[str] = field(default_factory=set)  # of all messages, wanted or not

    def __str__(self) -> str:
        """Say it; without frames, what there would be."""
        said = f"{self.frames} frames with {self.people} people"
        if not self.frames:
            said += f"; cameras that were read: {', '.join(sorted(self.cameras)) or 'none'}"
        said += f"; {self.broken} messages were not OpenPose's JSON" * bool(self.broken)
        closed = (f"; of {number} messages, {SEALED[why]}" for why, number in self.sealed.items())
        return said + "".join(closed)


def run(settings: Settings, *, kind: str | None, output: str, **frames: Any) -> int:
    """Export; return 0, or 1 and say on standard error what has failed.

    Args:
        settings: of any container that knows the keypoints topic.
        kind: the format; None for what the file's name ends with.
        output: the file's path, or - for standard output.
        frames: which are wanted, see `Wanted`.

    Raises:
        SettingsError: options that do not go together.
    """
    kind, wanted = kind or _of_name(output), Wanted(**frames)
    if wanted.until <= wanted.since:
        raise SettingsError(["--to: should be after --from"])
    if kind == "npz" and wanted.follow and wanted.until == math.inf:
        raise SettingsError(
            ["--follow: an npz file is complete only at its end: say --to, or another --format"]
        )
    if kind == "npz" and output == "-" and sys.stdout.isatty():
        raise SettingsError(["--output: an npz file is not for a terminal: say --output FILE"])
    stopped = _stops()
    count = Count()
    try:
        with (
            closing(_reader(settings, wanted.since)) as reader,
            _opened(output) as file,
            closing(FORMATS[kind](file)) as table,
        ):
            for frame in read(reader, wanted, count, stopped):
                table.write(frame)
                if wanted.follow:
                    file.flush()
    except BrokenPipeError:  # whoever reads has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TopicMissing as error:
        print(f"failed: {error}; is a worker with keypoints deployed?", file=sys.stderr)
        return 1
    except (BrokerAway, Failed) as error:
        before = f"; before that, {count}" if count.frames else ""
        print(f"failed: {error}{before}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"failed: {output} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    if stopped() and not wanted.follow:
        print(f"interrupted; before that, {count}", file=sys.stderr)
        return 1
    print(f"exported {count}", file=sys.stderr)
    return 0


def read(
    reader: Watcher, wanted: Wanted, count: Count, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Frame]:
    """Yield the wanted frames as they are read, each camera's in the order of its partition.

    Raises:
        BrokerAway: the broker cannot be reached; where the topic is followed, it is waited for.
    """
    ends, outage = reader.edges(), Outage(log)
    progress = _Progress(ends)
    late = False  # whether the ends were asked for after the time up to which is followed
    while not stopped():
        try:
            messages = reader.poll(POLL_SECONDS)
            outage.is_over()
        except (TopicMissing, Reopen):
            raise
        except BrokerAway as error:
            if not wanted.follow:
                raise
            outage.goes_on(error)
            continue
        for message in messages:
            frame = _frame(message, wanted, count)
            if frame is not None:
                yield frame
        progress.note(messages, count)
        if wanted.follow and not late and time.time() >= wanted.until:
            with suppress(BrokerAway):  # which the next poll says
                ends, late = reader.edges(), True
        if (late or not wanted.follow) and reader.has_read(ends):
            return


def _frame(message: Message, wanted: Wanted, count: Count) -> Frame | None:
    camera = (message.key or b"").decode(errors="replace")
    if not SELF_CHECK.fullmatch(camera):
        count.cameras.add(camera)
    if not wanted.has(message, camera):
        return None
    if message.sealed:
        count.sealed[message.sealed] = count.sealed.get(message.sealed, 0) + 1
        return None
    try:
        frame = parse(message.payload, camera, message.timestamp)
    except ValueError:
        count.broken += 1
        return None
    count.frames += 1
    count.people += len(frame.people)
    return frame


class _Progress:
    """Says now and then, on standard error, how far the reading has come."""

    def __init__(self, edges: dict) -> None:
        self._edges = dict(edges)
        self._said = time.monotonic()
        self._begun = time.monotonic()

    def note(self, messages: list[Message], count: Count) -> None:
        for message in messages:
            topic, number, offset = message.position
            if (place := (topic, number)) in self._edges:
                self._edges[place] = (offset + 1, self._edges[place][1])
        now = time.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            left = sum(max(0, end - at) for at, end in self._edges.values())
            print(f"{count}, {left} messages to go, {now - self._begun:.0f} s", file=sys.stderr)


def _of_name(output: str) -> str:
    return {".jsonl": "jsonl", ".npz": "npz"}.get(Path(output).suffix.lower(), "csv")


def _reader(settings: Settings, since: float) -> Watcher:
    """Return a reader that begins so early that nothing is missing that was taken since then."""
    past = time.time() - max(0.0, since - CLOCK_SECONDS)
    return Watcher(settings.streams, OPTIONAL_SERVICE, past=max(0.0, past))


def _opened(output: str) -> BinaryIO:
    if output == "-":
        return os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    return Path(output).open("wb")


def _stops() -> Callable[[], bool]:
    """Take SIGINT and SIGTERM for the end of the export; return what says whether one came."""
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: came.append(number))
    return lambda: bool(came)
