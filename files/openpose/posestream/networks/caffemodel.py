"""Reads the trained numbers out of Caffe's .caffemodel files, which are Protocol Buffers messages.

Only what holds weights is looked at: a NetParameter's layers, their names and blobs (field numbers
of caffe.proto: `layer` is 100, or 2 as it was before 2014). Such files come from the network, so
nothing in them is believed: lengths, shapes and the number of fields are checked before use.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

BYTES_MAX = 1 << 30  # of a file; OpenPose's largest has 209 MB
FIELDS_MAX = 100_000  # of a file
DIMENSIONS_MAX = 32  # of an array, as in Caffe and NumPy

# Wire types of Protocol Buffers; numbers of a fixed width have one of NumPy's.
_VARINT, _BYTES = 0, 2
_FIXED = {1: np.dtype("<f8"), 5: np.dtype("<f4")}
_VARINT_BYTES_MAX = 10
_RUN_MAX = 4096  # numbers that stand alone, each behind its tag, are taken so many at a time
# Fields of NetParameter that are layers, with the fields of those: name, blobs.
_LAYERS = {100: (1, 7), 2: (4, 6)}
# Fields of BlobProto; the old shape is number, channels, height, width.
_OLD_SHAPE, _SHAPE = (1, 2, 3, 4), 7
_NUMBERS = {5: np.dtype("<f4"), 8: np.dtype("<f8")}

FETCH = "fetch it with playbooks/models.yml, or copy it there"
CURE = "remove it, and fetch it again (playbooks/models.yml)"

# What a field holds: an integer, bytes (a message, a text, packed numbers), or bare numbers.
_Value = int | slice | np.ndarray


class WeightsError(ValueError):
    """A network's file is missing, broken, or another network's. Says which, and what to do."""


class _BrokenError(Exception):
    """Something in the bytes is not as it should be."""


def read(path: Path) -> dict[str, list[np.ndarray]]:
    """Read the arrays of all layers that have some, by the layers' names.

    Returns float32 arrays in the order and with the shapes that the file gives them (old files:
    always four dimensions). They are read-only, share the file's bytes, and may be unaligned.

    Raises:
        WeightsError: the file is missing, cannot be read, or is no .caffemodel.
    """
    try:
        if (size := path.stat().st_size) > BYTES_MAX:
            raise WeightsError(f"the network's file {path} has {size} bytes, too many: {CURE}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"the network's file {path} is missing: {FETCH}") from None
    except OSError as error:
        raise WeightsError(
            f"the network's file {path} cannot be read: {error.strerror}: make it readable to all"
        ) from error
    try:
        layers = _Reader(data).layers()
    except _BrokenError as error:
        raise WeightsError(
            f"the network's file {path} is no .caffemodel, or a damaged one: {error}: {CURE}"
        ) from None
    if not layers:
        raise WeightsError(f"the network's file {path} holds no weights: {CURE}")
    return layers


class _Reader:
    """Reads messages, all of which are slices of one buffer."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._fields_left = FIELDS_MAX

    def layers(self) -> dict[str, list[np.ndarray]]:
        """Return the arrays by layer; of two layers of one name the last one's, as Caffe does."""
        found = {}
        for number, layer in self._fields(slice(0, len(self._data))):
            if number not in _LAYERS or not isinstance(layer, slice):
                continue
            name_field, blobs_field = _LAYERS[number]
            name, blobs = "", []
            for field, value in self._fields(layer):
                if field == name_field and isinstance(value, slice):
                    name = self._data[value].decode(errors="replace")
                elif field == blobs_field and isinstance(value, slice):
                    blobs.append(value)
            if blobs:
                found[name] = [self._array(blob, name) for blob in blobs]
        return found

    def _array(self, blob: slice, layer: str) -> np.ndarray:
        shape: list[int] = []
        old_shape: dict[int, int] = {}
        chunks = [np.empty(0, "<f4")]
        for field, value in self._fields(blob):
            if field in _NUMBERS:
                chunks.append(self._numbers(value, _NUMBERS[field]))
            elif field == _SHAPE and isinstance(value, slice):
                shape = self._dimensions(value)
            elif field in _OLD_SHAPE and isinstance(value, int):
                old_shape[field] = value
        numbers = chunks[-1] if len(chunks) <= 2 else np.concatenate(chunks)
        if old_shape and not shape:
            shape = [old_shape.get(field, 1) for field in _OLD_SHAPE]
        if math.prod(shape) != numbers.size or not numbers.size:
            sides = " x ".join(map(str, shape)) or "no shape"
            raise _BrokenError(f"layer {layer[:80]!r} has {numbers.size} numbers for {sides}")
        with np.errstate(all="ignore"):  # what is too large becomes infinite
            return numbers.astype("<f4", copy=False).reshape(shape)

    def _dimensions(self, message: slice) -> list[int]:
        """Read a BlobShape's numbers, packed or one by one."""
        sizes: list[int] = []
        for field, value in self._fields(message):
            if field == 1 and isinstance(value, int):
                sizes.append(value)
            elif field == 1 and isinstance(value, slice):
                at = value.start
                while at < value.stop and len(sizes) <= DIMENSIONS_MAX:
                    size, at = self._varint(at, value.stop)
                    sizes.append(size)
        if len(sizes) > DIMENSIONS_MAX:
            raise _BrokenError(f"an array has more than {DIMENSIONS_MAX} dimensions")
        return sizes

    def _numbers(self, value: _Value, kind: np.dtype) -> np.ndarray:
        """Take packed numbers, or bare ones."""
        if isinstance(value, np.ndarray) and value.dtype == kind:
            return value
        if not isinstance(value, slice) or (value.stop - value.start) % kind.itemsize:
            raise _BrokenError("an array is not made of whole numbers of its kind")
        size = value.stop - value.start
        return np.frombuffer(self._data, kind, size // kind.itemsize, value.start)

    def _fields(self, message: slice) -> Iterator[tuple[int, _Value]]:
        """Read the fields of a message, by number, in the file's order."""
        at, end = message.start, message.stop
        while at < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise _BrokenError(f"it has more than {FIELDS_MAX} fields")
            start = at
            tag, at = self._varint(at, end)
            value: _Value
            if tag & 7 == _VARINT:
                value, at = self._varint(at, end)
            elif tag & 7 == _BYTES:
                size, at = self._varint(at, end)
                value, at = slice(at, at + size), at + size
            elif tag & 7 in _FIXED:
                value = self._bare(start, at, end, _FIXED[tag & 7])
                at = start + len(value) * (at - start + value.itemsize)
            else:
                raise _BrokenError(f"byte {start} begins no field")
            if at > end or at == start:
                raise _BrokenError(f"the field at byte {start} is cut short")
            yield tag >> 3, value

    def _bare(self, start: int, behind_tag: int, end: int, kind: np.dtype) -> np.ndarray:
        """Take the numbers that follow one another behind the same tag, the first one's."""
        tag = behind_tag - start
        step = tag + kind.itemsize
        count = min(_RUN_MAX, (end - start) // step)
        tags = np.ndarray((count, tag), np.uint8, self._data, start, (step, 1))
        other = (tags != tags[:1]).any(axis=1)
        count = int(other.argmax()) if other.any() else count
        return np.ndarray((count,), kind, self._data, start + tag, (step,)) if count else tags[:, 0]

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Read an unsigned integer; return it and the place behind it."""
        number = 0
        for count, byte in enumerate(self._data[at : min(end, at + _VARINT_BYTES_MAX)]):
            number |= (byte & 0x7F) << 7 * count
            if byte < 0x80:
                return number, at + count + 1
        raise _BrokenError(f"the integer at byte {at} has no end")
