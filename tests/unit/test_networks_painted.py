"""Painted people are seen by OpenPose's networks, whole, in half precision, and many at a time."""

import cv2
import numpy as np
import pytest
from posestream.networks.architectures import ARCHITECTURES
from posestream.networks.graph import build
from posestream.skeletons import BY_MODEL

from . import painted
from .runtimes import RUNTIMES

SIZE = (240, 176)
TWO, NOBODY, ONE = [(6, 5), (21, 5)], [], [(10, 5)]


def run(name, runtime, pictures, **options):
    skeleton, network = BY_MODEL[name], ARCHITECTURES[name]
    weights = painted.weights(network, skeleton)
    pixels = np.stack([painted.paint(necks, SIZE, skeleton) for necks in pictures])
    return runtime(build(network, weights, **options), {"pixels": pixels})


def check(name, necks, peaks, fields):
    """Each part of each person is found, nothing else is; and limbs have their fields."""
    skeleton = BY_MODEL[name]
    expected = painted.places(necks, skeleton)
    for part in range(len(skeleton.parts)):
        found = peaks[peaks[:, 1] == part]
        assert len(found) == len(necks)
        for place in expected[:, part]:
            off = np.abs(found[:, 2:4] + 0.5 - place).max(axis=1)
            assert off.min() < 2
        assert found[:, 4] == pytest.approx(1, abs=0.1)
    large = np.stack([cv2.resize(one, SIZE, interpolation=cv2.INTER_CUBIC) for one in fields])
    for person in expected:
        for limb, channels in zip(skeleton.limbs, skeleton.paf_channels, strict=True):
            start, end = person[list(limb)]
            way = (end - start) / np.linalg.norm(end - start)
            x, y = np.linspace(start, end, 25).astype(int).T
            assert (way @ large[list(channels)][:, y, x] > 0.1).all()
    if not necks:
        assert not fields.any()


@pytest.mark.parametrize(
    ("name", "runtime", "half", "pictures"),
    [
        ("BODY_25", "openvino", False, [TWO]),
        ("BODY_25", "onnxruntime", True, [NOBODY, ONE]),
        ("COCO", "onnxruntime", False, [TWO]),
    ],
)
def test_painted_people_are_seen(name, runtime, half, pictures):
    peaks, fields = run(name, RUNTIMES[runtime], pictures, half=half)
    for number, necks in enumerate(pictures):
        check(name, necks, peaks[peaks[:, 0] == number], fields[number])
