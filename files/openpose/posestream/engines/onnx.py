"""OpenPose's own networks on an NVIDIA GPU, by ONNX Runtime's CUDA provider.

It sees one GPU: the container has only that one. Several frames go through the network at once
where they are waiting. Convolutions are computed in half precision, unless single precision is
asked for; all that comes after them, in single.
"""

from __future__ import annotations

import functools

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from ..networks.graph import IR_VERSION, OPSET
from . import EngineError, Options
from .openpose import OpenPose, Run

PROVIDER = "CUDAExecutionProvider"
BATCH = 8  # frames
MEMORY = 6 * 1024**3  # bytes of the GPU's that tensors may take up

_CUDA = {
    "gpu_mem_limit": str(MEMORY),
    # Else each growth doubles what is held of the GPU's memory.
    "arena_extend_strategy": "kSameAsRequested",
    # Cameras of many sizes: to try out all algorithms for each of them would take seconds.
    "cudnn_conv_algo_search": "HEURISTIC",
    # Single precision means it: without this, GPUs since Ampere round to 10 bits.
    "use_tf32": "0",
}


def create(options: Options) -> OpenPose:
    """Make the engine, see `posestream.engines.create`.

    It has worked on a first, empty frame then: a GPU that is newer than the library's code compiles
    that code first, once.
    """
    _check_gpu()
    engine = OpenPose(options, compiled, batch=BATCH, half=options.precision == "half")
    try:
        engine.detect([np.zeros((480, 640, 3), np.uint8)])
    except Exception as error:  # ONNX Runtime's own have no base of their own
        raise EngineError(f"ONNX Runtime fails on this GPU: {_one_line(error)}") from error
    return engine


def _check_gpu() -> None:
    """Compile the least of graphs: without a GPU nothing else is worth the wait."""
    ends = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    node = helper.make_node("Neg", ["x"], ["y"])
    graph = helper.make_graph([node], "check", *([end] for end in ends))
    opset = helper.make_opsetid("", OPSET)
    compiled(helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset]))


def compiled(model: onnx.ModelProto) -> Run:
    """Make a graph ready to run on the GPU.

    Raises:
        EngineError: there is no GPU that can be used, or ONNX Runtime cannot read the graph.
    """
    if PROVIDER not in onnxruntime.get_available_providers():
        raise EngineError(
            "this image's ONNX Runtime knows no GPUs: use the image that the role builds for "
            "openpose_engine: onnx, or WORKER_ENGINE=openvino"
        )
    try:
        # Without a fallback: else the session would be one for the processor, without an error.
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=[(PROVIDER, _CUDA)], enable_fallback=0
        )
    except Exception as error:
        raise EngineError(_no_gpu(_one_line(error))) from error
    if session.get_providers()[0] != PROVIDER:
        raise EngineError(_no_gpu("its own messages stand above in this log"))
    inputs = [each.name for each in session.get_inputs()]
    return functools.partial(_run, session, inputs)


def _run(
    session: onnxruntime.InferenceSession, names: list[str], inputs: list[np.ndarray]
) -> list[np.ndarray]:
    return session.run(None, dict(zip(names, inputs, strict=True)))


def _no_gpu(why: str) -> str:
    return (
        f"ONNX Runtime cannot use a GPU: {why}: nvidia-smi in this container should show one; if "
        "it does not, look at the host's driver and container toolkit (playbooks/gpu_check.yml)"
    )


def _one_line(error: Exception) -> str:
    """Return what CUDA says, if it is its error; ONNX Runtime puts signatures of C++ before it."""
    said = " ".join(str(error).split())
    return said[max(0, said.find("CUDA failure")) :][:500]
