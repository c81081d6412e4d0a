"""People onto pixels, in OpenPose's manner: limbs as slim ellipses, parts as discs, see-through.

Sizes and colours follow OpenPose's GPU renderer: the shorter side of the frame sets the width of
limbs and discs, the size of a person scales it down; a limb has the colour of its outer part.
Faces and hands are drawn in the same way over the bodies, each by its own size.
"""

import itertools

import cv2
import numpy as np

from .poses import People
from .skeletons import FACE_70, HAND_21, Skeleton

LINE = 1 / 120  # half the width of a limb, in shorter sides of the frame
RADIUS = 1 / 100  # radius of a disc, in shorter sides of the frame
FACE_LINE, FACE_RADIUS = 1 / 250, 1 / 120  # the same for faces
PERSON_SIZE = 400  # width + height of a person, in pixels, who is drawn at full width ...
PERSON_SCALE_MIN = 0.33  # ... and how much narrower limbs and discs of small people may get

_CORNERS = 16  # of the polygon that stands for an ellipse
_CELL = 32  # pixels; what is blended is made of squares of this size
_SHIFT = 4  # OpenCV takes coordinates in 1/2**_SHIFT pixels


def draw(  # noqa: PLR0913 (what is optional goes by name, as OpenPose calls it)
    frame: np.ndarray,
    people: People,
    skeleton: Skeleton,
    *,
    alpha: float = 0.6,
    render_threshold: float = 0.05,
    face_render_threshold: float = 0.4,
    hand_render_threshold: float = 0.2,
) -> np.ndarray:
    """Draw people onto a frame, and return it.

    Args:
        frame: uint8 (height, width, 3), blue, green, red; it is drawn on.
        people: in pixels of this frame.
        skeleton: the body model of these people.
        alpha: how much the drawing covers the frame, 0 (not at all) to 1.
        render_threshold: parts of a lower confidence, and the limbs at them, are not drawn.
        face_render_threshold: the same for the points of faces.
        hand_render_threshold: the same for the points of hands.
    """
    side = min(frame.shape[:2])
    layers = [(people.keypoints, skeleton, render_threshold, side * LINE, side * RADIUS)]
    if people.faces is not None:
        sizes = side * FACE_LINE, side * FACE_RADIUS
        layers.append((people.faces, FACE_70, face_render_threshold, *sizes))
    if people.hands is not None:
        hands = people.hands.reshape(-1, *people.hands.shape[2:])
        layers.append((hands, HAND_21, hand_render_threshold, side * LINE, side * RADIUS))
    shapes = [_shapes(*layer) for layer in layers]
    limbs, discs = (list(itertools.chain(*kind)) for kind in zip(*shapes, strict=True))
    # Discs go over the blended limbs, so that joints stand out as they do with OpenPose.
    _blend(frame, limbs, alpha)
    _blend(frame, discs, alpha)
    return frame


Shapes = list[tuple[np.ndarray, tuple[int, int, int]]]  # polygons (corners, 2) and their colours


def _shapes(
    keypoints: np.ndarray, skeleton: Skeleton, threshold: float, line: float, radius: float
) -> tuple[Shapes, Shapes]:
    """Limbs and discs of bodies, faces or hands (number, parts, 3); `line`, `radius` in pixels."""
    seen = keypoints[..., 2] > threshold
    scales = _person_scales(keypoints[..., :2], seen)
    return (
        _limbs(keypoints, seen, scales * line, skeleton),
        _discs(keypoints, seen, scales * radius, skeleton),
    )


def _person_scales(places: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How thick each person is drawn, PERSON_SCALE_MIN..1."""
    low = np.where(seen[..., None], places, np.inf).min(axis=1)
    high = np.where(seen[..., None], places, -np.inf).max(axis=1)
    return np.clip((high - low).sum(axis=1) / PERSON_SIZE, PERSON_SCALE_MIN, 1)


def _circle() -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1)


def _limbs(
    keypoints: np.ndarray, seen: np.ndarray, widths: np.ndarray, skeleton: Skeleton
) -> Shapes:
    """One ellipse from end to end of every limb whose ends are both seen, person by person."""
    starts, ends = np.array(skeleton.drawn).T
    person, limb = np.nonzero(seen[:, starts] & seen[:, ends])
    start = keypoints[person, starts[limb], :2]
    end = keypoints[person, ends[limb], :2]
    half = (end - start) / 2
    length = np.maximum(np.hypot(half[:, 0], half[:, 1]), 1e-6)[:, None]
    across = half[:, ::-1] * (-1, 1) / length * widths[person, None]
    circle = _circle()
    corners = ((start + end) / 2)[:, None] + circle[:, :1] * half[:, None]
    corners = corners + circle[:, 1:] * across[:, None]
    return [(c, skeleton.colours[part]) for c, part in zip(corners, ends[limb], strict=True)]


def _discs(
    keypoints: np.ndarray, seen: np.ndarray, radii: np.ndarray, skeleton: Skeleton
) -> Shapes:
    """One disc for every part seen."""
    person, part = np.nonzero(seen)
    corners = keypoints[person, part, None, :2] + _circle() * radii[person, None, None]
    return [(c, skeleton.colours[p]) for c, p in zip(corners, part, strict=True)]


def _blend(frame: np.ndarray, shapes: Shapes, alpha: float) -> None:
    """Lay shapes over a frame, in place; what has nothing drawn on it is not touched."""
    if not shapes:
        return
    # Shapes that may touch each other are blended together: one over the other, not through it.
    height, width = frame.shape[:2]
    corners = np.stack([shape[0] for shape in shapes])
    edges = np.array((width, height)) - 1
    low = np.clip(np.floor(corners.min(axis=1)) - 1, 0, edges).astype(int) // _CELL
    high = np.clip(np.ceil(corners.max(axis=1)) + 1, 0, edges).astype(int) // _CELL + 1
    cells = np.zeros((height // _CELL + 1, width // _CELL + 1), np.uint8)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        cells[top:bottom, left:right] = 1
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(cells)
    boxes = boxes[:, :4] * _CELL
    label = labels[low[:, 1], low[:, 0]]
    fixed = np.round((corners - boxes[label, None, :2]) * 2**_SHIFT).astype(np.int32)
    for number in np.unique(label).tolist():
        left, top, across, down = boxes[number]
        part = frame[top : top + down, left : left + across]
        layer = part.copy()
        for shape in np.flatnonzero(label == number).tolist():
            cv2.fillConvexPoly(layer, fixed[shape], shapes[shape][1], cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(part, 1 - alpha, layer, alpha, 0, dst=part)
