"""Who is who from frame to frame: people keep their number while in view.

The people of a frame are compared with those known already by COCO's object keypoint similarity
(OKS): how near each part is to where that person's part should be by now, in sizes of the person
and by how exactly such a part can be placed at all. What is expected moves on with time, not with
frames: cameras drop frames, and send few or many of them a second.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from .poses import People
from .skeletons import Skeleton

# Found by trial on the first half of the street video's minute (tests/unit/data/README.md), at 10,
# 5, 2 and 1 frames a second. The best lies flat: two thirds or half more of each change little.
MEMORY_SECONDS = 2.0  # somebody unseen for longer gets a new number
SIMILARITY_MIN = 0.05  # 0..1; less alike than this is somebody else
SLACK = 6  # tolerances are so many times OKS's, which are for careful labels of large people
DRIFT = 1.0  # sizes that a person may stray in a second from where they were going
LEARN_SECONDS = 0.6  # over which a person's velocity is learnt
GO_ON_SECONDS = 2.0  # after which somebody unseen is thought to have slowed down
PARTS_DOUBT = 3  # so many parts more that are not alike: few parts in common prove little
SIZE = 0.4  # COCO's size, the root of a person's area, per diagonal of the box around the parts
KNOWN_MAX = 200  # people of one camera
CAMERAS_MAX = 1000

# How exactly people place each part, in sizes of the person: the standard deviations of COCO's
# keypoint evaluation (https://cocodataset.org/#keypoints-eval); OKS tolerates twice as much.
# Parts that COCO does not have are given the value of the one nearest to them.
_SIGMAS = {
    "Nose": 0.026, "Eye": 0.025, "Ear": 0.035, "Head": 0.035, "Neck": 0.079, "Shoulder": 0.079,
    "Elbow": 0.072, "Wrist": 0.062, "Chest": 0.107, "Hip": 0.107, "Knee": 0.087, "Ankle": 0.089,
    "Toe": 0.089, "Heel": 0.089,
}  # fmt: skip


def tolerances(skeleton: Skeleton) -> np.ndarray:
    """Return OKS's tolerance for each part of a body model, float64 (parts,), in sizes."""
    return 2 * np.array(
        [next(s for name, s in _SIGMAS.items() if part.endswith(name)) for part in skeleton.parts]
    )


class Tracker:
    """The people of one camera; who is new gets `next_number`. For one thread at a time."""

    def __init__(self, skeleton: Skeleton, next_number: int = 0) -> None:
        """Know nobody."""
        self.next_number = next_number
        self._variances = (SLACK * tolerances(skeleton)) ** 2
        # Seen last when, and then where (also parts not seen then, but ever); pixels a second.
        self._record = np.dtype("i8, f8, ({0},2)f8, ({0},)?, (2,)f8".format(len(skeleton.parts)))
        self._record.names = "number", "time", "places", "known", "velocity"
        self._known = np.empty(0, self._record)
        self._frame_size: tuple[int, int] | None = None
        self._time = -math.inf

    def update(self, people: People, timestamp: float, frame_size: tuple[int, int]) -> People:
        """Give people their numbers.

        Args:
            people: in the camera's next frame, in pixels.
            timestamp: when it was taken, in seconds. A frame may come late, by less than
                MEMORY_SECONDS; before that the clock was set, and time goes on from there.
            frame_size: (width, height) of the frame. With another one than before, nobody is known.
        """
        if frame_size != self._frame_size:
            self._frame_size, self._known = frame_size, self._known[:0]
        if timestamp < self._time - MEMORY_SECONDS:
            self._known["time"] += timestamp - self._time
            self._time = timestamp
        self._time = max(self._time, timestamp)
        self._known = self._known[self._time - self._known["time"] <= MEMORY_SECONDS]

        found = np.zeros(len(people), self._record)
        found["number"], found["time"] = -1, timestamp
        found["places"] = people.keypoints[..., :2]
        found["known"] = people.keypoints[..., 2] > 0
        gaps = timestamp - self._known["time"]
        # The way of somebody who slows down; backwards for a frame that comes late.
        seconds = np.sign(gaps) * GO_ON_SECONDS * -np.expm1(-np.abs(gaps) / GO_ON_SECONDS)
        places = self._known["places"] + (self._known["velocity"] * seconds[:, None])[:, None]
        for person, known in best_first(self._similarities(found, places, gaps)):
            found["number"][person] = self._known["number"][known]
            if gaps[known] >= 0:
                _follow(self._known[known], found[person], places[known], gaps[known])

        new = found[found["number"] < 0]
        new["number"] = np.arange(self.next_number, self.next_number + len(new))
        found["number"][found["number"] < 0] = new["number"]
        self.next_number += len(new)
        known = np.concatenate((self._known, new))
        self._known = known[np.argsort(known["time"], kind="stable")[-KNOWN_MAX:]]
        return dataclasses.replace(people, ids=found["number"].copy())

    def _similarities(self, found: np.ndarray, places: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        """Return how alike those found and those known are, (found, known), 0..1."""
        seen = self._known["known"][..., None]
        corners = np.where(seen, places, -np.inf).max(1) - np.where(seen, places, np.inf).min(1)
        sizes = np.maximum(SIZE * np.hypot(*corners.T), 1)[:, None]
        variances = sizes**2 * (self._variances + (DRIFT * gaps[:, None]) ** 2)
        squares = ((found["places"][:, None] - places) ** 2).sum(axis=-1)
        both = found["known"][:, None] & self._known["known"]
        alike = (np.exp(-squares / (2 * variances)) * both).sum(axis=-1)
        return alike / (both.sum(axis=-1) + PARTS_DOUBT)


def _follow(known: np.void, found: np.void, places: np.ndarray, gap: float) -> None:
    """Learn from where somebody was found, who was expected at `places` after `gap` seconds."""
    both = found["known"] & known["known"]
    astray = (found["places"] - places)[both].mean(axis=0)
    known["places"] = np.where(found["known"][:, None], found["places"], places + astray)
    known["known"] |= found["known"]
    known["velocity"] += astray * -math.expm1(-gap / LEARN_SECONDS) / max(gap, 1e-3)
    known["time"] = found["time"]


def best_first(alike: np.ndarray) -> list[tuple[int, int]]:
    """Pair rows and columns of `alike`, which is used up, the most alike first.

    On the street that is as good as the best assignment of all.
    """
    pairs = []
    while alike.size and alike.max() > SIMILARITY_MIN:
        row, column = divmod(int(alike.argmax()), alike.shape[1])
        pairs.append((row, column))
        alike[row], alike[:, column] = 0, 0
    return pairs


class Trackers:
    """A tracker for each camera; of too many cameras, the one unseen for longest is forgotten."""

    def __init__(self, skeleton: Skeleton) -> None:
        """Know no camera."""
        self._skeleton = skeleton
        self._trackers: dict[bytes | None, Tracker] = {}  # that unseen for longest first
        self._next_number = 0  # above every number of a forgotten camera, which may return

    def of(self, camera: bytes | None) -> Tracker:
        """Return the tracker of the camera whose frames have this key."""
        tracker = self._trackers.pop(camera, None) or Tracker(self._skeleton, self._next_number)
        self._trackers[camera] = tracker
        if len(self._trackers) > CAMERAS_MAX:
            forgotten = self._trackers.pop(next(iter(self._trackers)))
            self._next_number = max(self._next_number, forgotten.next_number)
        return tracker
