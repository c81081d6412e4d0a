"""V4L2: USB cameras and capture cards, by FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ...flags import Camera
from ..picture import Arrival
from . import SourceError
from .stream import Packet, Stream

# V4L2's own names of formats, as `v4l2-ctl --list-formats` says them, to FFmpeg's.
FORMATS = {"mjpg": "mjpeg", "yuyv": "yuyv422", "uyvy": "uyvy422", "nv12": "nv12", "yu12": "yuv420p"}
CREDIBLE_SECONDS = 5.0


class Device:
    """A camera that is a device of this machine."""

    live = True
    kind = "V4L2 device"

    def __init__(self, settings: Camera) -> None:
        """Open the device; raises SourceError where that fails."""
        wanted = FORMATS.get(settings.format, settings.format)
        try:
            self._stream = self._open(settings, wanted or "mjpeg")
        except SourceError:
            if wanted:
                raise
            # It has no JPEG, or there is something else, which is said now.
            self._stream = self._open(settings, "")
        self.codec = self._stream.codec

    @staticmethod
    def _open(settings: Camera, pixels: str) -> Stream:
        asked = options(settings, pixels)
        return Stream(settings.source, settings.source, format="v4l2", container_options=asked)

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over what comes."""
        return self._stream.arrivals(captured)

    def close(self) -> None:
        """Close the device."""
        self._stream.close()


def options(settings: Camera, pixels: str) -> dict[str, str]:
    """Return what FFmpeg is to ask the device for; the driver takes what is nearest to it."""
    asked = {}
    if pixels:
        asked["input_format"] = pixels
    if settings.size:
        asked["video_size"] = "{}x{}".format(*before_turning(settings))
    if settings.fps:
        asked["framerate"] = f"{settings.fps:g}"
    return asked


def before_turning(settings: Camera) -> tuple[int, int] | None:
    """Return (width, height) that becomes CAMERA_SIZE by CAMERA_ROTATION."""
    if settings.size is None or settings.rotation in (0, 180):
        return settings.size
    return settings.size[::-1]


def captured(packet: Packet) -> float:
    """Return when a packet was captured, seconds since the epoch.

    Drivers stamp buffers by the monotonic clock (V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC), few by
    another one: those are taken for captured now.
    """
    now = time.time()
    age = time.monotonic() - packet.time if packet.time is not None else 0.0
    return now - age if 0 <= age < CREDIBLE_SECONDS else now


def open_source(settings: Camera) -> Device:
    """Open the device that the settings name."""
    return Device(settings)
