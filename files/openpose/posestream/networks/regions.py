"""Where faces and hands are looked for: squares of the frame, from the points of the bodies.

A square is x, y, side in pixels of the frame, (x, y) its upper left corner; a side of 0 is none.
The rules and numbers are those of OpenPose's face and hand detectors and extractors.
"""

from itertools import pairwise

import numpy as np

from ..skeletons import Skeleton
from . import picture

FACE_PART_MIN = 0.25  # a part's score is above this to say something of the face ...
HAND_PART_MIN = 0.03  # ... or of the hand
FACE_SIDE_MIN = 40  # pixels; a face's side is above this
HAND_SIDE_MIN, HAND_AREA_MIN = 1, 10  # likewise


def faces(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Squares around the faces: float32 (people, 3).

    Takes float32 (people, parts, 3): x, y, score of a body model with a neck, and with either a
    head, or a nose, eyes and ears.
    """
    if "Head" in skeleton.parts:
        (neck, head), seen = _parts(keypoints, skeleton, FACE_PART_MIN, "Neck", "Head")
        return _squares(head, 1.33 * _path(neck, head), seen.all(axis=0), FACE_SIDE_MIN)

    names = ("Neck", "Nose", "LEye", "LEar", "REye", "REar")
    places, seen = _parts(keypoints, skeleton, FACE_PART_MIN, *names)
    neck, nose, *_ = places
    left_eye, left_ear, right_eye, right_ear = seen[2:]
    upright = seen[0] & seen[1]
    # One side is seen whole and the other not at all.
    profile = (left_eye == left_ear) & (right_eye == right_ear) & (left_eye != right_eye)

    def of_side(eye: np.ndarray, ear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = _path(nose, eye) + _path(nose, ear) + _path(neck, nose)
        return (eye + ear + nose) / 3, 0.85 * around

    def between(first: np.ndarray, second: np.ndarray, times: float) -> tuple[np.ndarray, ...]:
        return (first + second) / 2, times * _path(first, second)

    # Each of these that holds is one opinion of the face's centre and size; their mean is taken.
    opinions = (
        (upright & profile & left_eye, of_side(*places[2:4])),
        (upright & profile & right_eye, of_side(*places[4:6])),
        (upright & ~profile, between(neck, nose, 2)),
        (left_eye & right_eye, between(places[2], places[4], 3)),
        (left_ear & right_ear, between(places[3], places[5], 2)),
    )
    count = np.maximum(sum(holds.astype(np.float32) for holds, _ in opinions), 1)
    centre = sum(holds[:, None] * middle for holds, (middle, _) in opinions) / count[:, None]
    side = sum(holds * size for holds, (_, size) in opinions) / count
    return _squares(centre, side, side > 0, FACE_SIDE_MIN)


def hands(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Squares around the hands: float32 (people, 2, 3), the left one first.

    Takes float32 (people, parts, 3): x, y, score.
    """
    both = []
    for hand in "LR":
        names = (f"{hand}Shoulder", f"{hand}Elbow", f"{hand}Wrist")
        places, seen = _parts(keypoints, skeleton, HAND_PART_MIN, *names)
        upper, lower = (_path(*ends) for ends in pairwise(places))
        _, elbow, wrist = places
        side = 1.5 * np.maximum(lower, 0.9 * upper)
        least = max(HAND_SIDE_MIN, HAND_AREA_MIN**0.5)
        both.append(_squares(wrist + 0.33 * (wrist - elbow), side, seen.all(axis=0), least))
    return np.stack(both, axis=1)


def crop(frame: np.ndarray, square: np.ndarray, size: int, *, mirrored: bool = False) -> np.ndarray:
    """Scale a square of a frame to a picture for the network.

    Args:
        frame: uint8 (height, width, 3); what is outside of it is black.
        square: (3,): x, y, side.
        size: of the picture's sides.
        mirrored: left and right change places: OpenPose's network knows right hands.

    Returns uint8 (size, size, 3).
    """
    scale, shift = _affine(square, size, mirrored)
    return picture.warp(frame, picture.places(tuple(scale), tuple(shift), (size, size)))


def back(
    points: np.ndarray, square: np.ndarray, size: int, *, mirrored: bool = False
) -> np.ndarray:
    """Turn points of such a picture to points of the frame.

    Takes float32 (parts, 3): x, y in pixels of the picture, score; returns the same of the frame.
    """
    scale, shift = _affine(square, size, mirrored)
    points = points.astype(np.float32)
    points[:, :2] = points[:, :2] * scale + shift
    return points


def _affine(square: np.ndarray, size: int, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and shift of x and y, from the picture to the frame."""
    x, y, side = np.float32(square)
    scale = float(side) / size
    # The right edge is a float32 in OpenPose, too.
    first, across = (x + side, -scale) if mirrored else (x, scale)
    return np.array((across, scale)), np.array((first, y), float)


def _parts(
    keypoints: np.ndarray, skeleton: Skeleton, least: float, *names: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pick parts: their places (names, people, 2), and whether they are seen (names, people)."""
    picked = keypoints[:, [skeleton.parts.index(name) for name in names]].swapaxes(0, 1)
    return picked[..., :2], picked[..., 2] > least


def _path(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far places (people, 2) are from each other."""
    return np.hypot(*(second - first).T)


def _squares(centre: np.ndarray, side: np.ndarray, there: np.ndarray, least: float) -> np.ndarray:
    squares = np.column_stack((centre - side[:, None] / 2, side)).astype(np.float32)
    return np.where((there & (side > least))[:, None], squares, np.float32(0))
