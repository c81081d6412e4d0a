"""Joining: what noise and streets seldom have."""

import numpy as np
import pytest
from posestream.poses import GPU, PROCESSOR, Thresholds
from posestream.poses.joining import join
from posestream.poses.limbs import Limbs
from posestream.skeletons import COCO_18, MPI

NECK, SHOULDER = 1, 2


def joined(skeleton, rules, counts, limbs, parts):
    """Join limbs (number, start, end, score) between so many candidates for some parts."""
    peaks = [
        np.full((counts.get(part, 0), 3), 0.5, np.float32) for part in range(len(skeleton.parts))
    ]
    *whole, score = np.array(limbs, float).reshape(-1, 4).T
    found = Limbs(*(row.astype(int) for row in whole), score.astype(np.float32))
    people = join(peaks, found, skeleton, Thresholds(parts=parts, score=0.0), rules)
    return [person.peaks for person in people]


@pytest.mark.parametrize("rules", [GPU, PROCESSOR], ids=lambda rules: rules.name)
@pytest.mark.parametrize(("scores", "first"), [((0.5, 0.5), 1), ((0.6, 0.5), 0), ((0.5, 0.6), 1)])
def test_of_equal_limbs_the_last_is_taken(rules, scores, first):
    limbs = [(0, start, 0, score) for start, score in enumerate(scores)]
    people = joined(COCO_18, rules, {NECK: 2, SHOULDER: 1}, limbs, 2)
    assert people == [{NECK: first, SHOULDER: 0}]


@pytest.mark.parametrize(
    ("skeleton", "rules", "people"), [(COCO_18, PROCESSOR, 1), (MPI, PROCESSOR, 4), (MPI, GPU, 0)]
)
def test_a_part_without_others_to_join_it(skeleton, rules, people):
    """On the processor it becomes somebody, in MPI once for each limb that it could have."""
    assert joined(skeleton, rules, {NECK: 1}, [], 1) == [{NECK: 0}] * people
