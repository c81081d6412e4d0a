"""The possible limbs: pairs of candidates, and how well the field runs from one to the other."""

from dataclasses import dataclass

import numpy as np

from ..skeletons import Skeleton
from .enlarging import Maps
from .rules import Thresholds

SAMPLES_MIN, SAMPLES_MAX = 5, 25  # points read along one limb
CLOSE = 150  # parts nearer than sqrt(width * height) / CLOSE are joined without a field
COINCIDENT = 1e-6  # pixels: two parts in one place have no direction, they are never joined
_PAIRS = 4096  # scored at once: what is read stays in the processor's cache
_CLOSE_MORE = 1e-6  # their score is that much above the least of a part


@dataclass(frozen=True)
class Limbs:
    """Possible limbs; all arrays are as long.

    Attributes:
        number: int: the limb's number in the skeleton; ascending.
        start: int: the candidate of its first part; ascending within a number.
        end: int: the candidate of its second part; ascending within a start.
        score: float32: the mean of the field along the limb.
    """

    number: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray


def find(
    fields: Maps, peaks: list[np.ndarray], skeleton: Skeleton, thresholds: Thresholds
) -> Limbs:
    """Score every pair of candidates that a limb can join.

    Args:
        fields: of all limbs, x and y of each (`skeleton.paf_channels`).
        peaks: for each part float32 (candidates, 3): x, y, score.
        skeleton: the body model.
        thresholds: what is enough.
    """
    pairs = [np.indices((len(peaks[a]), len(peaks[b]))).reshape(2, -1) for a, b in skeleton.limbs]
    number = np.repeat(np.arange(len(pairs)), [pair.shape[1] for pair in pairs])
    start, end = np.concatenate(pairs, axis=1)
    first, last = (
        np.concatenate(
            [
                peaks[limb[side]][pair[side], :2]
                for limb, pair in zip(skeleton.limbs, pairs, strict=True)
            ]
        ).T
        for side in (0, 1)
    )
    channels = np.array(skeleton.paf_channels)[number].T
    parts = range(0, max(len(number), 1), _PAIRS)
    score = np.concatenate(
        [
            _score(
                fields, *(at[:, part : part + _PAIRS] for at in (channels, first, last)), thresholds
            )
            for part in parts
        ]
    )
    taken = np.flatnonzero(score > 0)
    return Limbs(number[taken], start[taken], end[taken], score[taken])


def _score(
    fields: Maps, channels: np.ndarray, first: np.ndarray, last: np.ndarray, thresholds: Thresholds
) -> np.ndarray:
    """How well the field in `channels` runs from `first` to `last`, all (2, limbs); 0: not at all.

    Most pairs are far from any limb, so up to three points of each are read first, and all of them
    only where those three leave a chance. Computed in float32 step by step like OpenPose, so that a
    point on the border of two pixels falls to the same side.
    """
    height, width = fields.size
    line = last - first
    length = np.sqrt(line[0] * line[0] + line[1] * line[1])
    apart = length > COINCIDENT
    direction = line / np.where(apart, length, np.float32(1))
    samples = np.sqrt(5 * np.abs(line).max(axis=0)) + np.float32(0.5)
    samples = np.clip(samples.astype(int), SAMPLES_MIN, SAMPLES_MAX)
    step = line / samples.astype(np.float32)

    def along(limbs: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """Read the field along the lines, at their samples (points, limbs)."""
        x, y = (
            np.clip(
                (first[axis, limbs] + sample * step[axis, limbs] + np.float32(0.5)).astype(int),
                0,
                side - 1,
            )
            for axis, side in ((0, width), (1, height))
        )
        own = np.tile(channels[:, limbs], len(sample))
        field = fields.points(own, x.ravel(), y.ravel()).reshape(2, *x.shape)
        return direction[0, limbs] * field[0] + direction[1, limbs] * field[1]

    misses_allowed = samples - (np.floor(thresholds.share * samples).astype(int) + 1)
    limbs, misses = np.flatnonzero(apart), 0
    for quarter in (2, 1, 3):
        sample = (samples[limbs] * quarter // 4).astype(np.float32)
        misses = misses + (along(limbs, sample[None])[0] <= thresholds.field)
        possible = np.flatnonzero(misses <= misses_allowed[limbs])
        limbs, misses = limbs[possible], misses[possible]

    sample = np.arange(SAMPLES_MAX, dtype=np.float32)[:, None]
    field = along(limbs, sample)
    counts = (field > thresholds.field) & (sample < samples[limbs])
    enough = counts.sum(axis=0) >= samples[limbs] - misses_allowed[limbs]

    close = apart & (length < np.sqrt(width * height) / CLOSE)
    score = np.where(close, np.float32(thresholds.peak + _CLOSE_MORE), np.float32(0))
    score[limbs[enough]] = (field * counts).sum(axis=0)[enough] / counts.sum(axis=0)[enough]
    return score
