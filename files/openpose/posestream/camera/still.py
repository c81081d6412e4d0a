"""Whether a live source stands still: the same picture for long, as of a camera that hangs."""

from __future__ import annotations

import zlib

import numpy as np

from .picture import Picture

STEP = 8  # of the pixels each eighth in both directions is looked at
LEVELS = 4  # of 256; a video codec changes a picture that stands still by less
SHARE = 0.0005  # of the pixels; where no more differ, the picture is the same
PATIENCE_MAX = 3600.0
_SCAN = b"\xff\xda"  # of a JPEG; what is before it may be its time


class Stillness:
    """Notices when the picture has stopped to change."""

    def __init__(self, seconds: float) -> None:
        """Wait for so many seconds; 0 for ever."""
        self._seconds = self._patience = seconds
        self._same_as: np.ndarray | int | None = None
        self._changed = self._told = 0.0

    def of(self, picture: Picture, now: float) -> float | None:
        """Look at a picture of `now` seconds.

        Returns:
            For how many seconds the picture has been the same, where it is time to do something
            about it. Where that does not help (a quiet room), it takes twice as long each time
            until it is told again.
        """
        if not self._seconds:
            return None
        looks = _looks(picture)
        if not _same(looks, self._same_as):
            self._same_as, self._patience = looks, self._seconds
            self._changed = self._told = now
        elif now - self._told >= self._patience:
            self._told = now
            self._patience = min(2 * self._patience, PATIENCE_MAX)
            return now - self._changed
        return None


def _looks(picture: Picture) -> np.ndarray | int:
    """Return what a picture is compared by: of a JPEG, its bytes' checksum."""
    if picture.jpeg is not None:
        return zlib.crc32(picture.jpeg[max(0, picture.jpeg.find(_SCAN)) :])
    return picture.pixels[::STEP, ::STEP, 1].astype(np.int16)


def _same(one: np.ndarray | int, other: np.ndarray | int | None) -> bool:
    if isinstance(one, int) or isinstance(other, int) or other is None:
        return isinstance(one, int) and one == other
    if one.shape != other.shape:
        return False
    return np.count_nonzero(np.abs(one - other) > LEVELS) <= SHARE * one.size
