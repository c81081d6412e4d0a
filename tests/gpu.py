"""The engine onnx on a GPU, run inside the image by gpu.sh.

Prints a table, and exits with 1 where a line of it fails.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import onnxruntime
from posestream import bench_engine, engines, settings
from posestream.engines import onnx
from posestream.networks import weights
from posestream.poses import People
from posestream.skeletons import BODY_25, BY_MODEL

from tests.unit import painted, random_weights

ANSWERS = Path(__file__).parent / "unit/data/openpose-seed0.npz"
VIDEO = "/usr/share/posestream/video/vtest.avi"
SIZE, NECKS = (656, 368), [(7, 5), (22, 5), (40, 5), (56, 5), (72, 5), (14, 28)]


@contextlib.contextmanager
def of_weights(made) -> Iterator[None]:
    """Have weights that are made in place of files."""
    with mock.patch.object(weights, "load", lambda network, _: made(network)):
        yield


def by_hand(network):
    """Weights that see painted people."""
    return painted.weights(network, BODY_25)


def alike(found: People, expected: People | np.ndarray, pixels: float) -> float:
    """Return the share of the expected parts that somebody has within so many pixels."""
    keypoints = expected.keypoints if isinstance(expected, People) else expected
    there = keypoints[..., 2] > 0
    if not there.any() or not len(found):
        return 0.0
    apart = np.abs(found.keypoints[:, None, :, :2] - keypoints[None, ..., :2]).max(axis=-1)
    near = (apart < pixels) & (found.keypoints[:, None, :, 2] > 0) & there
    return near.sum(axis=-1).max(axis=0).sum() / there.sum()


def say(what: str, share: float, least: float) -> bool:
    """Print a line of the table; return whether it is as it has to be."""
    print(
        f"{'ok    ' if share >= least else 'FAILED'} {share:7.2%} (at least {least:.0%})  {what}",
        flush=True,
    )
    return share >= least


def street() -> np.ndarray:
    """Frame 50 of the street video, as OpenPose was given it."""
    video = cv2.VideoCapture(VIDEO)
    for _ in range(51):
        _, frame = video.read()
    return frame


def answers() -> Iterator[bool]:
    """OpenPose's own answers, with random weights: they say all of the code, not of people."""
    frame = street()
    for model in ("BODY_25", "COCO"):
        with np.load(ANSWERS) as known:
            expected = known[f"{model}.160x96.body.vtest50.png.keypoints"]
        chosen = engines.Options(
            model_pose=model, net_resolution=(160, 96), rules="processor", precision="single"
        )
        with of_weights(random_weights.weights):
            (people,) = engines.create("onnx", chosen).detect([frame])
            half = engines.create("onnx", dataclasses.replace(chosen, precision="half"))
        yield say(f"{model}: OpenPose's parts within 0.5 pixel", alike(people, expected, 0.5), 0.99)
        (people,) = half.detect([frame])
        # Maps of random weights are noise, of which half precision keeps most.
        yield say(f"{model}: the same in half precision", alike(people, expected, 0.5), 0.85)


def fitting(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the painted people who are whole on a picture of (width, height)."""
    _, _, right, below = painted.MARGINS
    return [
        neck
        for neck in NECKS
        if (neck[0] + right + 1) * painted.CELL <= size[0]
        and (neck[1] + below + 1) * painted.CELL <= size[1]
    ]


def people_painted(size: tuple[int, int]) -> Iterator[bool]:
    """Painted people, whose answer is known: alone, in batches, in both precisions."""
    necks = fitting(size)
    frame = painted.paint(necks, size, BODY_25)
    for precision in ("single", "half"):
        chosen = engines.Options(model_pose="BODY_25", net_resolution=size, precision=precision)
        with of_weights(by_hand):
            engine = engines.create("onnx", chosen)
        (alone,) = engine.detect([frame])
        expected = np.dstack((painted.places(necks, BODY_25), np.ones((len(necks), 25))))
        yield say(f"painted people, {precision}", alike(alone, expected, 2.5), 1.0)
        for people in engine.detect([frame] * (onnx.BATCH + 3)):
            share = alike(people, alone, 1)
            if share < 0.99:
                break
        yield say(f"the same in batches, {precision}", share, 0.99)


def speed(
    model: str, precision: str, size: tuple[int, int], batches: list[int], seconds: float
) -> None:
    """Print the bench's lines, on pictures of painted people that the decoder puts together."""
    chosen = settings.load(
        "bench-engine",
        {
            "WORKER_ENGINE": "onnx",
            "WORKER_PRECISION": precision,
            "OPENPOSE_MODEL_POSE": model,
            "OPENPOSE_NET_RESOLUTION": "{}x{}".format(*size),
        },
    )
    print(f"\n{precision} precision, painted people")
    skeleton = BY_MODEL[model]
    frame = painted.paint(fitting(size), size, skeleton)
    with (
        mock.patch.object(bench_engine, "_frames", lambda _, count: [frame] * count),
        of_weights(lambda network: painted.weights(network, skeleton)),
    ):
        bench_engine.run(chosen, batch=batches, seconds=seconds)


def on_processor(model, *, session=onnxruntime.InferenceSession):
    """Stand in for the GPU, to try this script."""
    made = session(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return functools.partial(onnx._run, made, [each.name for each in made.get_inputs()])


def main() -> int:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processor", action="store_true")
    processor = parser.parse_args().processor
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    size = (240, 176) if processor else SIZE
    with contextlib.ExitStack() as stack:
        if processor:
            print("on the processor: this tries the script, and says nothing of a GPU")
            stack.enter_context(mock.patch.object(onnx, "compiled", on_processor))
            stack.enter_context(mock.patch.dict(bench_engine.SIDE, onnx=256))
        try:
            right = [*answers(), *people_painted(size)]
        except engines.EngineError as error:
            print(error, file=sys.stderr)
            return 1
        for model, precision in (("BODY_25", "half"), ("BODY_25", "single"), ("COCO", "half")):
            speed(model, precision, size, *(([1, 2], 0) if processor else ([1, 4, 8], 15)))
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
