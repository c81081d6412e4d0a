"""The Raspberry Pi's own camera, by picamera2 of Raspberry Pi OS: imported only when it is used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ...flags import Camera
from ..picture import Arrival
from . import SourceError
from .device import before_turning

DEFAULT_SIZE = (1280, 720)


class PiCamera:
    """The camera of this Raspberry Pi, or one of several."""

    live = True
    kind = "Raspberry Pi camera"
    codec = "BGR888"

    def __init__(self, settings: Camera, kind: Any) -> None:
        """Start the camera; raises SourceError where that fails.

        Args:
            settings: the camera's.
            kind: picamera2's class Picamera2.
        """
        number = int(settings.source.partition(":")[2] or 0)
        try:
            known = len(kind.global_camera_info())
            if number >= known:
                raise SourceError(
                    f"{settings.source}: picamera2 finds {known} cameras: look at what "
                    "`rpicam-hello --list-cameras` says, and at the camera's cable"
                )
            self._camera = kind(number)
            # picamera2's RGB888 has blue first in memory.
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": before_turning(settings) or DEFAULT_SIZE, "format": "RGB888"},
                    controls={"FrameRate": settings.fps} if settings.fps else {},
                )
            )
            self._camera.start()
        except (RuntimeError, OSError, IndexError, ValueError) as error:
            raise SourceError(
                f"{settings.source}: picamera2 cannot start it: {error}; does another program "
                "have the camera?"
            ) from error

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over what comes."""
        while True:
            request = self._camera.capture_request()
            try:
                pixels = request.make_array("main")
                stamp = request.get_metadata().get("SensorTimestamp")
            finally:
                request.release()
            yield Arrival(exposed(stamp), time.monotonic(), load=lambda pixels=pixels: pixels)

    def close(self) -> None:
        """Stop the camera."""
        self._camera.close()


def exposed(stamp: int | None) -> float:
    """Return when a picture was exposed, seconds since the epoch.

    Args:
        stamp: libcamera's SensorTimestamp, nanoseconds of the clock CLOCK_BOOTTIME.
    """
    if stamp is None:
        return time.time()
    return time.time() - max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - stamp / 1e9)


def open_source(settings: Camera) -> PiCamera:
    """Start the camera that the settings name."""
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 (a Raspberry Pi's alone)
    except ImportError as error:
        raise SourceError(
            f"{settings.source} needs picamera2, which is not here ({error}): on Raspberry Pi OS "
            "`apt-get install python3-picamera2`, and run posestream on the host, in a virtual "
            "environment that sees the system's packages"
        ) from None
    return PiCamera(settings, Picamera2)
