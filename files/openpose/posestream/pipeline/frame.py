"""A frame on its way through the worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import frames, poses
from ..streams import Message


class Skipped(Exception):  # noqa: N818 (it ends a frame's way, not the program)
    """A frame goes no further, for the reason that its metric is labelled with."""

    def __init__(self, reason: str, detail: object = "") -> None:
        """Keep the reason."""
        super().__init__(f"{reason}: {detail}" if str(detail) else reason)
        self.reason = reason


@dataclass(eq=False)
class Frame:
    """A frame, and what the steps have added.

    Attributes:
        message: what was read.
        header: what the picture says of itself.
        pixels: uint8 (height, width, 3), blue, green, red; from decoding until it is drawn.
        people: what the engine has found.
        picture: the annotated JPEG.
        keypoints: the people in OpenPose's JSON.
        skipped: why it goes no further.
        memory: bytes of the worker's budget that it takes up.
    """

    message: Message
    header: frames.Header | None = None
    pixels: np.ndarray | None = None
    people: poses.People | None = None
    picture: bytes = b""
    keypoints: bytes = b""
    skipped: Skipped | None = None
    memory: int = 0

    def __str__(self) -> str:
        """Return the frame's place in its topic."""
        return "{}/{} offset {}".format(*self.message.position)
