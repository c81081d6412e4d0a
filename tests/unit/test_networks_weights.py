"""Weights out of files of which nothing is believed."""

import contextlib
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posestream.networks import caffemodel
from posestream.networks.architectures import (
    ARCHITECTURES,
    CONVOLUTION,
    PIXELS,
    PRELU,
    Architecture,
    Layer,
)
from posestream.networks.caffemodel import WeightsError
from posestream.networks.weights import load

from . import random_weights
from .random_weights import blob, field, layer, varint

TINY = Architecture(
    "tiny",
    "hand/pose_iter_102000.caffemodel",
    parts=1,
    fields=0,
    layers=(
        Layer("conv", CONVOLUTION, (PIXELS,), 3, 2, 3),
        Layer("prelu", PRELU, ("conv",), 2, 2),
        Layer("out", CONVOLUTION, ("prelu",), 2, 2, 1),
    ),
)
ARRAYS = random_weights.weights(TINY, seed=1)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / TINY.weights
    file.parent.mkdir()
    return file


def read(path, content):
    path.write_bytes(content)
    return caffemodel.read(path)


def same(found, arrays, shape=tuple):
    assert list(found) == list(arrays)
    for name, some in arrays.items():
        assert len(found[name]) == len(some)
        for one, other in zip(found[name], some, strict=True):
            assert one.dtype == np.float32
            assert one.shape == shape(other.shape)
            assert (one.ravel() == other.ravel()).all()


@pytest.mark.parametrize("old", [False, True])
def test_arrays_are_read_as_written(path, old):
    found = read(path, random_weights.caffemodel(ARRAYS, old=old))
    same(found, ARRAYS, (lambda shape: (1, 1, 1, 1, *shape)[-4:]) if old else tuple)


def test_other_ways_to_write_the_same_numbers(path):
    array = np.arange(20_000, dtype=np.float32).reshape(2, -1)
    shape = field(7, field(1, 2) + field(1, 10_000))
    doubles = array.astype(float)
    ways = {
        "bare": b"".join(b"\x2d" + number.tobytes() for number in array.ravel()),
        "bare doubles": b"".join(
            b"\x41" + number.tobytes() for number in array.ravel().astype(float)
        ),
        "packed doubles": field(8, doubles.tobytes()),
        "two parts": field(5, array[0].tobytes()) + field(5, array[1].tobytes()),
        "long tag": b"".join(b"\xad\x00" + number.tobytes() for number in array.ravel()),
    }
    for name, numbers in ways.items():
        for content in (shape + numbers, numbers + shape):
            same(read(path, layer(name, [content])), {name: [array]})


def test_fields_of_no_interest_are_passed_over(path):
    content = (
        field(7, 1)
        + b"\x0d????"
        + b"\x09????????"
        + random_weights.caffemodel(ARRAYS)
        + layer("no weights", [])
        + field(100, 5)
    )
    same(read(path, content), ARRAYS)


def test_of_two_layers_of_one_name_the_last_one_counts(path):
    first, second = np.zeros(3, np.float32), np.ones(3, np.float32)
    same(read(path, layer("a", [blob(first)]) + layer("a", [blob(second)])), {"a": [second]})


def test_a_file_cut_short_anywhere_is_refused_or_has_fewer_layers(path):
    content = random_weights.caffemodel(ARRAYS)
    whole = []
    for size in range(len(content)):
        with contextlib.suppress(WeightsError):
            found = read(path, content[:size])
            same(found, dict(list(ARRAYS.items())[: len(found)]))
            whole.append(size)
    assert len(whole) == 2  # behind the first and the second layer


ONE = np.ones(1, np.float32)
NUMBER = field(5, ONE.tobytes())
SHAPE_OF_ONE = field(7, field(1, b"\x01"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no weights"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "byte 0 begins no field"),
        (field(1, b"only a name"), "holds no weights"),
        (b"\xff" * 11, "the integer at byte 0 has no end"),
        (b"\x80", "the integer at byte 0 has no end"),
        (varint(100 << 3 | 2) + varint(1 << 62) + b"x", "the field at byte 0 is cut short"),
        (b"\x0d??", "the field at byte 0 is cut short"),
        (layer("a", [field(7, field(1, b"\x02")) + NUMBER]), "1 numbers for 2"),
        (layer("a", [field(7, field(1, varint(1 << 62) * 2)) + NUMBER]), "numbers for 4611"),
        (layer("a", [field(7, field(1, varint(2**64 - 1))) + NUMBER]), "1 numbers for 18446744"),
        (layer("a", [field(7, field(1, b"\x01" * 33))]), "more than 32 dimensions"),
        (layer("a", [field(7, field(1, 1) * 33)]), "more than 32 dimensions"),
        (layer("a", [SHAPE_OF_ONE + field(5, b"12345")]), "not made of whole numbers"),
        (layer("a", [SHAPE_OF_ONE + field(5, 1)]), "not made of whole numbers"),
        (layer("a", [b""]), "0 numbers for no shape"),
        (field(1, b"") * (caffemodel.FIELDS_MAX + 1), "more than 100000 fields"),
        (b"\x0b", "byte 0 begins no field"),
    ],
)
def test_broken_files_are_refused_with_a_reason(path, content, says):
    with pytest.raises(WeightsError) as caught:
        read(path, content)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert "fetch it again" in str(caught.value)


def test_negative_and_huge_sizes_ask_for_no_memory(path):
    empty = field(7, field(1, varint(2**64 - 1) + varint(1 << 40)))
    with pytest.raises(WeightsError, match="0 numbers for 18446744073709551615 x 1099511627776"):
        read(path, layer("a", [empty]))
    nothing = field(7, field(1, varint(1 << 62) + varint(0)))
    with pytest.raises(WeightsError, match="0 numbers for 4611686018427387904 x 0"):
        read(path, layer("a", [nothing]))


def test_a_file_too_large_is_not_read(path, monkeypatch):
    monkeypatch.setattr(caffemodel, "BYTES_MAX", 10)
    with pytest.raises(WeightsError, match="has 11 bytes, too many"):
        read(path, b"x" * 11)


@given(st.binary(max_size=200), st.integers(0, 500), st.integers(0, 3))
def test_no_bytes_whatever_make_it_fail_otherwise(tmp_path_factory, junk, at, mode):
    content = random_weights.caffemodel(ARRAYS)
    content = (junk, content[:at] + junk, content[:at] + junk + content[at:], content[at:])[mode]
    path = tmp_path_factory.getbasetemp() / "junk.caffemodel"
    with contextlib.suppress(WeightsError):
        read(path, content)


def test_load_gives_what_the_network_needs_in_its_shapes(path, caplog):
    for old in (False, True):
        path.write_bytes(random_weights.caffemodel({**ARRAYS, "more": [ONE]}, old=old))
        with caplog.at_level(logging.WARNING):
            same(load(TINY, path.parents[1]), ARRAYS)
        assert f"{path} is not OpenPose's own" in caplog.text
        caplog.clear()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prelu": None}, "layer prelu is not in it:"),
        ({"prelu": None, "out": None}, "layer prelu is not in it (and 1 layers more):"),
        ({"out": ARRAYS["out"][:1]}, "layer out has arrays of 2x2x1x1, not 2x2x1x1, 2"),
        ({"conv": ARRAYS["out"]}, "layer conv has arrays of 2x2x1x1, 2, not 2x3x3x3, 2"),
        ({"prelu": [np.array([1, np.nan])]}, "layer prelu has numbers that are not finite"),
    ],
)
def test_load_refuses_another_networks_file(path, change, says):
    arrays = {name: some for name, some in (ARRAYS | change).items() if some is not None}
    path.write_bytes(random_weights.caffemodel(arrays))
    with pytest.raises(WeightsError) as caught:
        load(TINY, path.parents[1])
    assert f"{path} is not one for tiny: {says}" in str(caught.value)


def test_load_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WeightsError, match=r"pose_iter_440000\.caffemodel is missing: fetch it"):
        load(ARCHITECTURES["COCO"], tmp_path)


def test_load_names_a_file_that_cannot_be_read(path):
    path.mkdir()
    with pytest.raises(WeightsError, match="cannot be read: Is a directory"):
        load(TINY, path.parents[1])
