"""From a picture to the JPEG that is published."""

from __future__ import annotations

import cv2
import numpy as np

from .. import frames
from ..flags import Camera
from .picture import PIXELS_MAX, Picture

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
FLIPS = {"horizontal": 1, "vertical": 0}  # OpenCV's codes


class Preparer:
    """Turns, mirrors and scales, in this order; what needs none of it stays as it came."""

    def __init__(self, settings: Camera) -> None:
        """Take the settings."""
        self._size, self._quality = settings.size, settings.jpeg_quality
        self._turn, self._flip = TURNS.get(settings.rotation), FLIPS.get(settings.mirror)

    def jpeg(self, picture: Picture) -> bytes:
        """Return the JPEG to publish; raises FrameError where the picture cannot be used."""
        if picture.jpeg is not None:
            header = frames.inspect(picture.jpeg, max_pixels=PIXELS_MAX)
            if header.is_jpeg and self.leaves(header.width, header.height):
                return picture.jpeg
        return frames.encode_jpeg(self.changed(picture.pixels), self._quality)

    def leaves(self, width: int, height: int) -> bool:
        """Say whether a picture of this size stays as it is."""
        return self._turn is None and self._flip is None and self._size in (None, (width, height))

    def changed(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels, uint8 (height, width, 3), as they are to be published."""
        if self._turn is not None:
            pixels = cv2.rotate(pixels, self._turn)
        if self._flip is not None:
            pixels = cv2.flip(pixels, self._flip)
        height, width = pixels.shape[:2]
        if self._size not in (None, (width, height)):
            smaller = self._size[0] < width
            pixels = cv2.resize(
                pixels,
                self._size,
                interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
            )
        return pixels
