"""A network's trained numbers: found, read, and held against what the network needs."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..models import MODELS
from . import caffemodel
from .architectures import Architecture
from .caffemodel import CURE, WeightsError

log = logging.getLogger(__name__)

Weights = Mapping[str, tuple[np.ndarray, ...]]


def load(architecture: Architecture, folder: Path | str) -> dict[str, tuple[np.ndarray, ...]]:
    """Read a network's weights from OpenPose's folder models/.

    Returns for each layer of `architecture.shapes` its float32 arrays in these shapes. Layers that
    the network has not are left out. A file that fits, but is not OpenPose's own, is taken with a
    warning in the log: networks trained by others are welcome.

    Raises:
        WeightsError: the file is missing, no .caffemodel, or another network's.
    """
    path = Path(folder) / architecture.weights
    found = caffemodel.read(path)
    own = md5(path) == MODELS[architecture.weights][0]
    problems = [
        problem
        for name, shapes in architecture.shapes.items()
        if (problem := _problem(name, found.get(name), shapes))
    ]
    if problems:
        more = f" (and {len(problems) - 1} layers more)" if len(problems) > 1 else ""
        raise WeightsError(
            f"the network's file {path} is not one for {architecture.name}: {problems[0]}{more}: "
            + (CURE if not own else "this program does not know its own network, a bug")
        )
    if not own:
        log.warning(
            "the network's file %s is not OpenPose's own (its MD5 sum is another): it is used", path
        )
    return {
        name: tuple(array.reshape(shape) for array, shape in zip(found[name], shapes, strict=True))
        for name, shapes in architecture.shapes.items()
    }


def _problem(
    layer: str, arrays: list[np.ndarray] | None, shapes: tuple[tuple[int, ...], ...]
) -> str:
    """Say what is wrong with a layer's arrays; "" where nothing is."""
    if arrays is None:
        return f"layer {layer} is not in it"
    if [_core(array.shape) for array in arrays] != [_core(shape) for shape in shapes]:
        has, needs = (
            ", ".join("x".join(map(str, shape)) for shape in some)
            for some in ([array.shape for array in arrays], shapes)
        )
        return f"layer {layer} has arrays of {has}, not {needs}"
    if not all(np.isfinite(array).all() for array in arrays):
        return f"layer {layer} has numbers that are not finite"
    return ""


def _core(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out the leading ones: old files give every array four dimensions."""
    first = next((place for place, size in enumerate(shape) if size != 1), len(shape))
    return shape[first:]


def md5(path: Path) -> str:
    """Return a file's MD5 sum, by which OpenPose tells its networks; raises OSError."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
