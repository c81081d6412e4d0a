"""Painted people, and weights by hand with which OpenPose's body networks see them.

Each part of a person is a spot of a colour of its own: blue says which part it is, green how much
of it. The weights let these colours pass through the trunk, turn them into heat maps (one part, one
channel) and draw the fields: from each spot of a limb's first part along the limb, which is known,
since all people stand alike. So what a network has to answer is known without training, through
all of its layers, and is the same in half precision: all numbers are whole parts of 256.
"""

import numpy as np
from posestream.networks.architectures import CONCAT, CONVOLUTION, Architecture
from posestream.skeletons import Skeleton

FEATURES = "conv4_4_CPM"
CELL = 8  # pixels
BLUE = 8  # from part to part
# A spot is not the same on both sides, or its peak would be two pixels of the same height.
SPOT = {(0, 0): 255, (1, 0): 128, (0, 1): 128, (1, 1): 64}

# Where parts are, in cells right of and below the neck; the left side is the right one mirrored.
_MIDDLE = {"Nose": (0, -3), "Head": (0, -3), "Neck": (0, 0), "Chest": (0, 3), "MidHip": (0, 5)}
_RIGHT = {
    "Eye": (-2, -5),
    "Ear": (-4, -4),
    "Shoulder": (-3, 0),
    "Elbow": (-5, 3),
    "Wrist": (-5, 6),
    "Hip": (-2, 7),
    "Knee": (-2, 10),
    "Ankle": (-2, 13),
    "Heel": (-2, 15),
    "BigToe": (-4, 15),
    "SmallToe": (-6, 15),
}
PLACES = {
    **_MIDDLE,
    **{f"R{name}": place for name, place in _RIGHT.items()},
    **{f"L{name}": (-x, y) for name, (x, y) in _RIGHT.items()},
}
MARGINS = (6, 5, 7, 16)  # cells left of, above, right of and below the neck that a person needs


def places(necks: list[tuple[int, int]], skeleton: Skeleton) -> np.ndarray:
    """Give the middles of the spots' first cells, (people, parts, 2): x, y in pixels."""
    parts = np.array([PLACES[part] for part in skeleton.parts])
    return (np.array(necks).reshape(-1, 1, 2) + parts + 0.5) * CELL


def paint(necks: list[tuple[int, int]], size: tuple[int, int], skeleton: Skeleton) -> np.ndarray:
    """Paint people by their necks' cells, (column, row): uint8 (height, width, 3)."""
    cells = np.zeros((size[1] // CELL, size[0] // CELL, 3), np.uint8)
    for column, row in necks:
        for number, part in enumerate(skeleton.parts):
            x, y = PLACES[part]
            for (right, down), green in SPOT.items():
                cells[row + y + down, column + x + right] = (BLUE * (number + 1), green, 0)
    return cells.repeat(CELL, axis=0).repeat(CELL, axis=1)


def weights(architecture: Architecture, skeleton: Skeleton) -> dict[str, tuple[np.ndarray, ...]]:
    """Make the weights. What is not needed is 0, slopes too."""
    made = {
        name: tuple(np.zeros(shape, np.float32) for shape in shapes)
        for name, shapes in architecture.shapes.items()
    }
    parts = len(skeleton.parts)
    heat, fields = architecture.layers[-1].inputs
    _trunk(made, architecture, parts)
    for name, start in _chain(architecture, heat):
        _pass(made, name, range(parts), start)
    _fields(made, _chain(architecture, fields), skeleton)
    return made


def _pass(made: dict, name: str, channels: range, start: int = 0) -> None:
    """Let a convolution pass channels on, which are counted from `start` in what it sees."""
    kernel = made[name][0]
    for channel in channels:
        kernel[channel, start + channel, kernel.shape[2] // 2, kernel.shape[3] // 2] = 1


def _trunk(made: dict, architecture: Architecture, parts: int) -> None:
    """Pass the colours on as 0..1, then say how much of each part there is: the features."""
    names = [layer.name for layer in architecture.layers if layer.kind == CONVOLUTION]
    *passing, apart, last = names[: names.index(FEATURES) + 1]
    for name in passing:
        _pass(made, name, range(3))
    made[passing[0]][1][:3] = 0.5  # black is -0.5
    # A part's blue is missed from above or below, or not at all; what is missed quenches the green.
    (kernel, bias), (last_kernel, _) = made[apart], made[last]
    kernel[2 * parts, 1, 1, 1] = 1
    for part in range(parts):
        for number, sign in ((2 * part, 1), (2 * part + 1, -1)):
            kernel[number, 0, 1, 1] = sign
            bias[number] = -sign * BLUE * (part + 1) / 256
            last_kernel[part, number, 1, 1] = -256 / BLUE
        last_kernel[part, 2 * parts, 1, 1] = 1


def _chain(architecture: Architecture, end: str) -> list[tuple[str, int]]:
    """Follow convolutions back from `end` to the features.

    Returns their names, first to last, and which of the channels that they see are the first ones
    of the layer before.
    """
    layers = {layer.name: layer for layer in architecture.layers}
    chain, name = [], end
    while True:
        layer = layers[name]
        if layer.kind == CONVOLUTION:
            chain.append((layer.name, 0))
        elif layer.kind == CONCAT:
            is_features = [FEATURES in layers[source].inputs for source in layer.inputs]
            taken = is_features.index(True) if any(is_features) else len(layer.inputs) - 1
            start = sum(layers[source].channels for source in layer.inputs[:taken])
            chain[-1] = (chain[-1][0], start)
            if any(is_features):
                return chain[::-1]
            name = layer.inputs[taken]
            continue
        name = layer.inputs[0]


def _fields(made: dict, chain: list[tuple[str, int]], skeleton: Skeleton) -> None:
    """Draw the fields, each convolution going on by as far as it sees."""
    parts, limbs = len(skeleton.parts), len(skeleton.limbs)
    spots, lines = range(parts), range(parts, parts + limbs)
    *inner, (last, _) = chain
    for number, (name, start) in enumerate(inner):
        kernel = made[name][0]
        reach = kernel.shape[2] // 2
        _pass(made, name, spots, start)
        for line, limb in zip(lines, skeleton.limbs, strict=True):
            ends = [np.array(PLACES[skeleton.parts[part]]) for part in limb]
            count = np.abs(ends[1] - ends[0]).max()
            path = np.rint(np.linspace(0, ends[1] - ends[0], count + 1)).astype(int)
            # The line is drawn from its far end: in front of what there is come `reach` cells more.
            first = max(len(path) - 1 - (number + 1) * reach, 0) if reach else 0
            behind = max(len(path) - 1 - number * reach, 0) if reach else 0
            for at in range(first, behind):
                x, y = path[at] - path[first]
                kernel[line, start + limb[0], reach - y, reach - x] = 1
            x, y = path[behind] - path[first]
            kernel[line, start + (line if number else limb[0]), reach - y, reach - x] += 1
    for line, limb, channels in zip(lines, skeleton.limbs, skeleton.paf_channels, strict=True):
        way = np.subtract(*(PLACES[skeleton.parts[part]] for part in limb[::-1]))
        made[last][0][list(channels), line, 0, 0] = way / np.linalg.norm(way) / 2
