"""OpenPose's JSON of a frame, as `poses.people` writes it, back to people with named parts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from ..skeletons import BY_MODEL, FACE_70, HAND_21

# A person's lists, each of x, y and confidence by part, in the order of the parts here.
LISTS = (
    "pose_keypoints_2d",
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
)
BODIES = {len(skeleton.parts): skeleton.parts for skeleton in BY_MODEL.values()}


@dataclass(frozen=True)
class Person:
    """One person of a frame.

    Attributes:
        number: the number by which they are followed; -1 where nobody is.
        points: x and y in pixels of the frame and the confidence, 0..1, of each part; 0, 0, 0 where
            it was not found.
    """

    number: int
    points: list[tuple[float, float, float]]


@dataclass(frozen=True)
class Frame:
    """The people in one frame.

    Attributes:
        time: when the picture was taken, seconds since the epoch.
        camera: the camera's name.
        parts: the names of the parts that each person has here; none without people.
        people: the people, best first.
        json: them as OpenPose's JSON, parsed.
    """

    time: float
    camera: str
    parts: tuple[str, ...]
    people: list[Person]
    json: dict[str, Any]


def parse(payload: bytes | None, camera: str, time: float) -> Frame:
    """Return the people in a message of the keypoints topic; ValueError where it is none."""
    try:
        said = json.loads(payload or b"")
        people = [_person(each) for each in said["people"]]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is not OpenPose's JSON: {error!r}") from error
    lengths = {lengths for _, lengths in people}
    if len(lengths) > 1:
        raise ValueError("its people have different parts")
    parts = names(*lengths.pop()) if lengths else ()
    return Frame(time, camera, parts, [person for person, _ in people], said)


def _person(said: dict[str, Any]) -> tuple[Person, tuple[int, ...]]:
    """Return a person, and how many parts each of their lists has."""
    points: list[tuple[float, float, float]] = []
    lengths = []
    for name in LISTS:
        values = [float(value) for value in said.get(name) or ()]
        if len(values) % 3 or not all(map(math.isfinite, values)):
            raise ValueError(f"{name} is not made of x, y and confidence")
        points += zip(values[::3], values[1::3], values[2::3], strict=True)
        lengths.append(len(values) // 3)
    number = said.get("person_id") or [-1]
    return Person(int(number[0]), points), tuple(lengths)


def names(body: int, face: int = 0, left: int = 0, right: int = 0) -> tuple[str, ...]:
    """Return the names of the parts of lists of so many: RWrist, Face0, LeftHandThumb1."""
    return (
        *(BODIES.get(body) or tuple(f"Part{number}" for number in range(body))),
        *FACE_70.parts[:face],
        *(f"LeftHand{part}" for part in HAND_21.parts[:left]),
        *(f"RightHand{part}" for part in HAND_21.parts[:right]),
    )
