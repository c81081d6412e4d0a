"""The graph from pixels to peaks, of small networks, against the plainest way to compute it."""

import cv2
import numpy as np
import onnx
import pytest
from posestream.networks.architectures import (
    CONCAT,
    CONVOLUTION,
    PIXELS,
    POOL,
    PRELU,
    RELU,
    Architecture,
    Layer,
)
from posestream.networks.graph import build
from posestream.poses import GPU, PROCESSOR

from . import random_weights
from .runtimes import RUNTIMES, run_onnxruntime

RULES = {"GPU": GPU, "PROCESSOR": PROCESSOR}


def colours(parts=2, fields=2):
    """Make a network whose maps are mixtures of each 8 x 8 pixels' colours, of -0.5 to 0.5."""
    pools = [Layer(f"pool{n}", POOL, (f"pool{n - 1}" if n else PIXELS,), 3, 3) for n in range(3)]
    mixing = Layer("mixing", CONVOLUTION, ("pool2",), 3, parts + 1 + fields, 1)
    network = Architecture("colours", "", parts, fields, (*pools, mixing))
    mixed = np.random.default_rng(5).integers(-4, 5, mixing.shapes[0]) / 4
    return network, {"mixing": (mixed, np.full(mixing.shapes[1], 0.25))}


def mosaic(rows, columns, seed=0):
    """Make a picture of random 8 x 8 tiles."""
    tiles = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)
    return tiles.repeat(8, axis=0).repeat(8, axis=1)


def cells(weights, pixels):
    """Compute what the network `colours` says: (channels, rows, columns)."""
    kernels, biases = weights["mixing"]
    mixed = (pixels[::8, ::8] / 256 - 0.5) @ kernels[:, :, 0, 0].T + biases
    return mixed.transpose(2, 0, 1).astype(np.float32)


def hermite(line, place):
    """Read a line between its cells, as OpenPose's CUDA code has it."""
    end = len(line) - 1
    left = min(max(int(np.floor(place)), 0), end)
    before, first, second, behind = (line[min(max(left + n, 0), end)] for n in (-1, 0, 1, 2))
    way = place - left
    slopes = (second - before) / 2, (behind - first) / 2
    return (
        first * (1 - way) ** 2 * (1 + 2 * way)
        + second * way**2 * (3 - 2 * way)
        + slopes[0] * way * (1 - way) ** 2
        - slopes[1] * way**2 * (1 - way)
    )


def enlarge(maps, size, rules, ratio=1.0):
    """Enlarge maps (channels, rows, columns) to a size (width, height), one by one."""
    if rules is PROCESSOR:
        return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in maps])
    for axis, side in ((1, size[1]), (2, size[0])):
        places = (np.arange(side) + 0.5) * ratio / 8 - 0.5
        maps = np.moveaxis(maps, axis, 0)
        maps = np.moveaxis(np.stack([hermite(maps, place) for place in places]), 0, axis)
    return maps


def find_peaks(maps, rules, least=0.05):
    """Rows of part, x, y, score, pixel, in the plainest way."""
    found = []
    height, width = maps.shape[1:]
    for part, y, x in zip(*np.nonzero(maps > least), strict=True):
        score = maps[part, y, x]
        rows, columns = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
        higher = (maps[part, rows, columns] > score).sum()
        as_high = (maps[part, rows, columns] == score).sum() - 1
        down, along = min(y, height - 1 - y), min(x, width - 1 - x)
        if rules is PROCESSOR:
            ring = down == 1 or along == 1
            counts = not higher and (ring or (not as_high and down > 1 and along > 1))
        else:
            counts = not higher and not as_high and down > 0 and along > 0
        if counts:
            ys, xs = np.mgrid[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
            weights = maps[part, ys[:, 0].min() : y + 4, xs[0].min() : x + 4].clip(0)
            ys, xs = ys[: len(weights), : weights.shape[1]], xs[: len(weights), : weights.shape[1]]
            mean = [(weights * at).sum() / weights.sum() for at in (xs, ys)]
            found.append([part, *mean, score, y * width + x])
    return np.array(found).reshape(-1, 5)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_peaks_and_fields_are_openposes(rules, runtime):
    network, weights = colours()
    pixels = np.stack([mosaic(6, 9, seed) for seed in range(3)])
    peaks, fields = runtime(build(network, weights, rules=rules), {"pixels": pixels})
    assert peaks.dtype == fields.dtype == np.float32
    edges = 0
    for number, one in enumerate(pixels):
        maps = cells(weights, one)
        assert fields[number] == pytest.approx(maps[3:], abs=1e-6)
        expected = find_peaks(enlarge(maps[:2], (72, 48), rules), rules)
        assert peaks[peaks[:, 0] == number, 1:] == pytest.approx(expected, abs=1e-3)
        edges += (np.minimum(expected[:, 1], 71 - expected[:, 1]) < 3).sum()
    assert len(peaks) > 30
    assert edges > 3


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
def test_a_plain_picture_has_no_peak_but_on_the_processors_ring(runtime):
    network, weights = colours(parts=1)
    weights = {"mixing": (0 * weights["mixing"][0], weights["mixing"][1])}
    pixels = mosaic(4, 5)[None]
    peaks, _ = runtime(build(network, weights, rules=GPU), {"pixels": pixels})
    assert peaks.shape == (0, 6)
    peaks, _ = runtime(build(network, weights, rules=PROCESSOR), {"pixels": pixels})
    expected = find_peaks(np.full((1, 32, 40), 0.25, np.float32), PROCESSOR)
    assert peaks[:, 1:] == pytest.approx(expected, abs=1e-4)
    assert len(peaks) == 2 * 32 + 2 * 40 - 4


def test_peaks_are_above_the_threshold_given():
    network, weights = colours()
    pixels = mosaic(6, 9)[None]
    peaks, _ = run_onnxruntime(build(network, weights), {"pixels": pixels})
    fewer, _ = run_onnxruntime(build(network, weights, peak_min=0.6), {"pixels": pixels})
    assert (fewer == peaks[peaks[:, 4] > 0.6]).all()
    assert 0 < len(fewer) < len(peaks)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_maps_of_more_scales_are_averaged(rules, runtime):
    network, weights = colours()
    scales = {"pixels": mosaic(6, 10, 1), "pixels_1": mosaic(4, 7, 2), "pixels_2": mosaic(2, 5, 3)}
    ratios = np.array([0.7, 0.45], np.float32)  # a little off the sizes' own
    inputs = {name: pixels[None] for name, pixels in scales.items()}
    if rules is GPU:
        inputs["ratios"] = ratios
    maps = np.mean(
        [
            enlarge(cells(weights, pixels), (80, 48), rules, ratio)
            for pixels, ratio in zip(scales.values(), (1, *ratios), strict=True)
        ],
        axis=0,
    )
    peaks, fields = runtime(build(network, weights, rules=rules, scales=3), inputs)
    assert fields[0] == pytest.approx(maps[3:], abs=1e-5)
    assert peaks[:, 1:] == pytest.approx(find_peaks(maps[:2], rules), abs=1e-3)
    assert len(peaks) > 5
    (whole,) = runtime(build(network, weights, rules=rules, scales=3, maps="enlarged"), inputs)
    assert whole[0] == pytest.approx(maps, abs=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_points_are_the_first_maxima(rules, runtime):
    network, weights = colours(parts=4, fields=0)
    pixels = np.stack([mosaic(4, 6, 1), mosaic(4, 6, 2), 0 * mosaic(4, 6)])
    (points,) = runtime(build(network, weights, rules=rules), {"pixels": pixels})
    assert points.shape == (3, 4, 3)
    for found, one in zip(points, pixels, strict=True):
        maps = enlarge(cells(weights, one)[:4], (48, 32), rules)
        score = maps.max(axis=(1, 2))
        y, x = np.unravel_index(maps.reshape(4, -1).argmax(axis=1), (32, 48))
        assert found == pytest.approx(np.stack([x, y, score], axis=1), abs=1e-5)
    assert (points[2, :, :2] == 0).all()


def test_half_precision_is_in_the_network_alone():
    network, weights = colours()
    weights = {"mixing": [array / 3 for array in weights["mixing"]]}  # no round numbers
    pixels = mosaic(6, 9)[None]
    whole, half = (build(network, weights, half=half) for half in (False, True))
    peaks, fields = run_onnxruntime(whole, {"pixels": pixels})
    like_peaks, like_fields = run_onnxruntime(half, {"pixels": pixels})
    assert like_peaks == pytest.approx(peaks, abs=2e-2)
    assert like_fields == pytest.approx(fields, abs=2e-3)
    assert (like_fields == like_fields.astype(np.float16)).all()
    assert (fields != fields.astype(np.float16)).any()
    halves = {array.name for array in half.graph.initializer if array.data_type == 10}
    assert {"mixing.0", "mixing.1"} < halves
    assert len(half.SerializeToString()) < len(whole.SerializeToString())


def test_each_kind_of_layer():
    layers = (
        Layer("conv", CONVOLUTION, (PIXELS,), 3, 2, 3),
        Layer("prelu", PRELU, ("conv",), 2, 2),
        Layer("relu", RELU, ("conv",), 2, 2),
        Layer("concat", CONCAT, ("relu", "prelu"), 4, 4),
        *(Layer(f"pool{n}", POOL, (f"pool{n - 1}" if n else "concat",), 4, 4) for n in range(3)),
    )
    network = Architecture("layers", "", 1, 2, layers)
    weights = random_weights.weights(network)
    weights["prelu"] = (np.array([-0.5, 0.75], np.float32),)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 24, 3), np.uint8)
    scaled = np.pad(pixels[0] / 256 - 0.5, ((1, 1), (1, 1), (0, 0)))
    near = np.lib.stride_tricks.sliding_window_view(scaled, (3, 3), axis=(0, 1))
    conv = np.einsum("yxcij,ocij->yxo", near, weights["conv"][0])
    prelu = np.where(conv > 0, conv, conv * weights["prelu"][0])
    joined = np.concatenate([conv.clip(0), prelu], axis=2)
    pooled = joined.reshape(2, 8, 3, 8, 4).max(axis=(1, 3))
    _, fields = run_onnxruntime(build(network, weights), {"pixels": pixels})
    assert fields[0] == pytest.approx(pooled.transpose(2, 0, 1)[2:], abs=1e-5)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("scales", [1, 2])
@pytest.mark.parametrize("half", [False, True])
def test_graphs_are_valid_onnx(rules, scales, half):
    for fields in (0, 2):
        model = build(*colours(fields=fields), rules=rules, scales=scales, half=half)
        onnx.checker.check_model(model, full_check=True)
