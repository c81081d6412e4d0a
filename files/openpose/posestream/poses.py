"""From a network's part maps and affinity fields to people, by OpenPose's own rules.

The network says, on a grid coarser than its input (one cell is `STRIDE` pixels), how likely each
part is at each place (heat maps) and which way each limb runs there (part affinity fields, PAFs).
OpenPose enlarges all of these maps to the input's size (bicubic, half-pixel centres), takes the
peaks of the heat maps as candidate parts, scores every pair of candidates by the field along the
line between them, and puts the best pairs together into people.

This module gives the same answer without enlarging the maps: heat maps are enlarged only in
the cells that can hold a peak, and fields are read only at the points that are asked for.
"""

import json
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .skeletons import Skeleton

# OpenPose's constants (its defaults for COCO and BODY_25).
STRIDE = 8  # pixels of the network's input per cell of its maps
PEAK_MIN = 0.05  # a part's score is above this
PEAKS_MAX = 127  # candidates for one part in one picture
REFINE_RADIUS = 3  # a peak's exact place is the weighted mean over 7 x 7 pixels
SAMPLES_MIN, SAMPLES_MAX = 5, 25  # points read along one limb
PAF_MIN = 0.05  # a point on a limb counts if the field along the limb is above this ...
PAF_SHARE = 0.95  # ... and the limb counts if more than this share of its points do
CLOSE = 150  # parts nearer than sqrt(width * height) / CLOSE are joined without a field ...
CLOSE_SCORE = PEAK_MIN + 1e-6  # ... with this score: a field has no room between them
PART_WEIGHT = 0.1  # of the scores of both parts, in the order in which limbs are taken
PERSON_PARTS_MIN = 3
PERSON_SCORE_MIN = 0.4  # a person's score per part found

_PAD = 3  # cells added on each side of a map, copies of its edge: what bicubic enlarging reaches
_TILES = 2048  # enlarged at once: their pixels stay in the processor's cache
_NEIGHBOURS = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
_ROW = 1024  # points read by one row of cv2.remap, whose rows and columns are limited to 32767


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


def decode(  # noqa: PLR0913 (what is optional goes by name)
    heatmaps: np.ndarray,
    pafs: np.ndarray,
    skeleton: Skeleton,
    *,
    scale: float = 1.0,
    frame_size: tuple[int, int] | None = None,
    number_people_max: int = -1,
) -> People:
    """Find the people in a network's output.

    Args:
        heatmaps: float32 (rows, columns, parts or more): channels beyond the parts (the
            background) are not looked at.
        pafs: float32 (rows, columns, 2 * limbs).
        skeleton: the body model that the network was trained for.
        scale: pixels of the frame per pixel of the network's input.
        frame_size: (width, height) of the frame in its own pixels: what the network sees beyond
            it, in the padding, is no part. Without it the whole input is the frame.
        number_people_max: give at most so many people; 0 or less means all of them.

    Raises:
        ValueError: the maps do not fit the skeleton or each other.
    """
    _check(heatmaps, pafs, skeleton)
    rows, columns = heatmaps.shape[:2]
    width, height = columns * STRIDE, rows * STRIDE
    if frame_size is None:
        limits = (width, height)
    else:
        limits = (min(width, frame_size[0] / scale), min(height, frame_size[1] / scale))

    peaks = _find_peaks(heatmaps[..., : len(skeleton.parts)], limits)
    limbs = _find_limbs(pafs, peaks, skeleton)
    people = _assemble(peaks, limbs, skeleton)
    if number_people_max > 0:
        people = people[:number_people_max]

    keypoints = np.zeros((len(people), len(skeleton.parts), 3), np.float32)
    for row, person in zip(keypoints, people, strict=True):
        for part, peak in person.peaks.items():
            row[part] = peaks[part][peak]
    keypoints[..., :2] *= scale
    most = len(skeleton.parts) + len(skeleton.limbs)
    return People(keypoints, np.array([person.score / most for person in people], np.float32))


def _check(heatmaps: np.ndarray, pafs: np.ndarray, skeleton: Skeleton) -> None:
    parts, fields = len(skeleton.parts), 2 * len(skeleton.limbs)
    if heatmaps.ndim != 3 or heatmaps.shape[2] < parts:
        raise ValueError(
            f"heat maps of shape {heatmaps.shape} do not fit {skeleton.name}: "
            f"expected (rows, columns, {parts} or more)"
        )
    if pafs.shape != (*heatmaps.shape[:2], fields):
        raise ValueError(
            f"affinity fields of shape {pafs.shape} do not fit {skeleton.name}: "
            f"expected {(*heatmaps.shape[:2], fields)}"
        )


# --- Enlarging -----------------------------------------------------------------------------------
#
# Half-pixel centres put the centre of cell c at pixel STRIDE * c + (STRIDE - 1) / 2. The STRIDE
# pixels between the centres of two neighbouring cells depend on the same four cells of a line, and
# the square between four centres, called a tile here, on the same 4 x 4 cells. Tile (r, c) ends
# at the centre of cell (r, c): there is one row and one column of tiles more than of cells, and
# the outermost tiles lie half outside of the picture.


@cache
def _stack_places(
    rows: int, columns: int, maps: int, channels: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    """Where the values of a stack stand in an array (rows, columns, maps), flattened."""
    r, c = (np.clip(np.arange(-_PAD, n + _PAD), 0, n - 1) for n in (rows, columns))
    return ((r[:, None] * columns + c) * maps)[..., None] + np.array(channels)[:, None, None, :]


def _stack(maps: np.ndarray, channels: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Put maps one after the other, each with _PAD cells around it.

    Takes an array (rows, columns, maps) and, for each picture of the stack, which maps are its
    channels. Returns float32 (pictures, rows + 2 * _PAD, columns + 2 * _PAD, channels).
    """
    return maps.astype(np.float32, copy=False).ravel()[_stack_places(*maps.shape, channels)]


def _read(stack: np.ndarray, index: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Read maps of a stack as if they were enlarged, at whole pixels (x, y) inside of them.

    The three arrays have one shape; the result has it too, plus the maps' channels.
    """
    points = x.size
    shape = (points // _ROW + 1, _ROW)
    places = np.full((2, shape[0] * _ROW), float(_PAD), np.float32)
    places[0, :points] = ((x + 0.5) / STRIDE - 0.5 + _PAD).ravel()
    places[1, :points] = ((y + 0.5) / STRIDE - 0.5 + _PAD + index * stack.shape[1]).ravel()
    image = stack.reshape(-1, *stack.shape[2:])
    values = cv2.remap(image, places[0].reshape(shape), places[1].reshape(shape), cv2.INTER_CUBIC)
    return values.reshape(-1, *stack.shape[3:])[:points].reshape(*x.shape, *stack.shape[3:])


@cache
def _enlarger() -> np.ndarray:
    """Weights that turn a line of 6 cells into the tile in its middle and one pixel on each side.

    Returns float32 (STRIDE + 2, 6): bicubic (Keys 1981) with OpenCV's a = -0.75.
    """
    places = (np.arange(-1, STRIDE + 1) + 0.5) / STRIDE  # in cells, 0 is the tile's first centre
    cells = np.arange(-2, 4)
    a, d = -0.75, np.abs(places[:, None] - cells)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0)).astype(np.float32)


# --- Peaks ---------------------------------------------------------------------------------------


def _find_peaks(heatmaps: np.ndarray, limits: tuple[float, float]) -> list[np.ndarray]:
    """Find the candidates for each part: the strict maxima above PEAK_MIN, edges left out.

    `limits` are the greatest x and y that count, in pixels of the network's input. Returns
    an array float32 (candidates, 3) for each part: x, y, score.
    """
    rows, columns, parts = heatmaps.shape
    width, height = columns * STRIDE, rows * STRIDE
    stack = _stack(heatmaps, tuple((part,) for part in range(parts)))[..., 0]
    part, x, y, score = _maxima(stack)
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    part, x, y, score = part[inside], x[inside], y[inside], score[inside]

    # The exact place: the mean of the pixels around, weighted by their score where it is positive.
    around = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1)
    xs, ys = np.broadcast_arrays(x[:, None, None] + around, y[:, None, None] + around[:, None])
    weights = np.maximum(_read(stack, part[:, None, None], xs, ys), 0)
    weights *= (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    found = np.stack(
        ((weights * xs).sum(axis=(1, 2)) + 0.5, (weights * ys).sum(axis=(1, 2)) + 0.5, score),
        axis=1,
    )

    kept = (found[:, 0] <= limits[0]) & (found[:, 1] <= limits[1])
    found, part = found[kept], part[kept]
    best_first = np.argsort(-found[:, 2], kind="stable")
    found, part = found[best_first], part[best_first]
    return [found[part == number][:PEAKS_MAX] for number in range(parts)]


def _maxima(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the pixels above PEAK_MIN and above all of their eight neighbours.

    Returns four arrays: map, x, y, value.
    """
    tiles = _may_peak(stack)
    # flatnonzero and unravel_index are many times faster here than nonzero.
    part, row, column = np.unravel_index(np.flatnonzero(tiles), tiles.shape)
    corners = (part * stack.shape[1] + row) * stack.shape[2] + column
    window = np.arange(6)
    offsets = (window[:, None] * stack.shape[2] + window)[..., None]
    line = _enlarger()
    found = []
    for first in range(0, max(len(corners), 1), _TILES):
        # The tiles are the last axis, so that every step below runs along many values.
        cells = stack.ravel().take(offsets + corners[first : first + _TILES])
        # Not by matrix multiplication: NumPy's BLAS starts threads that go on spinning for a while,
        # and the network, which comes next, takes twice as long.
        lines = np.einsum("yr,rct->yct", line, cells)
        pixels = np.einsum("xc,yct->yxt", line, lines)
        inner = pixels[1:-1, 1:-1]
        is_peak = inner > PEAK_MIN
        for dy, dx in _NEIGHBOURS:
            is_peak &= inner > pixels[dy : dy + STRIDE, dx : dx + STRIDE]
        y, x, tile = np.unravel_index(np.flatnonzero(is_peak), is_peak.shape)
        found.append((first + tile, x, y, inner[y, x, tile]))
    tile, x, y, value = (np.concatenate(values) for values in zip(*found, strict=True))
    half = STRIDE // 2
    return part[tile], x + column[tile] * STRIDE - half, y + row[tile] * STRIDE - half, value


def _may_peak(stack: np.ndarray) -> np.ndarray:
    """Tell which tiles can have a pixel above PEAK_MIN: bool (maps, rows + 1, columns + 1).

    Bicubic weights are negative too, so a pixel can rise above the 4 x 4 cells that it is made of:
    it is at most their maximum times the sum of the positive weights, plus the depth of
    their minimum below zero times the sum of the negative ones.
    """
    positive = np.maximum(_enlarger(), 0).sum(axis=1).max()
    negative = np.maximum(-_enlarger(), 0).sum(axis=1).max()
    rise, fall = positive**2 + negative**2, 2 * positive * negative
    bound = rise * _greatest(np.maximum(stack, 0)) + fall * _greatest(np.maximum(-stack, 0))
    return bound > PEAK_MIN


def _greatest(stack: np.ndarray) -> np.ndarray:
    """Return the greatest of each tile's 4 x 4 cells: (maps, rows + 1, columns + 1)."""
    stack = stack[:, 1:-1, 1:-1]
    for axis in (1, 2):
        for step in (1, 2):
            ahead, behind = [slice(None)] * 3, [slice(None)] * 3
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            stack = np.maximum(stack[tuple(ahead)], stack[tuple(behind)])
    return stack


# --- Limbs ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Limb:
    """A possible limb: number in the skeleton, candidates at its ends, the field's score."""

    number: int
    start: int
    end: int
    score: float


def _find_limbs(pafs: np.ndarray, peaks: list[np.ndarray], skeleton: Skeleton) -> list[_Limb]:
    """Score every pair of candidates that a limb can join; the most trusted limb comes first."""
    pairs = [np.indices((len(peaks[a]), len(peaks[b]))).reshape(2, -1) for a, b in skeleton.limbs]
    number = np.repeat(np.arange(len(pairs)), [pair.shape[1] for pair in pairs])
    start, end = np.concatenate(pairs, axis=1)
    ends = np.concatenate(
        [
            np.stack((peaks[a][pair[0]], peaks[b][pair[1]]))
            for (a, b), pair in zip(skeleton.limbs, pairs, strict=True)
        ],
        axis=1,
    )

    scores = _score_limbs(pafs, skeleton, number, ends[..., :2])
    trust = scores + PART_WEIGHT * ends[..., 2].sum(axis=0)
    taken = np.flatnonzero(scores > 0)
    taken = taken[np.argsort(-trust[taken], kind="stable")]
    return [
        _Limb(*values)
        for values in zip(
            *(array[taken].tolist() for array in (number, start, end, scores)), strict=True
        )
    ]


def _score_limbs(
    pafs: np.ndarray, skeleton: Skeleton, number: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """How well the field of limb `number` runs from ends[0] to ends[1] (limbs, 2); 0 is not at all.

    Most pairs are far from any limb, so three points of each are read first, and all
    of them only where those three leave a chance.
    """
    rows, columns = pafs.shape[:2]
    width, height = columns * STRIDE, rows * STRIDE
    stack = _stack(pafs, skeleton.paf_channels)
    line = ends[1] - ends[0]
    length = np.hypot(line[:, 0], line[:, 1])
    apart = length > 1e-6  # two parts in one place have no direction, they are never joined
    direction = line / np.where(apart, length, 1)[:, None]
    samples = np.sqrt(5 * np.abs(line).max(axis=1)) + 0.5
    samples = np.clip(samples.astype(int), SAMPLES_MIN, SAMPLES_MAX)

    def along(limbs: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """Read the field along the lines, at their samples (limbs, points)."""
        step = (sample / samples[limbs, None])[..., None]
        x, y = np.moveaxis(ends[0, limbs, None] + step * line[limbs, None] + 0.5, 2, 0).astype(int)
        x, y = np.minimum(x, width - 1), np.minimum(y, height - 1)
        field = _read(stack, np.broadcast_to(number[limbs, None], x.shape), x, y)
        return np.einsum("lsc,lc->ls", field, direction[limbs])

    misses_allowed = samples - (np.floor(PAF_SHARE * samples) + 1)
    limbs = np.flatnonzero(apart)
    few = along(limbs, samples[limbs, None] * np.array((1, 2, 3)) // 4)
    limbs = limbs[(few <= PAF_MIN).sum(axis=1) <= misses_allowed[limbs]]

    sample = np.broadcast_to(np.arange(SAMPLES_MAX), (len(limbs), SAMPLES_MAX))
    field = along(limbs, sample)
    counts = (field > PAF_MIN) & (sample < samples[limbs, None])
    enough = counts.sum(axis=1) >= samples[limbs] - misses_allowed[limbs]

    close = apart & (length < np.sqrt(width * height) / CLOSE)
    scores = np.where(close, CLOSE_SCORE, 0.0)
    means = (field * counts).sum(axis=1)[enough] / counts.sum(axis=1)[enough]
    scores[limbs[enough]] = means
    return scores


# --- People --------------------------------------------------------------------------------------


class _Person:
    """A person being put together: peaks[part] is the candidate taken for the part."""

    def __init__(self) -> None:
        self.peaks: dict[int, int] = {}
        self.score = 0.0


def _assemble(peaks: list[np.ndarray], limbs: list[_Limb], skeleton: Skeleton) -> list[_Person]:
    """Put limbs together to people, taking the most trusted limb first. Returns the best first."""
    confidence = [candidates[:, 2].tolist() for candidates in peaks]
    owners: dict[tuple[int, int], _Person] = {}  # by (part, candidate)

    def give(person: _Person, end: tuple[int, int]) -> None:
        part, peak = end
        person.peaks[part] = peak
        person.score += confidence[part][peak]
        owners[end] = person

    for limb in limbs:
        a, b = skeleton.limbs[limb.number]
        ends = (a, limb.start), (b, limb.end)
        first, second = owners.get(ends[0]), owners.get(ends[1])
        if first is None and second is None:
            person = _Person()
            give(person, ends[0])
            give(person, ends[1])
        elif first is None or second is None:
            person, new = (second, ends[0]) if first is None else (first, ends[1])
            if new[0] in person.peaks:  # a more trusted limb gave it another one
                continue
            give(person, new)
        elif first is second:
            person = first
        elif first.peaks.keys().isdisjoint(second.peaks):
            person = first
            person.score += second.score
            person.peaks |= second.peaks
            owners.update(dict.fromkeys(second.peaks.items(), person))
        else:
            continue
        person.score += limb.score

    people = {id(person): person for person in owners.values()}.values()
    kept = [
        person
        for person in people
        if len(person.peaks) >= PERSON_PARTS_MIN
        and person.score / len(person.peaks) >= PERSON_SCORE_MIN
    ]
    return sorted(kept, key=lambda person: -person.score)
