"""OpenPose's JSON output, as the keypoints topic carries it, made fit for a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..skeletons import BY_MODEL

MAX_BYTES = 2**20  # of one frame: a hundred people with faces and hands
BODY = "pose_keypoints_2d"
# The body model by the number of its parts.
SKELETONS = {len(model.parts): name for name, model in reversed(BY_MODEL.items())}


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The people of one frame.

    Attributes:
        taken: capture time, seconds since the epoch.
        people: how many there are.
        skeleton: the body model as OPENPOSE_MODEL_POSE names it; None where nobody is there, or it
            is not known.
        text: OpenPose's JSON, without what a browser's parser refuses.
    """

    taken: float
    people: int
    skeleton: str | None
    text: bytes

    @property
    def size(self) -> int:
        """How many bytes it takes up, about."""
        return len(self.text) + 200


def read(payload: bytes | None, taken: float) -> Keypoints | None:
    """Return the people of a message's payload; None if it is something else, or too much."""
    if not payload or len(payload) > MAX_BYTES:
        return None
    try:
        content = json.loads(payload)
        people = content["people"]
        parts = {len(_numbers(person[BODY])) // 3 for person in people}
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(people, list):
        return None
    return Keypoints(taken, len(people), SKELETONS.get(next(iter(parts), 0)), text)


def _numbers(values: Any) -> list[float]:
    """Return a list of (x, y, confidence)…; raises TypeError or ValueError if it is none."""
    if not isinstance(values, list) or len(values) % 3:
        raise ValueError("should be x, y and confidence of each part")
    if not all(isinstance(value, (int, float)) for value in values):
        raise TypeError("should be numbers")
    return values
