"""The camera: plays a video in real time, for ever, into a topic.

It writes to the service `image-dest` of its own container.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from . import frames
from .logs import Outage
from .ready import show_ready
from .settings import Camera, Settings, SettingsError
from .streams import BrokerAway, Refused, Sink, Writer
from .watchdog import Watchdog

SERVICE = "image-dest"
STATUS_SECONDS = 10.0
RETRY_SECONDS = 1.0
EXPIRE_SECONDS = 3.0  # a frame that has not reached the broker by then is of no use any more
UNDER_WAY = 30  # frames on their way to the broker; those beyond them are dropped
LATE_SECONDS = 1.0
DEFAULT_FPS = 10.0  # for a video that does not say its own

log = logging.getLogger(__name__)


class Video:
    """A video file, over and over."""

    def __init__(self, path: str) -> None:
        """Open the file; raises SettingsError where it cannot be played."""
        self._path = path
        self._capture = cv2.VideoCapture(path)
        if not self._capture.isOpened() or not self._capture.grab():
            raise SettingsError(
                [f"CAMERA_VIDEO: {path} should be a file with a video that OpenCV can play"]
            )
        self._rewind()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps: float = fps if 0 < fps <= 1000 else DEFAULT_FPS

    def _rewind(self) -> None:
        # Opened anew: to seek to the start is not exact in every format.
        self._capture.release()
        self._capture = cv2.VideoCapture(self._path)

    def skip(self) -> None:
        """Go on by one frame, without its pixels."""
        if not self._capture.grab():
            self._rewind()
            self._capture.grab()

    def read(self) -> np.ndarray:
        """Return the next frame, uint8 (height, width, 3), blue, green, red."""
        read, frame = self._capture.read()
        if not read:
            self._rewind()
            read, frame = self._capture.read()
        if not read:
            raise OSError(f"{self._path} can no longer be read")
        return frame


class Schedule:
    """Which frame of a video that plays in real time is to be shown, and when."""

    def __init__(self, rate: float, fps: float, now: float) -> None:
        """Start at frame 0, now.

        Args:
            rate: the video's own frames per second.
            fps: frames to show per second; all, where it is 0 or more than the video has.
            now: the time in seconds, of any clock.
        """
        self._rate = rate
        self._step = max(1.0, rate / fps) if fps else 1.0
        self._start = now
        self._number = 0.0

    @property
    def time(self) -> float:
        """When the frame is due."""
        return self._start + self._number / self._rate

    def advance(self, now: float) -> int:
        """Go on to the next frame to show; return how many the video advances by, at least 1.

        Frames whose time is over are passed over, as the street does not wait either. Far behind
        (the broker was away), the video goes on from where it is.
        """
        before = int(self._number)
        self._number += self._step
        late = (now - self.time) * self._rate
        if late > self._rate * LATE_SECONDS:
            self._start += late / self._rate
        elif late > 0:
            self._number += late // self._step * self._step
        return int(self._number) - before


class Player:
    """Publishes the video's frames when they are due."""

    def __init__(
        self,
        settings: Camera,
        open_writer: Callable[[], Sink],
        stopping: threading.Event,
        watchdog: Watchdog | None = None,
    ) -> None:
        """Open the video; raises SettingsError where it cannot be played."""
        self._settings, self._open_writer, self._stopping = settings, open_writer, stopping
        self._watchdog = watchdog or Watchdog()
        self._video = Video(settings.video)
        self._key = settings.name.encode()
        self._writer: Sink | None = None
        self._outage = Outage(log)
        self._lock = threading.Lock()  # acknowledgements come in a thread of the writer's
        self._under_way = 0
        self.published = self.dropped = 0

    def run(self) -> None:
        """Play until told to stop."""
        schedule = Schedule(self._video.fps, self._settings.fps, time.monotonic())
        said = time.monotonic()
        while not self._stopping.wait(max(0.0, schedule.time - time.monotonic())):
            with self._watchdog.doing("a frame of the video"):
                self._show(self._video.read(), time.time())
                for _ in range(schedule.advance(time.monotonic()) - 1):
                    self._video.skip()
            if (seconds := time.monotonic() - said) >= STATUS_SECONDS:
                self._say(seconds)
                said = time.monotonic()
        if self._writer is not None:
            self._writer.close()

    def _say(self, seconds: float) -> None:
        with self._lock:
            published, dropped = self.published, self.dropped
            self.published = self.dropped = 0
        log.info("%.1f frames/s published, %d dropped", published / seconds, dropped)

    def _show(self, frame: np.ndarray, taken: float) -> None:
        try:
            if self._writer is None:
                self._writer = self._open_writer()
                self._watchdog.owes("write", self._writer.holdup)
            if away := self._writer.away():
                raise BrokerAway(away)
        except BrokerAway as error:
            # A frame of the past is of no use: nothing is kept for when the broker is back.
            self._missed(error)
            self._stopping.wait(RETRY_SECONDS if self._writer is None else 0)
            return
        with self._lock:
            full = self._under_way >= UNDER_WAY
            self._under_way += not full
            self.dropped += full
        if not full:
            jpeg = frames.encode_jpeg(frame, self._settings.jpeg_quality)
            self._writer.publish(jpeg, key=self._key, timestamp=taken, done=self._done)

    def _done(self, error: Exception | None) -> None:
        with self._lock:
            self._under_way -= 1
        if error is None:
            with self._lock:
                self.published += 1
            self._outage.is_over()
            show_ready(True)
        elif isinstance(error, Refused):
            log.warning("%s", error)
            with self._lock:
                self.dropped += 1
        else:
            self._missed(error)

    def _missed(self, error: Exception) -> None:
        self._outage.goes_on(error)
        with self._lock:
            self.dropped += 1
        show_ready(False)


def run(settings: Settings) -> int:
    """Be the camera until SIGTERM or SIGINT; return the process's exit code."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    show_ready(False)
    watchdog = Watchdog()
    player = Player(
        settings.camera,
        lambda: Writer(settings.streams, SERVICE, expire=EXPIRE_SECONDS),
        stopping,
        watchdog,
    )
    log.info(
        "camera %s plays %s to %s",
        settings.camera.name,
        settings.camera.video,
        settings.streams.describe(SERVICE),
    )
    watchdog.start()
    player.run()
    show_ready(False)
    return 0
