"""The whole way from maps, or from peaks and fields, to people."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..skeletons import Skeleton
from . import joining, limbs, peaks
from .enlarging import Maps
from .people import People
from .rules import GPU, PEAKS_MAX, STRIDE, Rules, Thresholds, thresholds_of

AREA_SCORE_MIN = 0.05  # parts above it span a person's area


def decode(  # noqa: PLR0913 (what is optional goes by name)
    heatmaps: np.ndarray,
    pafs: np.ndarray,
    skeleton: Skeleton,
    *,
    scale: float = 1.0,
    frame_size: tuple[int, int] | None = None,
    rules: Rules = GPU,
    thresholds: Thresholds | None = None,
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
        rules: whether as OpenPose on a GPU or on the processor.
        thresholds: what is enough; without them OpenPose's own for this skeleton.
        number_people_max: give at most so many people, those with the greatest score times root
            of their area; 0 or less means all of them.

    Raises:
        ValueError: the maps do not fit the skeleton or each other.
    """
    parts = len(skeleton.parts)
    if heatmaps.ndim != 3 or heatmaps.shape[2] < parts:
        raise ValueError(
            f"heat maps of shape {heatmaps.shape} do not fit {skeleton.name}: "
            f"expected (rows, columns, {parts} or more)"
        )
    expected = (*heatmaps.shape[:2], 2 * len(skeleton.limbs))
    if pafs.shape != expected:
        raise ValueError(
            f"affinity fields of shape {pafs.shape} do not fit {skeleton.name}: expected {expected}"
        )
    thresholds = thresholds or thresholds_of(skeleton.name)
    maps = Maps(_channels_first(heatmaps[..., :parts]), rules)
    return from_peaks(
        peaks.find(maps, thresholds.peak),
        _channels_first(pafs),
        skeleton,
        scale=scale,
        frame_size=frame_size,
        rules=rules,
        thresholds=thresholds,
        number_people_max=number_people_max,
    )


def from_peaks(  # noqa: PLR0913 (what is optional goes by name)
    candidates: Sequence[np.ndarray],
    fields: np.ndarray,
    skeleton: Skeleton,
    *,
    stride: int = STRIDE,
    scale: float = 1.0,
    frame_size: tuple[int, int] | None = None,
    rules: Rules = GPU,
    thresholds: Thresholds | None = None,
    number_people_max: int = -1,
) -> People:
    """Find the people where the peaks of the heat maps are known already.

    Args:
        candidates: for each part float32 (candidates, 3 or 4), in any order: x and y in pixels of
            the network's input, refined, from the centre of its first pixel (OpenPose's half a
            pixel of the frame is added here); score; and where it is known the number of
            the peak's pixel, row * width + column, which is OpenPose's order of candidates.
            Without it they are ordered by the pixel in which they lie.
        fields: float32 (2 * limbs, rows, columns).
        skeleton: the body model.
        stride: pixels of the network's input per cell of the fields; 1 if they are enlarged.
        scale: this and all others as for `decode`.
        frame_size: likewise.
        rules: likewise.
        thresholds: likewise.
        number_people_max: likewise.

    Raises:
        ValueError: the peaks or the fields do not fit the skeleton.
    """
    parts, channels = len(skeleton.parts), 2 * len(skeleton.limbs)
    shapes = [part.shape for part in candidates]
    if len(shapes) != parts or any(shape[1:] not in ((3,), (4,)) for shape in shapes):
        raise ValueError(
            f"peaks of shapes {shapes} do not fit {skeleton.name}: "
            f"expected {parts} of (candidates, 3 or 4)"
        )
    if fields.ndim != 3 or len(fields) != channels:
        raise ValueError(
            f"affinity fields of shape {fields.shape} do not fit {skeleton.name}: "
            f"expected ({channels}, rows, columns)"
        )
    thresholds = thresholds or thresholds_of(skeleton.name)
    limits = np.inf if frame_size is None else np.float32(frame_size) / np.float32(scale)
    found = [_in_order(part, 0.5 / scale, limits) for part in candidates]
    maps = Maps(np.ascontiguousarray(fields, np.float32), rules, stride)
    possible = limbs.find(maps, found, skeleton, thresholds)
    people = joining.join(found, possible, skeleton, thresholds, rules)

    keypoints = np.zeros((len(people), parts, 3), np.float32)
    for row, person in zip(keypoints, people, strict=True):
        for part, peak in person.peaks.items():
            row[part] = found[part][peak]
    keypoints[..., :2] *= np.float32(scale)
    most = parts + len(skeleton.limbs)
    scores = np.array([person.score / most for person in people], np.float32)
    order = best(keypoints, scores, number_people_max)
    return People(keypoints[order], scores[order])


def split(rows: np.ndarray, parts: int) -> list[np.ndarray]:
    """Sort rows (part, x, y, score and, where it is known, the pixel's number) by their part.

    Takes float32 (n, 4 or 5) in any order. Returns what `from_peaks` takes.
    """
    number = rows[:, 0].astype(int)
    order = np.argsort(number, kind="stable")
    return np.split(rows[order, 1:], np.searchsorted(number[order], np.arange(1, parts)))


def _channels_first(maps: np.ndarray) -> np.ndarray:
    """Turn (rows, columns, n) to (n, rows, columns), contiguous; OpenCV is the faster one at it."""
    rows, columns, n = maps.shape
    flat = maps.astype(np.float32, copy=False).reshape(-1, n)
    return cv2.transpose(flat).reshape(n, rows, columns)


def _in_order(part: np.ndarray, shift: float, limits: np.ndarray | float) -> np.ndarray:
    """Return x, y, score of candidates in OpenPose's order; x and y counted from the corner."""
    if part.shape[1] == 4:
        order = np.argsort(part[:, 3], kind="stable")
    else:
        order = np.lexsort(np.round(part[:, :2]).T)
    found = part[order, :3].astype(np.float32)
    found[:, :2] += np.float32(shift)
    return found[(found[:, :2] <= limits).all(axis=1)][:PEAKS_MAX]


def best(keypoints: np.ndarray, scores: np.ndarray, number_people_max: int) -> np.ndarray:
    """Choose people as OpenPose does: those of the greatest score times the root of their area.

    Args:
        keypoints: float32 (people, parts, 3).
        scores: float32 (people,).
        number_people_max: so many at most; 0 or less means all of them.

    Returns their numbers, the best score first.
    """
    order = np.arange(len(scores))
    if 0 < number_people_max < len(scores):
        prominence = scores * np.sqrt([_area(person) for person in keypoints])
        order = np.sort(np.argsort(-prominence, kind="stable")[:number_people_max])
    return order[np.argsort(-scores[order], kind="stable")]


def _area(person: np.ndarray) -> float:
    """Return the area of the upright rectangle around the parts (parts, 3) of a person."""
    places = person[person[:, 2] > AREA_SCORE_MIN, :2]
    return float(np.prod(np.ptp(places, axis=0))) if len(places) else 0.0
