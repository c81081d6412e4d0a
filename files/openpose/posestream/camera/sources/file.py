"""A video file, over and over, in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from ...flags import Camera
from ..picture import Arrival
from . import DEFAULT_FPS, SourceError
from .pacing import Pace
from .stream import Stream


class File:
    """Plays a video; at its end it begins again."""

    live = False
    kind = "video file, played in real time, over and over"

    def __init__(self, path: str) -> None:
        """Open the file; raises SourceError where it cannot be played."""
        if not Path(path).exists():
            raise SourceError(f"there is no file {path}: put it there, or correct CAMERA_SOURCE")
        self._path = path
        self._stream = self._open()
        self.codec = self._stream.codec
        self.rate = self._stream.rate or DEFAULT_FPS

    def _open(self) -> Stream:
        return Stream(self._path, self._path)

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over the packets when they are due."""
        pace = Pace(self.rate)
        while True:
            empty = True
            for packet in self._stream.packets():
                empty = False
                since = pace.wait()
                yield self._stream.arrival(packet, time.time(), since)
            if empty:
                raise SourceError(f"{self._path} has no pictures in it")
            if (rest := self._stream.rest(time.time(), time.monotonic())) is not None:
                yield rest
            # Opened anew: to seek to the start is not exact in every format.
            self._stream.close()
            self._stream = self._open()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def open_source(settings: Camera) -> File:
    """Open the video file that the settings name."""
    return File(settings.source)
