"""A stand-in for an engine: it looks at nothing, and finds at once what it is told to.

NULL_PEOPLE: how many large people stand on each frame. NULL_SECONDS: how long a frame takes.
"""

import functools
import os
import time

import numpy as np
from posestream.poses import People
from posestream.skeletons import COCO_18

HEIGHT = 0.8  # of a person, in heights of the frame
# COCO's parts of somebody who stands: across from the middle, down from the top, in own heights.
STANDING = np.array(
    [
        (0.00, 0.08), (0.00, 0.18),  # nose, neck
        (-0.12, 0.18), (-0.17, 0.34), (-0.20, 0.48),  # right arm
        (0.12, 0.18), (0.17, 0.34), (0.20, 0.48),  # left arm
        (-0.08, 0.50), (-0.09, 0.74), (-0.10, 0.98),  # right leg
        (0.08, 0.50), (0.09, 0.74), (0.10, 0.98),  # left leg
        (-0.02, 0.06), (0.02, 0.06), (-0.05, 0.07), (0.05, 0.07),  # eyes, ears
    ]
)  # fmt: skip


@functools.lru_cache
def standing(people: int, width: int, height: int) -> People:
    """Return so many people side by side on a frame of `width` by `height` pixels."""
    keypoints = np.ones((people, len(STANDING), 3), np.float32)
    middles = (np.arange(people) + 0.5) * width / max(1, people)
    keypoints[..., 0] = middles[:, None] + STANDING[:, 0] * HEIGHT * height
    keypoints[..., 1] = (STANDING[:, 1] * HEIGHT + (1 - HEIGHT) / 2) * height
    return People(keypoints, np.ones(people, np.float32))


class NullEngine:
    """Finds `people` on each frame, and sleeps `seconds` over it."""

    skeleton = COCO_18
    batch = 1

    def __init__(self, people: int, seconds: float) -> None:
        """Keep what to find, and how long to take."""
        self._people, self._seconds = people, seconds

    def detect(self, frames: list[np.ndarray]) -> list[People]:
        """Return the same people for each frame of the same size."""
        if self._seconds:
            time.sleep(self._seconds * len(frames))
        return [standing(self._people, frame.shape[1], frame.shape[0]) for frame in frames]


def create(options: object = None) -> NullEngine:
    """Make the engine that the environment asks for; `options` say nothing to it."""
    return NullEngine(
        int(os.environ.get("NULL_PEOPLE", "0")), float(os.environ.get("NULL_SECONDS", "0"))
    )
