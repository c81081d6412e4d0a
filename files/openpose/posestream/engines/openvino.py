"""OpenVINO, on the processor: OpenPose's own networks, or the free one.

OpenPose's are taken where `model_pose` names one and its file is there; without, or where COCO's is
missing, the free network is, which has COCO's parts too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import openvino

from ..networks.architectures import ARCHITECTURES
from ..networks.caffemodel import FETCH
from . import Engine, EngineError, Options

CONFIG = {
    "PERFORMANCE_HINT": "LATENCY",
    # On processors with AMX, OpenVINO would compute in bfloat16: other results on other machines,
    # slower for small networks, and an illegal instruction where a hypervisor shows AMX but
    # does not allow it.
    "INFERENCE_PRECISION_HINT": "f32",
}


def create(options: Options) -> Engine:
    """Make the engine, see `posestream.engines.create`."""
    # Each imports what the other does not need.
    if _is_free(options):
        if options.face or options.hand or options.scale_number > 1:
            raise EngineError(
                "face, hand and several scales need OpenPose's own COCO, and "
                f"{options.model_folder}/{ARCHITECTURES['COCO'].weights} is missing: {FETCH}"
            )
        from .mobilenet import MobileNet  # noqa: PLC0415

        return MobileNet(options)
    from .openpose import OpenPose  # noqa: PLC0415

    return OpenPose(options, compiled)


def _is_free(options: Options) -> bool:
    """Say whether the free network is meant: it stands in for OpenPose's COCO."""
    model = options.model_pose
    if model == "COCO":
        return not (Path(options.model_folder) / ARCHITECTURES[model].weights).exists()
    return not model


def compiled(model: onnx.ModelProto) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Make a graph ready to run on the processor, for inputs of any size.

    Raises:
        EngineError: OpenVINO cannot read it.
    """
    core = openvino.Core()
    try:
        network = core.compile_model(core.read_model(model.SerializeToString()), "CPU", CONFIG)
    except RuntimeError as error:
        raise EngineError(f"OpenVINO cannot run OpenPose's network: {error}") from error
    request = network.create_infer_request()

    def run(inputs: list[np.ndarray]) -> list[np.ndarray]:
        request.infer(dict(enumerate(inputs)), share_inputs=True)
        return [output.data.copy() for output in request.output_tensors]

    return run
