"""What every camera shows right now: its newest pictures, matched by capture time."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

NAMELESS = "camera"  # the camera of frames without a key
SELF_CHECK = "verify-"  # keys of pictures that a self-check sends through the system
GONE_AFTER = 30.0  # seconds without any message until a camera is forgotten
FROZEN_AFTER = 5.0  # seconds without an annotated picture until newer raw ones are shown without it
RATE_WINDOW = 5.0  # seconds over which frame rates are taken
MAX_CAMERAS = 32
MAX_RAW_BYTES = 64 * 2**20  # raw pictures waiting for their annotated ones, all cameras together
MAX_COUNTS = 512  # numbers of people waiting for their pictures, of one camera
# A time that was written as whole microseconds comes back some of them off.
SAME_MOMENT = 0.0005  # seconds


class Stream(str, Enum):
    """The three streams, by the names of their SINETStream services."""

    RAW = "image-src"
    ANNOTATED = "image-dest"
    KEYPOINTS = "keypoints-dest"

    __str__ = str.__str__  # in log lines and thread names: the service's name


class Message(Protocol):
    """What is read of a message; `posestream.streams.Message` has it."""

    @property
    def payload(self) -> bytes | None:
        """The value."""

    @property
    def key(self) -> bytes | None:
        """The camera's name."""

    @property
    def timestamp(self) -> float:
        """The capture time, seconds since the epoch."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One JPEG; two of them are the same only if they are the same object."""

    jpeg: bytes
    taken: float  # capture time, seconds since the epoch


@dataclass(frozen=True)
class View:
    """What is to be seen of one camera."""

    camera: str
    annotated: Picture | None = None
    raw: Picture | None = None
    matched: bool = False  # raw is the picture that annotated was made of
    people: int | None = None  # None: not known (yet)

    @property
    def taken(self) -> float | None:
        """Capture time of the frame shown: of the annotated picture, if there is one."""
        picture = self.annotated or self.raw
        return picture.taken if picture else None


class Rate:
    """Frames per second over the last `RATE_WINDOW` seconds."""

    def __init__(self) -> None:
        """Start without a frame."""
        self._times: deque[float] = deque(maxlen=1024)

    def add(self, now: float) -> None:
        """Count a frame that came at `now` (seconds of a monotonic clock)."""
        self._times.append(now)

    def last(self) -> float | None:
        """Return when the newest frame came."""
        return self._times[-1] if self._times else None

    def per_second(self, now: float) -> float:
        """Return the rate at `now`; it sinks at once when the frames stop."""
        recent = [t for t in self._times if t > now - RATE_WINDOW]
        if len(recent) < 2:
            return 0.0
        span, waited = recent[-1] - recent[0], now - recent[-1]
        gaps = len(recent) - 1
        if waited > 2 * span / gaps:
            span += waited
        return gaps / span if span > 0 else 0.0


@dataclass
class _Camera:
    """State of one camera; times are of the monotonic clock."""

    view: View
    seen: float
    newest_raw: Picture | None = None
    counts: OrderedDict[float, int] = field(default_factory=OrderedDict)
    raw_rate: Rate = field(default_factory=Rate)
    annotated_rate: Rate = field(default_factory=Rate)


def name_of(key: bytes | None) -> str | None:
    """Return the camera's name for a message's key, None for a picture of a self-check."""
    name = (key or b"").decode("utf-8", errors="replace").strip() or NAMELESS
    return None if name.startswith(SELF_CHECK) else name


def count_people(payload: bytes | None) -> int | None:
    """Return the number of people in OpenPose's JSON output, None if it is something else."""
    try:
        people = json.loads(payload or b"")["people"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return len(people) if isinstance(people, list) else None


class Cameras:
    """The state of all cameras. Threads may share it; its memory is bounded.

    `accepts` says whether a payload is a picture that a browser may be given.
    """

    def __init__(
        self,
        accepts: Callable[[bytes | None], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Start without a camera; the clocks give seconds (monotonic, since the epoch)."""
        self._accepts = accepts
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._raw: deque[tuple[str, Picture]] = deque()  # oldest first
        self._raw_bytes = 0

    def add(self, stream: Stream, messages: Iterable[Message]) -> None:
        """Take in what was read from `stream`; what cannot be shown is passed over."""
        with self._lock:
            touched = {name for message in messages if (name := self._add_one(stream, message))}
            for name in touched & self._cameras.keys():
                camera = self._cameras[name]
                camera.view = self._look(camera)

    def names(self) -> list[str]:
        """Return the names of the cameras that sent something lately, sorted."""
        with self._lock:
            self._forget_gone()
            return sorted(self._cameras)

    def view(self, name: str) -> View:
        """Return what is to be seen of camera `name`; a view without pictures if it is gone."""
        with self._lock:
            camera = self._cameras.get(name)
            return camera.view if camera else View(name)

    def age(self, view: View) -> float | None:
        """Return the seconds since the frame of `view` was taken, None without a frame."""
        return None if view.taken is None else self._wall_clock() - view.taken

    def status(self) -> list[dict[str, Any]]:
        """Return name, people and, for raw and annotated, fps, age and silence (s) per camera."""
        with self._lock:
            self._forget_gone()
            return [self._status_of(self._cameras[name]) for name in sorted(self._cameras)]

    def _add_one(self, stream: Stream, message: Message) -> str | None:
        name = name_of(message.key)
        if name is None:
            return None
        if stream is Stream.KEYPOINTS:
            people = count_people(message.payload)
            if people is not None:
                self._add_count(self._camera(name), message.timestamp, people)
                return name
        elif self._accepts(message.payload):
            picture = Picture(message.payload, message.timestamp)
            self._add_picture(stream, self._camera(name), picture)
            return name
        return None

    def _camera(self, name: str) -> _Camera:
        now = self._clock()
        camera = self._cameras.get(name)
        if camera is None:
            if len(self._cameras) >= MAX_CAMERAS:
                del self._cameras[min(self._cameras, key=lambda other: self._cameras[other].seen)]
            camera = self._cameras[name] = _Camera(View(name), now)
        camera.seen = now
        return camera

    def _add_picture(self, stream: Stream, camera: _Camera, picture: Picture) -> None:
        name, now = camera.view.camera, self._clock()
        if stream is Stream.ANNOTATED:
            camera.annotated_rate.add(now)
            camera.view = View(name, annotated=picture)
            return
        camera.raw_rate.add(now)
        camera.newest_raw = picture
        self._raw.append((name, picture))
        self._raw_bytes += len(picture.jpeg)
        while self._raw_bytes > MAX_RAW_BYTES:
            self._raw_bytes -= len(self._raw.popleft()[1].jpeg)

    @staticmethod
    def _add_count(camera: _Camera, taken: float, people: int) -> None:
        camera.counts[taken] = people
        while len(camera.counts) > MAX_COUNTS:
            camera.counts.popitem(last=False)

    def _look(self, camera: _Camera) -> View:
        """Put the newest pictures of a camera together."""
        name, annotated = camera.view.camera, camera.view.annotated
        if annotated is None:
            return View(name, raw=camera.newest_raw)
        raw_pictures = ((p.taken, p) for n, p in reversed(self._raw) if n == name)
        source = _at(annotated.taken, raw_pictures)
        people = _at(annotated.taken, reversed(camera.counts.items()))
        frozen = self._clock() - (camera.annotated_rate.last() or 0.0) > FROZEN_AFTER
        raw = camera.newest_raw if frozen or source is None else source
        return View(name, annotated, raw, matched=raw is not None and raw is source, people=people)

    def _forget_gone(self) -> None:
        earliest = self._clock() - GONE_AFTER
        for name in [name for name, camera in self._cameras.items() if camera.seen < earliest]:
            del self._cameras[name]

    def _status_of(self, camera: _Camera) -> dict[str, Any]:
        return {
            "name": camera.view.camera,
            "people": camera.view.people,
            "raw": self._stream_status(camera.raw_rate, camera.newest_raw),
            "annotated": self._stream_status(camera.annotated_rate, camera.view.annotated),
        }

    def _stream_status(self, rate: Rate, newest: Picture | None) -> dict[str, float] | None:
        last = rate.last()
        if newest is None or last is None:
            return None
        now = self._clock()
        return {
            "fps": round(rate.per_second(now), 2),
            "age": round(self._wall_clock() - newest.taken, 3),
            "silent": round(now - last, 3),
        }


def _at(taken: float, items: Iterable[tuple[float, T]]) -> T | None:
    """Return the first of `items` (capture time, item) that belongs to the frame of that time."""
    return next((item for time_, item in items if abs(time_ - taken) < SAME_MOMENT), None)
