"""Engines: pixels in, people out. Every engine speaks the same two words, skeleton and detect."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from ..poses import People
from ..skeletons import Skeleton

# Each engine's module is imported only when it is asked for: they need different libraries.
_ENGINES = {"openvino": ".openvino"}
NAMES = tuple(_ENGINES)


class EngineError(RuntimeError):
    """An engine cannot start: its model is missing or broken, or its library is."""


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
        model: the network's file; without it the engine takes its usual place in the image.
    """

    net_resolution: tuple[int, int] = (-1, 432)
    number_people_max: int = -1
    model: Path | None = None


def create(name: str, options: Options) -> Engine:
    """Make an engine ready to work.

    Raises:
        ValueError: there is no engine of this name.
        EngineError: the engine cannot start.
    """
    if name not in _ENGINES:
        raise ValueError(f"no engine is called {name!r}: use one of {', '.join(NAMES)}")
    return import_module(_ENGINES[name], __package__).create(options)
