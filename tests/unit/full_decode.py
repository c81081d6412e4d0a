"""OpenPose's decoding, written the plain way: every map enlarged as a whole, pair by pair.

`Person` is (candidate of each part or None, parts counted, score).
"""

from itertools import product

import cv2
import numpy as np
from posestream.poses import GPU, PROCESSOR, Rules, Thresholds
from posestream.skeletons import Skeleton

Candidate = tuple[float, float, float]  # x, y, score
Person = list


def enlarge(maps: np.ndarray, rules: Rules) -> np.ndarray:
    """Enlarge maps (rows, columns, n) to (n, rows * 8, columns * 8)."""
    if rules is PROCESSOR:  # OpenCV's own
        size = maps.shape[1] * 8, maps.shape[0] * 8
        channels = (np.ascontiguousarray(maps[..., n]) for n in range(maps.shape[2]))
        return np.array([cv2.resize(m, size, interpolation=cv2.INTER_CUBIC) for m in channels])
    across = np.stack([catmull_rom(maps, x, axis=1) for x in range(maps.shape[1] * 8)], axis=1)
    both = np.stack([catmull_rom(across, y, axis=0) for y in range(maps.shape[0] * 8)], axis=0)
    return both.transpose(2, 0, 1).astype(np.float32)


def catmull_rom(maps: np.ndarray, pixel: int, axis: int) -> np.ndarray:
    """One row or column of enlarged maps, by tangents: half the difference of both neighbours."""
    place = (pixel + 0.5) / 8 - 0.5
    # Before the first cell, CUDA code goes on along the curve behind it.
    cell = max(0, int(np.floor(place)))
    last = maps.shape[axis] - 1
    around = [min(max(cell + step, 0), last) for step in (-1, 0, 1, 2)]
    p, q, r, s = (maps.take(at, axis=axis).astype(float) for at in around)
    t = place - cell
    start, end = (r - p) / 2, (s - q) / 2
    return (
        q * (2 * t**3 - 3 * t**2 + 1)
        + start * (t**3 - 2 * t**2 + t)
        + r * (3 * t**2 - 2 * t**3)
        + end * (t**3 - t**2)
    )


def candidates(heatmaps: np.ndarray, rules: Rules, thresholds: Thresholds) -> list[list[Candidate]]:
    """Find the peaks of each map, in row-major order."""
    return [_peaks(large, rules, thresholds.peak) for large in enlarge(heatmaps, rules)]


def _peaks(large: np.ndarray, rules: Rules, least: float) -> list[Candidate]:
    found = []
    height, width = large.shape
    for y, x in np.argwhere(large > least):
        others = [
            large[y + dy, x + dx]
            for dy, dx in product((-1, 0, 1), repeat=2)
            if (dy or dx) and 0 <= y + dy < height and 0 <= x + dx < width
        ]
        above, as_high = large[y, x] > max(others), large[y, x] >= max(others)
        if rules is GPU:
            peak = above and 0 < x < width - 1 and 0 < y < height - 1
        elif x in (1, width - 2) or y in (1, height - 2):
            peak = as_high
        else:
            peak = above and 1 < x < width - 2 and 1 < y < height - 2
        if not peak:
            continue
        ys, xs = np.mgrid[max(0, y - 3) : min(height, y + 4), max(0, x - 3) : min(width, x + 4)]
        weights = np.maximum(large[ys, xs], 0).astype(float)
        place = ((weights * at).sum() / weights.sum() for at in (xs, ys))
        found.append((*map(float, place), float(large[y, x])))
    return found[:127]


def limb_scores(
    pafs: np.ndarray,
    peaks: list[list[Candidate]],
    skeleton: Skeleton,
    rules: Rules,
    thresholds: Thresholds,
) -> dict[tuple[int, int, int], float]:
    """Score each possible limb, by its number and the candidates at its ends."""
    large = enlarge(pafs, rules)
    height, width = large.shape[1:]
    scores = {}
    for number, (a, b) in enumerate(skeleton.limbs):
        field = large[list(skeleton.paf_channels[number])]
        for i, j in product(range(len(peaks[a])), range(len(peaks[b]))):
            start, end = (np.array(peak[:2], np.float32) for peak in (peaks[a][i], peaks[b][j]))
            line = end - start
            length = np.hypot(*line)
            if length <= 1e-6:
                continue
            n = min(max(int(np.sqrt(5 * np.abs(line).max()) + 0.5), 5), 25)
            step = line / np.float32(n)
            places = (start + step * np.arange(n, dtype=np.float32)[:, None] + 0.5).astype(int)
            x, y = np.minimum(places, (width - 1, height - 1)).T
            along = line / length @ field[:, y, x]
            counted = along[along > thresholds.field]
            if len(counted) / n > thresholds.share:
                scores[number, i, j] = float(counted.mean())
            elif length < np.sqrt(width * height) / 150:
                scores[number, i, j] = thresholds.peak + 1e-6
    return scores


def join_on_gpu(
    peaks: list[list[Candidate]], limbs: dict[tuple[int, int, int], float], skeleton: Skeleton
) -> list[Person]:
    """Take all limbs by their score and a tenth of both their parts'."""

    def trust(limb: tuple[int, int, int]) -> tuple:
        number, i, j = limb
        a, b = skeleton.limbs[number]
        return limbs[limb] + 0.1 * peaks[a][i][2] + 0.1 * peaks[b][j][2], limbs[limb], *limb

    people: list[Person] = []
    for number, i, j in sorted(limbs, key=trust, reverse=True):
        a, b = skeleton.limbs[number]
        score = limbs[number, i, j]
        has_a = next((person for person in people if person[0][a] == i), None)
        has_b = next((person for person in people if person[0][b] == j), None)
        if has_a is None and has_b is None:
            parts = [None] * len(skeleton.parts)
            parts[a], parts[b] = i, j
            people.append([parts, 2, peaks[a][i][2] + peaks[b][j][2] + score])
        elif has_a is None or has_b is None:
            person, part, peak = (has_b, a, i) if has_a is None else (has_a, b, j)
            if person[0][part] is None:
                person[0][part] = peak
                person[1] += 1
                person[2] += peaks[part][peak][2] + score
        elif has_a is has_b:
            has_a[2] += score
        elif all(None in both for both in zip(has_a[0], has_b[0], strict=True)):
            kept, gone = sorted((has_a, has_b), key=people.index)
            kept[0] = [g if k is None else k for k, g in zip(kept[0], gone[0], strict=True)]
            kept[1] += gone[1]
            kept[2] += gone[2] + score
            people = [person for person in people if person is not gone]
    return people


def join_on_processor(
    peaks: list[list[Candidate]], limbs: dict[tuple[int, int, int], float], skeleton: Skeleton
) -> list[Person]:
    """Take limb after limb; each candidate once."""
    people: list[Person] = []
    for number, (a, b) in enumerate(skeleton.limbs):
        if not peaks[a] or not peaks[b]:
            add_lonely(people, peaks, skeleton, a if peaks[a] else b)
            continue
        own = sorted(((s, i, j) for (n, i, j), s in limbs.items() if n == number), reverse=True)
        used_a, used_b = set(), set()
        for score, i, j in own:
            if i in used_a or j in used_b:
                continue
            used_a.add(i)
            used_b.add(j)
            if (skeleton.name, number) in SHOULDER_TO_EAR:
                for parts, _, _ in people:
                    if parts[a] == i and parts[b] is None:
                        parts[b] = j
                    elif parts[b] == j and parts[a] is None:
                        parts[a] = i
                continue
            for person in people:
                if person[0][a] == i:
                    person[0][b] = j
                    person[1] += 1
                    person[2] += peaks[b][j][2] + score
                    break
            else:
                parts = [None] * len(skeleton.parts)
                parts[a], parts[b] = i, j
                people.append([parts, 2, peaks[a][i][2] + peaks[b][j][2] + score])
    return people


def add_lonely(
    people: list[Person], peaks: list[list[Candidate]], skeleton: Skeleton, part: int
) -> None:
    """Make people of one part of candidates that nobody has; in MPI of all of them."""
    for peak, (_, _, score) in enumerate(peaks[part]):
        taken = any(person[0][part] == peak for person in people)
        if not taken or len(skeleton.parts) == 15:
            parts = [None] * len(skeleton.parts)
            parts[part] = peak
            people.append([parts, 1, score])


SHOULDER_TO_EAR = {("COCO_18", 17), ("COCO_18", 18), ("BODY_25", 18), ("BODY_25", 19)}


def keep(people: list[Person], thresholds: Thresholds, feet_count: bool) -> list[Person]:
    """Leave out who is not enough of a person."""
    kept = []
    for parts, count, score in people:
        feet = 0 if feet_count else sum(part is not None for part in parts[19:25])
        if feet and count - feet <= 4:
            continue
        if count - feet >= thresholds.parts and score / (count - feet) >= thresholds.score:
            kept.append([parts, count, score])
    if not kept and not feet_count:
        return keep(people, thresholds, feet_count=True)
    return kept


def decode(
    heatmaps: np.ndarray,
    pafs: np.ndarray,
    skeleton: Skeleton,
    rules: Rules,
    thresholds: Thresholds,
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (people, parts, 3) and scores (people,), as poses.decode; the best score first."""
    peaks = [
        [(x + 0.5, y + 0.5, score) for x, y, score in part]
        for part in candidates(heatmaps[..., : len(skeleton.parts)], rules, thresholds)
    ]
    limbs = limb_scores(pafs, peaks, skeleton, rules, thresholds)
    join = join_on_gpu if rules is GPU else join_on_processor
    people = keep(join(peaks, limbs, skeleton), thresholds, thresholds.feet)
    people.sort(key=lambda person: -person[2])
    keypoints = np.zeros((len(people), len(skeleton.parts), 3))
    for row, (parts, _, _) in zip(keypoints, people, strict=True):
        for part, peak in enumerate(parts):
            if peak is not None:
                row[part] = peaks[part][peak]
    most = len(skeleton.parts) + len(skeleton.limbs)
    return keypoints, np.array([score / most for _, _, score in people])
