"""Engines: pixels in, people out. Every engine speaks the same two words, skeleton and detect."""

from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from ..poses import People
from ..skeletons import Skeleton

# Each engine's module is imported only when it is asked for: they need different libraries.
_ENGINES = {"openvino": ".openvino", "onnx": ".onnx", "pyopenpose": ".pyopenpose"}
NAMES = tuple(_ENGINES)


class EngineError(RuntimeError):
    """An engine cannot start: its model, its library or its GPU is missing or broken."""


class Engine(Protocol):
    """What the rest of the program knows of an engine. One thread at a time may use it.

    Attributes:
        skeleton: the body model of its people.
        batch: with how many frames at a time it is fastest.
    """

    skeleton: Skeleton
    batch: int

    def detect(self, frames: list[np.ndarray]) -> list[People]:
        """Find the people in frames, each uint8 (height, width, 3), blue, green, red.

        The frames may differ in size. Any number is taken; `batch` at a time is what is fast.
        """


@dataclass(frozen=True)
class Options:
    """What can be chosen, under OpenPose's own names where it has one.

    Which engine knows which of them: `flags.ABLE`, by which the settings refuse the others.

    Attributes:
        net_resolution: (width, height) of the network's input, multiples of 16; one of them may be
            -1 and then follows from the frame's aspect.
        number_people_max: give the so many largest people of the best scores, as OpenPose does; 0
            or less means all of them.
        maximize_positives: take parts and people of lower scores, too (OpenPose's lower bounds).
        model: the free network's file; without it the engine takes its usual place in the image.
        model_pose: the body model, a key of `skeletons.BY_MODEL`; "" is the engine's own.
        model_folder: where the networks' files (*.caffemodel) are, laid out as OpenPose's models/.
        scale_number: how many scales of the frame are looked at, their results averaged.
        scale_gap: from one scale to the next, of the first one's size.
        face: look for the points of faces, too.
        face_net_resolution: (width, height) of that network's input, the same multiple of 16.
        hand: look for the points of hands, too.
        hand_net_resolution: (width, height) of that network's input, the same multiple of 16.
        tracking: frames on which somebody is only followed between two detections; 0 to do both on
            each frame, -1 to follow nobody. Needs a number_people_max of 1.
        rules: "gpu" or "processor": which of OpenPose's own two codes is followed where they differ
            (`poses.rules`).
        precision: "half" or "single": in which floating point a GPU computes the networks.
    """

    net_resolution: tuple[int, int] = (-1, 432)
    number_people_max: int = -1
    maximize_positives: bool = False
    model: Path | None = None
    model_pose: str = ""
    model_folder: str = "/srv/openpose/models"
    scale_number: int = 1
    scale_gap: float = 0.25
    face: bool = False
    face_net_resolution: tuple[int, int] = (368, 368)
    hand: bool = False
    hand_net_resolution: tuple[int, int] = (368, 368)
    tracking: int = -1
    rules: str = "gpu"
    precision: str = "half"


def options(*settings: object) -> Options:
    """Return what an engine is told: what goes by the same name in groups of settings."""
    names = {entry.name for entry in fields(Options)}
    said = ((name, value) for group in settings for name, value in vars(group).items())
    return Options(**{name: value for name, value in said if name in names})


def create(name: str, options: Options) -> Engine:
    """Make an engine ready to work.

    Raises:
        ValueError: there is no engine of this name.
        EngineError: the engine cannot start.
    """
    if name not in _ENGINES:
        raise ValueError(f"no engine is called {name!r}: use one of {', '.join(NAMES)}")
    return import_module(_ENGINES[name], __package__).create(options)
