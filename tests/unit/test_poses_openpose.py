"""Decoding against what OpenPose's own code for the processor made of the same maps."""

from pathlib import Path

import numpy as np
import pytest
from posestream import poses
from posestream.skeletons import COCO_18

DATA = Path(__file__).parent / "data" / "openpose-decoding.npz"
# As OpenPose computes it: a frame of 768 x 576, the net's 576 x 432, from centre to centre of the
# outermost pixels.
SCALE = 767 / 575


@pytest.fixture(scope="module")
def street_maps(engine, street_frames):
    return [engine.infer(frame)[0].copy() for frame in street_frames]


def decoded(street_maps, **options):
    """Yield keypoints and scores, ours and OpenPose's, of each frame."""
    with np.load(DATA) as answers:
        for number, maps in enumerate(street_maps):
            people = poses.decode(
                maps[..., :18],
                maps[..., 19:],
                COCO_18,
                scale=SCALE,
                frame_size=(768, 576),
                **options,
            )
            key = f"vtest.avi#{40 * number}@-1x432"
            order = np.argsort(-answers[f"{key}.scores"], kind="stable")
            yield people, answers[f"{key}.keypoints"][order], answers[f"{key}.scores"][order]


def test_people_parts_and_scores_are_openposes(street_maps):
    parts = 0
    for people, keypoints, scores in decoded(street_maps, rules=poses.PROCESSOR):
        assert people.keypoints.shape == keypoints.shape
        assert people.keypoints == pytest.approx(keypoints, abs=0.01)
        assert people.scores == pytest.approx(scores, abs=1e-4)
        parts += (keypoints[..., 2] > 0).sum()
    assert parts > 1000


def test_the_rules_of_a_gpu_give_nearly_the_same(street_maps):
    """Most parts are the same; the scores are higher, for a limb to the ear counts there."""
    same = parts = ours = theirs = 0
    higher = []
    for people, keypoints, scores in decoded(street_maps, rules=poses.GPU):
        ours, theirs = ours + len(people), theirs + len(keypoints)
        parts += (keypoints[..., 2] > 0).sum()
        apart = np.abs(people.keypoints[:, None, :, :2] - keypoints[..., :2]).max(axis=3)
        found = (people.keypoints[:, None, :, 2] > 0) & (keypoints[..., 2] > 0) & (apart < 2)
        same += found.any(axis=0).sum()
        higher.extend(people.scores / scores[found.sum(axis=2).argmax(axis=1)])
    assert 0.95 * parts < same < parts
    assert 0.9 * theirs < ours < 1.1 * theirs
    assert 1.01 < np.median(higher) < 1.1


def test_number_people_max_keeps_whom_openpose_keeps(street_maps):
    """Of OpenPose's own people those with the greatest score times root of the area."""
    for people, keypoints, scores in decoded(
        street_maps, rules=poses.PROCESSOR, number_people_max=2
    ):
        spans = [np.ptp(person[person[:, 2] > 0.05, :2], axis=0) for person in keypoints]
        prominence = scores * np.sqrt(np.prod(spans, axis=1))
        best = np.sort(np.argsort(-prominence)[:2])
        assert people.keypoints == pytest.approx(keypoints[best], abs=0.01)
