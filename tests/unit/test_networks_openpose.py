"""OpenPose's own networks against OpenPose's own answers, with weights that are nobody's.

Each runtime and each output has its turn; all combinations would take minutes.
"""

from pathlib import Path

import numpy as np
import pytest
from posestream.networks import picture
from posestream.networks.architectures import ARCHITECTURES
from posestream.networks.graph import build
from posestream.poses import PROCESSOR

from . import random_weights
from .runtimes import run_onnxruntime, run_openvino

ANSWERS = Path(__file__).parent / "data" / "openpose-seed0.npz"


def answer(name, what):
    with np.load(ANSWERS) as arrays:
        return arrays[f"{name}.160x96.body.vtest50.png.{what}"].astype(np.float32)


def run(name, runtime, frame, **options):
    """Run a network on a frame; return its outputs and by what the frame was scaled."""
    weights = random_weights.weights(ARCHITECTURES[name])
    pixels, scale = picture.fit(frame, (160, 96))
    model = build(ARCHITECTURES[name], weights, rules=PROCESSOR, **options)
    return runtime(model, {"pixels": pixels[None]}), scale


@pytest.mark.parametrize(
    ("name", "runtime"), [("BODY_25", run_openvino), ("COCO", run_onnxruntime)]
)
def test_maps_are_openposes(name, runtime, street):
    (maps,), _ = run(name, runtime, street, maps="enlarged")
    expected = answer(name, "maps_every_8th")
    assert maps[0, :, 4::8, 4::8].shape == expected.shape
    assert np.abs(maps[0, :, 4::8, 4::8] - expected).max() < 5e-4 * np.abs(expected).max()


def test_openposes_keypoints_are_among_the_peaks(street):
    (peaks, _), scale = run("BODY_25", run_onnxruntime, street)
    peaks[:, 2:4] = peaks[:, 2:4] * picture.back_by(street.shape[1::-1], scale) + 0.5
    people = answer("BODY_25", "keypoints")
    parts, points = np.nonzero(people[..., 2])[1], people[people[..., 2] > 0]
    assert len(points) > 100
    for part, point in zip(parts, points, strict=True):
        off = np.abs(peaks[peaks[:, 1] == part, 2:5] - point).max(axis=1)
        assert off.min() < 2e-3  # pixels of the frame
