"""A folder of pictures (*.jpg, *.jpeg, *.png), by name, over and over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ... import frames
from ...flags import Camera
from ..picture import PIXELS_MAX, Arrival
from . import DEFAULT_FPS, SourceError
from .pacing import Pace

SUFFIXES = {".jpg", ".jpeg", ".png"}


class Folder:
    """Shows the pictures in turn; those that are added are there from the next turn on."""

    live = False
    kind = "folder of pictures, over and over"
    codec = "JPEG and PNG"

    def __init__(self, path: str, fps: float) -> None:
        """Show so many pictures a second; raises SourceError where there are none."""
        self._path, self._fps = Path(path), fps
        self._list()

    def _list(self) -> list[Path]:
        try:
            found = sorted(each for each in self._path.iterdir() if each.suffix.lower() in SUFFIXES)
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror}") from None
        if not found:
            raise SourceError(f"{self._path} has no pictures in it (*.jpg, *.jpeg, *.png)")
        return found

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over the pictures when they are due."""
        pace = Pace(self._fps)
        while True:
            for path in self._list():
                since = pace.wait()
                try:
                    data = path.read_bytes()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise SourceError(f"{path} cannot be read: {error.strerror}") from None
                if data.startswith(b"\xff\xd8"):
                    yield Arrival(time.time(), since, data)
                else:
                    yield Arrival(time.time(), since, load=partial(_pixels, data))

    def close(self) -> None:
        """Nothing is held open."""


def _pixels(data: bytes) -> np.ndarray:
    return frames.decode(data, max_pixels=PIXELS_MAX)


def open_source(settings: Camera) -> Folder:
    """Open the folder that the settings name."""
    return Folder(settings.source, settings.fps or DEFAULT_FPS)
