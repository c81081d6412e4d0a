"""What every camera shows right now: its newest pictures and people, matched by capture time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from .keypoints import Keypoints, read
from .moments import Kept

NAMELESS = "camera"  # the camera of frames without a key
SELF_CHECK = "verify-"  # keys of pictures that a self-check sends through the system
GONE_AFTER = 30.0  # seconds without any message until a camera is forgotten
FROZEN_AFTER = 5.0  # seconds without a result until newer raw pictures are shown without it
RATE_WINDOW = 5.0  # seconds over which rates are taken
MAX_CAMERAS = 32
MAX_RAW_BYTES = 64 * 2**20  # raw pictures waiting for their results, all cameras together
MAX_KEYPOINTS_BYTES = 8 * 2**20  # people waiting for their pictures, all cameras together


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
    came: float = 0.0  # when it was read, of the monotonic clock

    @property
    def size(self) -> int:
        """How many bytes it takes up."""
        return len(self.jpeg)


@dataclass(frozen=True)
class View:
    """What is to be seen of one camera, all of one moment where `matched`."""

    camera: str
    annotated: Picture | None = None
    raw: Picture | None = None
    keypoints: Keypoints | None = None
    matched: bool = False  # raw is the picture that annotated, or keypoints, was made of

    @property
    def taken(self) -> float | None:
        """Capture time of the frame shown."""
        shown = self.annotated or self.keypoints or self.raw
        return shown.taken if shown else None

    @property
    def people(self) -> int | None:
        """How many people are on the frame; None: not known (yet)."""
        return self.keypoints.people if self.keypoints else None


@dataclass(frozen=True)
class Layers:
    """What a page draws, and so what it is sent."""

    annotated: bool = False
    raw: bool = False
    keypoints: bool = False

    @property
    def anchor(self) -> Stream:
        """The stream whose newest message says which moment is shown."""
        if self.annotated:
            return Stream.ANNOTATED
        return Stream.KEYPOINTS if self.keypoints else Stream.RAW


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

    name: str
    since: float  # when the first frame came after a pause
    seen: float
    raw: Picture | None = None  # the newest of each
    annotated: Picture | None = None
    keypoints: Keypoints | None = None
    pair: View | None = None  # the newest people with the picture that they are on
    paired: float = 0.0  # when that came about
    rates: dict[Stream, Rate] = field(default_factory=lambda: {stream: Rate() for stream in Stream})
    delay: float | None = None  # from the newest result's picture to the result, seconds
    skipped: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1024))
    views: dict[Stream, View] = field(default_factory=dict)  # by `Layers.anchor`

    def silent(self, stream: Stream, now: float) -> float:
        """Return the seconds since something came of `stream`."""
        last = self.rates[stream].last()
        return float("inf") if last is None else now - last


def name_of(key: bytes | None) -> str | None:
    """Return the camera's name for a message's key, None for a picture of a self-check."""
    name = (key or b"").decode("utf-8", errors="replace").strip() or NAMELESS
    return None if name.startswith(SELF_CHECK) else name


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
        self._raw: Kept[Picture] = Kept(MAX_RAW_BYTES)
        self._keypoints: Kept[Keypoints] = Kept(MAX_KEYPOINTS_BYTES)

    def add(self, stream: Stream, messages: Iterable[Message]) -> dict[str, int]:
        """Take in what was read from `stream`; what cannot be shown is passed over.

        Returns how many came of each camera.
        """
        came: dict[str, int] = {}
        with self._lock:
            for message in messages:
                if (name := self._add_one(stream, message)) is not None:
                    came[name] = came.get(name, 0) + 1
            for name in came.keys() & self._cameras.keys():
                camera = self._cameras[name]
                for anchor in Stream:
                    view = self._look(camera, anchor)
                    if view != camera.views.get(anchor):  # else the same object stays
                        camera.views = camera.views | {anchor: view}
        return came

    def names(self) -> list[str]:
        """Return the names of the cameras that sent something lately, sorted."""
        with self._lock:
            self._forget_gone()
            return sorted(self._cameras)

    def views(self, name: str) -> Mapping[Stream, View]:
        """Return what is to be seen of camera `name`, by `Layers.anchor`; {} if it is gone.

        A view is another object only where there is something new to be seen.
        """
        with self._lock:
            camera = self._cameras.get(name)
            return camera.views if camera else {}

    def view(self, name: str, layers: Layers) -> View:
        """Return what is to be seen of camera `name`; a view without pictures if it is gone."""
        return self.views(name).get(layers.anchor) or View(name)

    def age(self, view: View) -> float | None:
        """Return the seconds since the frame of `view` was taken, None without a frame."""
        return None if view.taken is None else self._wall_clock() - view.taken

    def status(self) -> list[dict[str, Any]]:
        """Return what `wire` says of each camera."""
        with self._lock:
            self._forget_gone()
            return [self._status_of(self._cameras[name]) for name in sorted(self._cameras)]

    def _add_one(self, stream: Stream, message: Message) -> str | None:
        name = name_of(message.key)
        if name is None:
            return None
        if stream is Stream.KEYPOINTS:
            keypoints = read(message.payload, message.timestamp)
            if keypoints is None:
                return None
            camera = self._camera(name)
            camera.keypoints = keypoints
            self._keypoints.add(name, keypoints)
        elif not self._accepts(message.payload):
            return None
        elif stream is Stream.RAW:
            camera = self._camera(name)
            if camera.silent(stream, self._clock()) > FROZEN_AFTER:
                camera.since = self._clock()
            camera.raw = Picture(message.payload, message.timestamp, self._clock())
            self._raw.add(name, camera.raw)
        else:
            camera = self._camera(name)
            self._compare(camera, message.timestamp)
            camera.annotated = Picture(message.payload, message.timestamp)
        camera.rates[stream].add(self._clock())
        return name

    def _camera(self, name: str) -> _Camera:
        now = self._clock()
        camera = self._cameras.get(name)
        if camera is None:
            if len(self._cameras) >= MAX_CAMERAS:
                self._forget(min(self._cameras, key=lambda other: self._cameras[other].seen))
            camera = self._cameras[name] = _Camera(name, now, now)
        camera.seen = now
        return camera

    def _compare(self, camera: _Camera, taken: float) -> None:
        """Note how late a result of the moment `taken` is, and what was skipped before it."""
        now = self._clock()
        source = self._raw.at(camera.name, taken)
        camera.delay = None if source is None else now - source.came
        if camera.annotated is not None:
            skipped = self._raw.between(camera.name, camera.annotated.taken, taken)
            camera.skipped.append((now, skipped))

    def _look(self, camera: _Camera, anchor: Stream) -> View:
        """Put together what belongs to the newest message of one stream."""
        if anchor is Stream.RAW:
            return View(camera.name, raw=camera.raw)
        if anchor is Stream.KEYPOINTS:
            return self._look_by_keypoints(camera)
        if camera.annotated is None:
            return View(camera.name, raw=camera.raw)
        source = self._raw.at(camera.name, camera.annotated.taken)
        frozen = camera.silent(Stream.ANNOTATED, self._clock()) > FROZEN_AFTER
        raw = camera.raw if frozen or source is None else source
        return View(
            camera.name,
            camera.annotated,
            raw,
            self._keypoints.at(camera.name, camera.annotated.taken),
            matched=raw is not None and raw is source,
        )

    def _look_by_keypoints(self, camera: _Camera) -> View:
        """Return the newest people whose picture is here: on no other one are they drawn."""
        keypoints = camera.keypoints
        if keypoints is not None and (camera.pair is None or camera.pair.keypoints != keypoints):
            source = self._raw.at(camera.name, keypoints.taken)
            if source is not None:
                camera.pair = View(camera.name, None, source, keypoints, matched=True)
                camera.paired = self._clock()
        if camera.pair is None or self._clock() - camera.paired > FROZEN_AFTER:
            return View(camera.name, raw=camera.raw)
        return camera.pair

    def _forget_gone(self) -> None:
        earliest = self._clock() - GONE_AFTER
        for name in [name for name, camera in self._cameras.items() if camera.seen < earliest]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        del self._cameras[name]
        self._raw.forget(name)
        self._keypoints.forget(name)

    def _status_of(self, camera: _Camera) -> dict[str, Any]:
        now = self._clock()
        skipped = sum(count for time_, count in camera.skipped if time_ > now - RATE_WINDOW)
        known = camera.raw is not None and camera.annotated is not None
        people = camera.views[Stream.ANNOTATED].people
        if people is None and camera.keypoints is not None:
            people = camera.keypoints.people
        return {
            "name": camera.name,
            "since": round(now - camera.since, 3),
            "people": people,
            "raw": self._stream_status(camera, Stream.RAW, camera.raw),
            "annotated": self._stream_status(camera, Stream.ANNOTATED, camera.annotated),
            "keypoints": self._stream_status(camera, Stream.KEYPOINTS, camera.keypoints),
            "lag": self._raw.between(camera.name, camera.annotated.taken, float("inf"))
            if known
            else None,
            "delay": None if camera.delay is None else round(camera.delay, 3),
            "skipped": round(skipped / RATE_WINDOW, 2) if known else None,
        }

    def _stream_status(
        self, camera: _Camera, stream: Stream, newest: Picture | Keypoints | None
    ) -> dict[str, float] | None:
        if newest is None:
            return None
        now = self._clock()
        return {
            "fps": round(camera.rates[stream].per_second(now), 2),
            "age": round(self._wall_clock() - newest.taken, 3),
            "silent": round(camera.silent(stream, now), 3),
        }
