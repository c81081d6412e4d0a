"""The people in one frame, and how OpenPose writes them down."""

import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class People:
    """The people in one frame, best first.

    Attributes:
        keypoints: float32 (people, parts, 3): x and y in pixels of the frame, confidence 0..1.
            A part that was not found is 0, 0, 0.
        scores: float32 (people,), 0..1: OpenPose's pose score, the sum of the confidences of all
            parts and limbs found over the number of parts and limbs that there are.
        faces: float32 (people, 70, 3) like keypoints; None where faces were not looked for.
        hands: float32 (people, 2, 21, 3) like keypoints, the left hand first; None likewise.
        ids: int64 (people,): who is who from frame to frame; None where nobody is followed.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    faces: np.ndarray | None = None
    hands: np.ndarray | None = None
    ids: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.keypoints)

    @classmethod
    def none(cls, parts: int) -> "People":
        """Nobody, for a skeleton of so many parts."""
        return cls(np.zeros((0, parts, 3), np.float32), np.zeros(0, np.float32))


def to_json(people: People) -> str:
    """People in OpenPose's JSON output format (version 1.3), on one line.

    Faces and hands have their lists where they were looked for; a person who is not followed has
    the number -1.
    """
    ids = [-1] * len(people) if people.ids is None else people.ids.tolist()
    lists = {"pose_keypoints_2d": people.keypoints}
    if people.faces is not None:
        lists["face_keypoints_2d"] = people.faces
    if people.hands is not None:
        lists["hand_left_keypoints_2d"] = people.hands[:, 0]
        lists["hand_right_keypoints_2d"] = people.hands[:, 1]
    rounded = {name: np.round(points.astype(np.float64), 4) for name, points in lists.items()}
    return json.dumps(
        {
            "version": 1.3,
            "people": [
                {"person_id": [number]}
                | {name: points[row].ravel().tolist() for name, points in rounded.items()}
                for row, number in enumerate(ids)
            ],
        },
        separators=(",", ":"),
    )
