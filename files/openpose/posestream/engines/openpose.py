"""OpenPose's own networks, without OpenPose: what the engines have in common that run them.

The frame is scaled as OpenPose scales it, one graph goes from the pixels to the peaks of its heat
maps (`networks.graph`), and people are made of these by OpenPose's rules (`poses`). What runs the
graph, and on what, is the engine's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import onnx

from .. import poses, skeletons
from ..networks import graph, picture, regions, weights
from ..networks.architectures import ARCHITECTURES
from ..poses import People
from . import EngineError, Options

SQUARES = 8  # faces or hands in one run of their network: its memory stays bounded
DETAILS = {"face": skeletons.FACE_70, "hand": skeletons.HAND_21}

# Runs a graph: one array for each of its inputs, in their order; so for its outputs.
Run = Callable[[list[np.ndarray]], list[np.ndarray]]
Compile = Callable[[onnx.ModelProto], Run]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Frames that can go through the network together, in its own size.

    Attributes:
        numbers: which ones of the engine's frames they are.
        frame_sizes: (width, height) of each.
        inputs: the graph's, see `networks.graph`.
        scales: pixels of the network's input per pixel of the frame, of each.
    """

    numbers: list[int]
    frame_sizes: list[tuple[int, int]]
    inputs: list[np.ndarray]
    scales: list[float]


class OpenPose:
    """An engine of OpenPose's networks. Not for use by several threads at a time.

    Raises:
        EngineError: a network's file is missing or broken, or the graph cannot be run.
    """

    def __init__(
        self, options: Options, compiled: Compile, *, batch: int = 1, half: bool = False
    ) -> None:
        """Read the networks that are wanted and make them ready.

        Args:
            options: what is asked of the engine.
            compiled: what makes a graph ready to run; raises EngineError where it cannot.
            batch: frames that go through the network at once, at the most; a power of two.
            half: compute the networks in half precision.
        """
        self.model = options.model_pose or "BODY_25"
        self.batch, self.half, self.compiled = batch, half, compiled
        self.skeleton = skeletons.BY_MODEL[self.model]
        self.options = options
        self._rules = poses.RULES[options.rules]
        self._thresholds = poses.thresholds_of(
            self.model, maximize_positives=options.maximize_positives
        )
        names = [self.model, *(name for name in DETAILS if getattr(options, name))]
        try:
            loaded = {
                name: weights.load(ARCHITECTURES[name], options.model_folder) for name in names
            }
        except weights.WeightsError as error:
            raise EngineError(str(error)) from error
        self._runs = {
            name: compiled(
                graph.build(
                    ARCHITECTURES[name],
                    found,
                    rules=self._rules,
                    half=half,
                    scales=options.scale_number if name == self.model else 1,
                    peak_min=self._thresholds.peak,
                )
            )
            for name, found in loaded.items()
        }

    def detect(self, frames: list[np.ndarray]) -> list[People]:
        """Find the people in frames, each uint8 (height, width, 3), blue, green, red."""
        found: dict[int, People] = {}
        for fitted in self.fit(frames):
            people = self.people(fitted, *self.infer(fitted.inputs))
            found |= zip(fitted.numbers, people, strict=True)
        return [self._with_details(frames[number], found[number]) for number in range(len(frames))]

    def fit(self, frames: list[np.ndarray]) -> list[Fitted]:
        """Scale frames to the network's size, and put those together that can go through it so.

        So many frames at once as there are powers of two up to `batch`: a library that looks for
        the fastest way does so for each shape anew.
        """
        waiting: dict[tuple, list[int]] = {}
        for number, frame in enumerate(frames):
            waiting.setdefault(self._sizes(frame), []).append(number)
        fitted = []
        for (sizes, *ratios), numbers in waiting.items():
            while numbers:
                count = 1 << min(self.batch, len(numbers)).bit_length() - 1
                taken, numbers = numbers[:count], numbers[count:]  # noqa: PLW2901
                scaled = [[picture.fit(frames[n], size) for n in taken] for size in sizes]
                inputs = [np.stack([pixels for pixels, _ in pictures]) for pictures in scaled]
                if self._rules.smaller_scales == "by_ratio" and len(sizes) > 1:
                    inputs.append(np.array(ratios, np.float32))
                frame_sizes = [(frames[n].shape[1], frames[n].shape[0]) for n in taken]
                scales = [scale for _, scale in scaled[0]]
                fitted.append(Fitted(taken, frame_sizes, inputs, scales))
        return fitted

    def infer(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Run the network of bodies: peaks and fields, see `networks.graph`."""
        return self._runs[self.model](inputs)

    def people(self, fitted: Fitted, peaks: np.ndarray, fields: np.ndarray) -> list[People]:
        """Put the people of frames together."""
        parts = len(self.skeleton.parts)
        return [
            poses.from_peaks(
                poses.split(peaks[peaks[:, 0] == row, 1:], parts),
                fields[row],
                self.skeleton,
                stride=fitted.inputs[0].shape[2] // fields.shape[3],
                scale=picture.back_by(size, scale),
                rules=self._rules,
                thresholds=self._thresholds,
                number_people_max=self.options.number_people_max,
            )
            for row, (size, scale) in enumerate(zip(fitted.frame_sizes, fitted.scales, strict=True))
        ]

    def _sizes(self, frame: np.ndarray) -> tuple:
        """Return the network's sizes for a frame, one for each scale, and their ratios."""
        options, size = self.options, (frame.shape[1], frame.shape[0])
        sizes = picture.scale_sizes(
            picture.net_size(size, options.net_resolution), options.scale_number, options.scale_gap
        )
        first, *others = (picture.scaled_by(size, each) for each in sizes)
        return tuple(sizes), *(other / first for other in others)

    def _with_details(self, frame: np.ndarray, people: People) -> People:
        """Return people with their faces and hands, where these are looked for."""
        found = {}
        if "face" in self._runs:
            squares = regions.faces(people.keypoints, self.skeleton)
            found["faces"] = self._points("face", frame, squares, [False] * len(people))
        if "hand" in self._runs:
            squares = regions.hands(people.keypoints, self.skeleton).reshape(-1, 3)
            # The network knows right hands; a left one is one in the mirror.
            hands = self._points("hand", frame, squares, [True, False] * len(people))
            found["hands"] = hands.reshape(len(people), 2, *hands.shape[1:])
        return dataclasses.replace(people, **found)

    def _points(
        self, name: str, frame: np.ndarray, squares: np.ndarray, mirrored: list[bool]
    ) -> np.ndarray:
        """Return the points in squares (n, 3) of the frame, (n, points, 3); 0 where none is."""
        size = getattr(self.options, f"{name}_net_resolution")[0]
        found = np.zeros((len(squares), len(DETAILS[name].parts), 3), np.float32)
        there = np.flatnonzero(squares[:, 2])
        for first in range(0, len(there), SQUARES):
            some = there[first : first + SQUARES]
            crops = [
                regions.crop(frame, squares[row], size, mirrored=mirrored[row]) for row in some
            ]
            (points,) = self._runs[name]([np.stack(crops)])
            for row, own in zip(some, points, strict=True):
                found[row] = regions.back(own, squares[row], size, mirrored=mirrored[row])
        return found
