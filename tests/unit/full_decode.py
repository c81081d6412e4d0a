"""OpenPose's first steps, written the plain way: every map enlarged as a whole, pair by pair."""

from itertools import product

import cv2
import numpy as np
from posestream.skeletons import Skeleton

Candidate = tuple[float, float, float]  # x, y, score


def enlarge(maps: np.ndarray) -> np.ndarray:
    """Enlarge maps (rows, columns, n) to (n, rows * 8, columns * 8)."""
    size = maps.shape[1] * 8, maps.shape[0] * 8
    return np.array(
        [
            cv2.resize(np.ascontiguousarray(maps[..., n]), size, interpolation=cv2.INTER_CUBIC)
            for n in range(maps.shape[2])
        ]
    )


def candidates(heatmaps: np.ndarray) -> list[list[Candidate]]:
    """Find the peaks of each map."""
    return [_peaks(large) for large in enlarge(heatmaps)]


def _peaks(large: np.ndarray) -> list[Candidate]:
    found = []
    height, width = large.shape
    for y, x in np.argwhere(large > 0.05):
        if not (0 < x < width - 1 and 0 < y < height - 1):
            continue
        around = large[y - 1 : y + 2, x - 1 : x + 2].copy()
        around[1, 1] = -np.inf
        if large[y, x] <= around.max():
            continue
        ys, xs = np.mgrid[max(0, y - 3) : min(height, y + 4), max(0, x - 3) : min(width, x + 4)]
        weights = np.maximum(large[ys, xs], 0).astype(float)
        found.append(
            (
                float((weights * xs).sum() / weights.sum() + 0.5),
                float((weights * ys).sum() / weights.sum() + 0.5),
                float(large[y, x]),
            )
        )
    return sorted(found)


def limb_scores(
    pafs: np.ndarray, peaks: list[list[Candidate]], skeleton: Skeleton
) -> dict[tuple[int, int, int], float]:
    """Score each possible limb, by its number and the candidates at its ends."""
    large = enlarge(pafs)
    height, width = large.shape[1:]
    scores = {}
    for number, (a, b) in enumerate(skeleton.limbs):
        field = large[list(skeleton.paf_channels[number])]
        for i, j in product(range(len(peaks[a])), range(len(peaks[b]))):
            start, end = np.array(peaks[a][i][:2]), np.array(peaks[b][j][:2])
            line = end - start
            length = np.hypot(*line)
            if length <= 1e-6:
                continue
            n = min(max(int(np.sqrt(5 * np.abs(line).max()) + 0.5), 5), 25)
            places = (start + line * np.arange(n)[:, None] / n + 0.5).astype(int)
            x, y = np.minimum(places, (width - 1, height - 1)).T
            along = line / length @ field[:, y, x]
            counted = along[along > 0.05]
            if len(counted) / n > 0.95:
                scores[number, i, j] = float(counted.mean())
            elif length < np.sqrt(width * height) / 150:
                scores[number, i, j] = 0.05
    return scores
