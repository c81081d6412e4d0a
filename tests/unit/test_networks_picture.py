"""Frames as the networks want them."""

import numpy as np
import pytest
from posestream.networks.picture import back_by, fit, net_size, scale_sizes, scaled_by


@pytest.mark.parametrize(
    ("frame", "resolution", "size"),
    [
        ((1280, 720), (-1, 368), (656, 368)),
        ((640, 480), (-1, 368), (496, 368)),
        ((720, 1280), (-1, 368), (208, 368)),
        ((768, 576), (-1, 432), (576, 432)),
        ((1920, 800), (-1, 368), (656, 368)),  # wider than 16:9
        ((720, 1280), (656, -1), (656, 368)),  # higher than that
        ((1920, 800), (656, -1), (656, 272)),
        ((10, 20_000), (-1, 368), (16, 368)),
        ((20_000, 10), (656, -1), (656, 16)),
        ((640, 480), (160, 96), (160, 96)),
    ],
)
def test_net_size(frame, resolution, size):
    assert net_size(frame, resolution) == size


def test_scale_sizes():
    sizes = [(656, 368), (480, 272), (320, 176), (160, 80)]
    assert scale_sizes((656, 368), 4, 0.25) == sizes
    assert scale_sizes((656, 368), 1, 0.25) == sizes[:1]
    assert scale_sizes((32, 16), 2, 0.9) == [(32, 16), (16, 16)]


@pytest.mark.parametrize(("number", "gap"), [(5, 0.25), (2, -0.1), (3, 0.6)])
def test_scales_that_come_to_nothing(number, gap):
    with pytest.raises(ValueError, match="come to nothing"):
        scale_sizes((656, 368), number, gap)


def test_scale_is_from_centre_to_centre():
    assert scaled_by((641, 481), (161, 97)) == 0.2
    assert scaled_by((641, 481), (321, 121)) == 0.25
    assert scaled_by((1, 11), (16, 16)) == 1.5
    assert scaled_by((1, 1), (16, 16)) == 1


def test_back_again():
    # 768 x 576 becomes 126.9 x 95.2, of which OpenPose counts 127 x 95.
    scale = scaled_by((768, 576), (160, 96))
    assert scale == pytest.approx(95 / 575)
    assert back_by((768, 576), scale) == pytest.approx(767 / 126)


def places(scale, side):
    """Where OpenCV 4 looks, in whole 1/32 of a pixel."""
    return np.floor((np.rint(np.arange(side) / scale * 1024) + 16) / 32) / 32


def between(frame, xs, ys):
    """Read the frame, with black around it, bilinearly at these columns and rows."""
    padded = np.pad(frame.astype(float), ((1, 99), (1, 99), (0, 0)))
    for axis, at in ((0, ys + 1), (1, xs + 1)):
        left = np.floor(at).astype(int).clip(max=padded.shape[axis] - 2)
        way = np.expand_dims(at - np.floor(at), tuple({0, 1, 2} - {axis}))
        padded = padded.take(left, axis) * (1 - way) + padded.take(left + 1, axis) * way
    return padded


@pytest.mark.parametrize(("frame_size", "size"), [((100, 61), (64, 48)), ((70, 90), (64, 32))])
def test_smaller_frames_are_between_their_pixels(frame_size, size):
    frame = np.random.default_rng(0).integers(0, 256, (*frame_size[::-1], 3), np.uint8)
    found, scale = fit(frame, size)
    assert found.shape == (*size[::-1], 3)
    assert found.dtype == np.uint8
    assert scale == scaled_by(frame_size, size)
    expected = between(frame, *(places(scale, side) for side in size))
    assert np.abs(found - expected).max() < 1
    inside = [int(side * scale) + 2 for side in frame_size]
    assert not found[inside[1] :].any()
    assert not found[:, inside[0] :].any()
    assert found[:, : inside[0] - 3].any(axis=2).mean() > 0.6


def test_larger_frames_are_bicubic():
    """Between columns that differ by a step it goes beyond them, as no bilinear picture does."""
    frame = np.full((20, 30, 3), 100, np.uint8)
    frame[:, 15:] = 150
    found, scale = fit(frame, (64, 48))
    assert scale == pytest.approx(63 / 29)
    assert found[20].min() < 100
    assert found[20].max() > 150
    assert (found[48 - 4 :] == 0).all()


def test_a_frame_of_the_right_size_stays_as_it_is():
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    found, scale = fit(frame, (64, 48))
    assert scale == 1
    assert (found == frame).all()
    found[:] = 0
    assert frame.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2)])
def test_the_smallest_frames(shape):
    found, _ = fit(np.full((*shape, 3), 200, np.uint8), (32, 16))
    assert found.shape == (16, 32, 3)
    assert (found[0, 0] == 200).all()
