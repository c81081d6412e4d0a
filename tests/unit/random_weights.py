"""Random weights for OpenPose's networks, and .caffemodel files to put weights into.

The numbers are those with which tests/unit/data/openpose-seed0.npz was made.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from posestream.networks.architectures import CONVOLUTION, Architecture


def weights(architecture: Architecture, seed: int = 0) -> dict[str, tuple[np.ndarray, ...]]:
    """Make He-initialized convolutions without biases, and slopes of 0.25, layer by layer."""
    rng = np.random.default_rng(seed)
    made = {}
    for layer in architecture.layers:
        if layer.kind == CONVOLUTION:
            kernels, biases = layer.shapes
            scale = np.sqrt(2 / np.prod(kernels[1:]))
            made[layer.name] = (
                (rng.standard_normal(kernels) * scale).astype(np.float32),
                np.zeros(biases, np.float32),
            )
        elif layer.shapes:
            made[layer.name] = (np.full(layer.shapes[0], 0.25, np.float32),)
    return made


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, value: bytes | int) -> bytes:
    """Make a field of a protobuf message: an integer, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array: np.ndarray) -> bytes:
    """BlobProto as Caffe has written it since 2014."""
    shape = field(1, b"".join(varint(size) for size in array.shape))
    return field(7, shape) + field(5, array.astype("<f4").tobytes())


def old_blob(array: np.ndarray) -> bytes:
    """BlobProto as Caffe wrote it before."""
    shape = (1, 1, 1, 1, *array.shape)[-4:]
    sides = b"".join(field(number, size) for number, size in enumerate(shape, 1))
    return sides + field(5, array.astype("<f4").tobytes())


def layer(name: str, blobs: Iterable[bytes]) -> bytes:
    """NetParameter.layer of LayerParameter."""
    kind = field(1, name.encode()) + field(2, b"Convolution")
    return field(100, kind + b"".join(field(7, one) for one in blobs))


def old_layer(name: str, blobs: Iterable[bytes]) -> bytes:
    """NetParameter.layers of V1LayerParameter."""
    kind = field(4, name.encode()) + field(5, 4)
    return field(2, kind + b"".join(field(6, one) for one in blobs))


def caffemodel(arrays: Mapping[str, Iterable[np.ndarray]], *, old: bool = False) -> bytes:
    """Make a whole file."""
    a_layer, a_blob = (old_layer, old_blob) if old else (layer, blob)
    return field(1, b"a network") + b"".join(
        a_layer(name, [a_blob(array) for array in some]) for name, some in arrays.items()
    )
