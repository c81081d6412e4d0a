"""Engines: pixels in, people out. Every engine speaks the same two words, skeleton and detect."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from ..poses import People
from ..skeletons import Skeleton

# Each engine's module is imported only when it is asked for: they need different libraries.
_ENGINES = {"openvino": ".openvino", "pyopenpose": ".pyopenpose"}
NAMES = tuple(_ENGINES)


class EngineError(RuntimeError):
    """An engine cannot start: its model, its library or its GPU is missing or broken."""


class Engine(Protocol):
    """What the rest of the program knows of an engine. One thread at a time may use it."""

    skeleton: Skeleton

    def detect(self, frame: np.ndarray) -> People:
        """Find the people in a frame, uint8 (height, width, 3), blue, green, red."""


@dataclass(frozen=True)
class Options:
    """What can be chosen, under OpenPose's own names where it has one.

    Attributes:
        net_resolution: (width, height) of the network's input, multiples of 16; one of them may be
            -1 and then follows from the frame's aspect.
        number_people_max: give the so many best people; 0 or less means all of them.
        model: openvino: the network's file; without it the engine takes its usual place in the
            image.

    Of pyopenpose alone; the settings refuse them for other engines:
        model_pose: the body model, a key of `skeletons.BY_MODEL`; "" is BODY_25.
        model_folder: where the networks' files (*.caffemodel) are, laid out as OpenPose's models/.
        scale_number: how many scales of the frame are looked at, their results averaged.
        scale_gap: from one scale to the next, of the first one's size.
        face: look for the points of faces, too.
        face_net_resolution: (width, height) of that network's input, the same multiple of 16.
        hand: look for the points of hands, too.
        hand_net_resolution: (width, height) of that network's input, the same multiple of 16.
        tracking: frames on which somebody is only followed between two detections; 0 to do both on
            each frame, -1 to follow nobody. Needs a number_people_max of 1.
    """

    net_resolution: tuple[int, int] = (-1, 432)
    number_people_max: int = -1
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


def create(name: str, options: Options) -> Engine:
    """Make an engine ready to work.

    Raises:
        ValueError: there is no engine of this name.
        EngineError: the engine cannot start.
    """
    if name not in _ENGINES:
        raise ValueError(f"no engine is called {name!r}: use one of {', '.join(NAMES)}")
    return import_module(_ENGINES[name], __package__).create(options)
