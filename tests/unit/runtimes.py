"""Ways to run an ONNX model once, on the processor."""

import numpy as np
import onnxruntime
import openvino


def run_onnxruntime(model, inputs):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def run_openvino(model, inputs):
    core = openvino.Core()
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [np.array(value) for value in compiled(inputs).values()]


RUNTIMES = {"onnxruntime": run_onnxruntime, "openvino": run_openvino}
