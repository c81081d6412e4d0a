"""People onto pixels, in OpenPose's manner: limbs as slim ellipses, parts as discs, see-through.

Sizes and colours follow OpenPose's GPU renderer: the shorter side of the frame sets the width of
limbs and discs, the size of a person scales it down; a limb has the colour of its outer part.
Faces and hands are drawn in the same way over the bodies, each by its own size. By wish everybody
who has a number is drawn in one colour, which goes with the number.
"""

import colorsys
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
    by_person: bool = False,
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
        by_person: everybody with a number (`people.ids`, 0 or more) has a colour of their own,
            the same in every frame (of twenty, in turn), in place of the colours of the parts.
    """
    side = min(frame.shape[:2])
    own = people.ids.tolist() if by_person and people.ids is not None else [-1] * len(people)
    layers = [(people.keypoints, own, skeleton, render_threshold, side * LINE, side * RADIUS)]
    if people.faces is not None:
        sizes = side * FACE_LINE, side * FACE_RADIUS
        layers.append((people.faces, own, FACE_70, face_render_threshold, *sizes))
    if people.hands is not None:
        hands = people.hands.reshape(-1, *people.hands.shape[2:])
        both = [number for number in own for _ in range(2)]
        layers.append((hands, both, HAND_21, hand_render_threshold, side * LINE, side * RADIUS))
    shapes = [_shapes(*layer) for layer in layers]
    limbs, discs = (list(itertools.chain(*kind)) for kind in zip(*shapes, strict=True))
    # Discs go over the blended limbs, so that joints stand out as they do with OpenPose.
    _blend(frame, limbs, alpha)
    _blend(frame, discs, alpha)
    return frame


Colour = tuple[int, int, int]  # blue, green, red, each 0..255
Shapes = list[tuple[np.ndarray, Colour]]  # polygons (corners, 2) and their colours


# Hues by ninths of twenty in four shades (saturation, value): of all such orders one in which
# neighbours are far apart, and no two of the twenty near each other (20 and more in CIELAB).
_SHADES = (1, 0.55), (0.7, 1), (1, 1), (1, 0.775)
PERSON_COLOURS = [
    tuple(round(255 * c) for c in reversed(colorsys.hsv_to_rgb(n * 9 / 20 % 1, *_SHADES[n % 4])))
    for n in range(20)
]


def person_colour(number: int) -> Colour:
    """Return the colour of the person of a number, 0 or more; the same after twenty others."""
    return PERSON_COLOURS[number % len(PERSON_COLOURS)]


def _shapes(  # noqa: PLR0913, PLR0917 (a layer, made in one place)
    keypoints: np.ndarray,
    numbers: list[int],
    skeleton: Skeleton,
    threshold: float,
    line: float,
    radius: float,
) -> tuple[Shapes, Shapes]:
    """Limbs and discs of bodies, faces or hands (number, parts, 3); `line`, `radius` in pixels.

    `numbers` are those of the persons to whom they belong; -1: drawn in the colours of the parts.
    """
    parts = len(skeleton.parts)
    colours = [skeleton.colours if n < 0 else (person_colour(n),) * parts for n in numbers]
    seen = keypoints[..., 2] > threshold
    scales = _person_scales(keypoints[..., :2], seen)
    return (
        _limbs(keypoints, seen, scales * line, skeleton, colours),
        _discs(keypoints, seen, scales * radius, colours),
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
    keypoints: np.ndarray,
    seen: np.ndarray,
    widths: np.ndarray,
    skeleton: Skeleton,
    colours: list[tuple[Colour, ...]],
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
    return [(c, colours[p][e]) for c, p, e in zip(corners, person, ends[limb], strict=True)]


def _discs(
    keypoints: np.ndarray,
    seen: np.ndarray,
    radii: np.ndarray,
    colours: list[tuple[Colour, ...]],
) -> Shapes:
    """One disc for every part seen."""
    person, part = np.nonzero(seen)
    corners = keypoints[person, part, None, :2] + _circle() * radii[person, None, None]
    return [(c, colours[who][p]) for c, who, p in zip(corners, person, part, strict=True)]


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
