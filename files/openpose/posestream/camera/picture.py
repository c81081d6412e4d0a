"""What travels through the camera: what arrives, pictures, and frames to be published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import frames

if TYPE_CHECKING:
    from .decoding import Decoder

PIXELS_MAX = 250_000_000  # of a picture, as the image bounds OpenCV


@dataclass
class Picture:
    """One picture, decoded only where its pixels are asked for.

    Attributes:
        taken: when it was captured, seconds since the epoch.
        since: when it arrived, seconds of the monotonic clock.
        jpeg: the bytes as they came, where they came as a JPEG.
        load: returns the pixels, where it did not: uint8 (height, width, 3), blue, green, red.
    """

    taken: float
    since: float
    jpeg: bytes | None = None
    load: Callable[[], np.ndarray] | None = None

    @cached_property
    def pixels(self) -> np.ndarray:
        """The pixels, uint8 (height, width, 3), blue, green, red; raises FrameError."""
        if self.jpeg is not None:
            return frames.decode(self.jpeg, max_pixels=PIXELS_MAX)
        return self.load()


@dataclass
class Arrival:
    """What came from a source in one piece: a picture, or a packet that has to be decoded.

    Attributes:
        taken: when it was captured, seconds since the epoch.
        since: when it arrived, seconds of the monotonic clock.
        data: a packet of a video or a JPEG; empty at the end of a video file.
        decoder: what decodes the packet; None for a JPEG or pixels.
        load: returns the pixels, where there is no `data`.
        independent: it can be decoded without what came before it.
        wanted: its picture is to be published; else it is only there for the next ones.
    """

    taken: float
    since: float
    data: bytes = b""
    decoder: Decoder | None = None
    load: Callable[[], np.ndarray] | None = None
    independent: bool = True
    wanted: bool = True

    def pictures(self) -> list[Picture]:
        """Return the wanted pictures that are complete with this, oldest first.

        Raises:
            FrameError: the packet is damaged.
        """
        if self.decoder is not None:
            return self.decoder.pictures(self)
        if not self.wanted:
            return []
        return [Picture(self.taken, self.since, self.data or None, self.load)]


@dataclass
class Frame:
    """A JPEG to be published.

    Attributes:
        number: counts up, in the order of capture.
        taken: when it was captured, seconds since the epoch.
        since: when it arrived, seconds of the monotonic clock.
        jpeg: the bytes.
    """

    number: int
    taken: float
    since: float
    jpeg: bytes
