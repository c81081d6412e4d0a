"""How fast an engine is by itself, and where its time goes: `posestream bench-engine`.

Everything is measured in turns within one run, and medians count: on a machine where other things
run, the ratios stay what they are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

import cv2
import numpy as np

from . import engines
from .settings import Settings

if TYPE_CHECKING:  # what not every image has is imported where it is needed
    from onnx import ModelProto

    from .engines.openpose import OpenPose

SIDE, PRODUCTS = {"onnx": 4096, "openvino": 1024}, 8  # of the matrices, and how many in one run
TURNS_MIN = 3
FRAMES = 40  # of the whole video, on which people are counted
HEAD = (
    f"{'':<13} {'':>9} {'':>5} {'':>6} {'':>9} {'':>8} {'of a':>8}  {'milliseconds a frame':<31}\n"
    f"{'network':<13} {'size':>9} {'batch':>5} {'people':>6} {'frames/s':>9} {'TFLOP/s':>8}"
    f" {'product':>8} {'fit':>7} {'network':>8} {'peaks':>7} {'people':>7}"
)


def run(settings: Settings, *, batch: list[int], seconds: float) -> int:
    """Measure the engine that the settings name, and print a line for each batch size.

    Args:
        settings: the worker's and OpenPose's; the frames are those of the camera's video.
        batch: frames that are given to the engine at once.
        seconds: how long to measure each.
    """
    try:
        options = engines.options(settings.openpose, settings.worker)
        engine = engines.create(settings.worker.engine, options)
    except engines.EngineError as error:
        print(f"posestream bench-engine: {error}", file=sys.stderr)
        return 1
    frames = _frames(settings.camera.source, max(*batch, FRAMES))
    if not frames:
        print(
            f"posestream bench-engine: CAMERA_SOURCE: {settings.camera.source} has no pictures",
            file=sys.stderr,
        )
        return 1
    height, width = frames[0].shape[:2]
    print(f"engine {settings.worker.engine}, frames of {width}x{height}")
    print(HEAD, flush=True)
    people = sum(len(each) for each in engine.detect(frames)) / len(frames)
    for count in batch:
        engine.batch = count
        some = frames[:: max(1, len(frames) // count)][:count]
        print(_line(engine, settings.worker.engine, some, people, seconds), flush=True)
    return 0


def _frames(path: str, count: int) -> list[np.ndarray]:
    """Take frames from the whole length of a video."""
    video = cv2.VideoCapture(path)
    step = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)) // count)
    frames = []
    while len(frames) < count and (read := video.read())[0]:
        frames.append(read[1])
        for _ in range(step - 1):
            video.grab()
    return frames


def _line(
    engine: engines.Engine, name: str, frames: list[np.ndarray], people: float, seconds: float
) -> str:
    in_parts = hasattr(engine, "model")  # an engine of OpenPose's networks
    parts = _of_openpose(engine, name, frames) if in_parts else {}
    parts["all"] = lambda: engine.detect(frames)
    spent = _in_turns(parts, seconds)
    rate = len(frames) / spent["all"]
    if not in_parts:
        return f"{engine.skeleton.name:<13} {'':>9} {len(frames):>5} {people:>6.1f} {rate:>9.1f}"
    from .networks.architectures import ARCHITECTURES, flops  # noqa: PLC0415

    inputs = engine.fit(frames)[0].inputs[0]
    height, width = inputs.shape[1:3]
    done = len(frames) * flops(ARCHITECTURES[engine.model], width, height) / spent["network"]
    peak = 2 * SIDE[name] ** 3 * PRODUCTS / spent["product"]
    milliseconds = {part: 1000 * each / len(frames) for part, each in spent.items()}
    return (
        f"{engine.model:<13} {f'{width}x{height}':>9} {len(frames):>5} {people:>6.1f}"
        f" {rate:>9.1f} {done / 1e12:>8.2f} {done / peak:>8.0%} {milliseconds['fit']:>7.1f}"
        f" {milliseconds['network']:>8.1f}"
        f" {max(0, milliseconds['graph'] - milliseconds['network']):>7.1f}"
        f" {milliseconds['people']:>7.1f}"
    )


def _of_openpose(
    engine: OpenPose, name: str, frames: list[np.ndarray]
) -> dict[str, Callable[[], object]]:
    """Return what an engine's parts do with these frames, and a product of matrices."""
    from .networks import graph, weights  # noqa: PLC0415
    from .networks.architectures import ARCHITECTURES  # noqa: PLC0415

    architecture = ARCHITECTURES[engine.model]
    loaded = weights.load(architecture, engine.options.model_folder)
    network = engine.compiled(graph.build(architecture, loaded, half=engine.half, maps="cells"))
    product = engine.compiled(_product(SIDE[name], engine.half))
    matrix = np.random.default_rng(0).random((SIDE[name], SIDE[name]), np.float32)
    fitted = engine.fit(frames)
    answers = [engine.infer(each.inputs) for each in fitted]
    return {
        "fit": lambda: engine.fit(frames),
        "network": lambda: [network(each.inputs[:1]) for each in fitted],
        "graph": lambda: [engine.infer(each.inputs) for each in fitted],
        "people": lambda: [
            engine.people(each, *answer) for each, answer in zip(fitted, answers, strict=True)
        ],
        "product": lambda: product([matrix]),
    }


def _in_turns(parts: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return the median seconds of each part, one after the other, again and again."""
    spent: dict[str, list[float]] = {name: [] for name in parts}
    for work in parts.values():
        work()  # what is made on first use
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(spent["all"]) < TURNS_MIN:
        for name, work in parts.items():
            begun = time.perf_counter()
            work()
            spent[name].append(time.perf_counter() - begun)
    return {name: median(each) for name, each in spent.items()}


def _product(side: int, half: bool) -> ModelProto:
    """Build a graph that multiplies a matrix by another one, PRODUCTS times."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    from .networks import graph  # noqa: PLC0415

    kind = np.float16 if half else np.float32
    other = np.random.default_rng(1).random((side, side), np.float32) / side
    nodes = [
        helper.make_node(
            "Cast", ["x"], ["0"], to=TensorProto.FLOAT16 if half else TensorProto.FLOAT
        ),
        *(
            helper.make_node("MatMul", [str(number), "other"], [str(number + 1)])
            for number in range(PRODUCTS)
        ),
        helper.make_node("ReduceMax", [str(PRODUCTS)], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["y"], to=TensorProto.FLOAT),
    ]
    made = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [side, side])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(other.astype(kind), "other")],
    )
    opset = helper.make_opsetid("", graph.OPSET)
    return helper.make_model(made, ir_version=graph.IR_VERSION, opset_imports=[opset])
