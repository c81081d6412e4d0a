"""One graph from pixels to peaks: a network and OpenPose's first steps behind it, as ONNX.

Behind the network OpenPose enlarges the maps to the picture's size (bicubic, half-pixel centres)
and takes the places of the parts out of the heat maps. Both are in the graph, so that what leaves
a GPU is small. OpenPose's GPU code and its processor code do these steps by slightly different
rules (`Rules`).

Inputs and outputs of the graph; sizes are multiples of 8, and may differ from run to run:

    pixels    uint8 (pictures, height, width, 3): blue, green, red
    pixels_1, pixels_2 ...: with `scales`, the same pictures at smaller sizes
    ratios    float32 (scales - 1,): with `scales` and Rules.by_ratio, by what the frame was scaled
              for pixels_1, pixels_2 ..., over the same for pixels

    peaks     float32 (n, 6), for bodies: picture, part, x, y, score, and the number of the peak's
              pixel, row * width + column; ordered by picture, part, pixel
    fields    float32 (pictures, 2 * limbs, height / 8, width / 8), for bodies: part affinity
              fields, of the network's own size; with `scales` enlarged to (height, width)
    points    float32 (pictures, parts, 3), for face and hand: x, y, score of each part's maximum
    maps      float32 (pictures, parts + 1 + fields, height, width): all maps, where they are asked
              for; enlarged, or (..., height / 8, width / 8)

A place is in pixels of the picture, from the centre of its first pixel. (What OpenPose adds to it
is half a pixel of the frame, whose size the graph does not know.)
"""

from typing import Any, Literal

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from ..poses.rules import GPU, REFINE_RADIUS, STRIDE, Rules, Thresholds
from .architectures import CONCAT, CONVOLUTION, PIXELS, POOL, PRELU, RELU, Architecture
from .weights import Weights

OPSET, IR_VERSION = 18, 9  # what ONNX Runtime 1.14 and OpenVINO 2023 on can read


_END = np.iinfo(np.int64).max  # of an axis, for Slice


def build(  # noqa: PLR0913 (what is optional goes by name)
    architecture: Architecture,
    weights: Weights,
    *,
    rules: Rules = GPU,
    half: bool = False,
    scales: int = 1,
    peak_min: float = Thresholds.peak,
    maps: Literal["", "cells", "enlarged"] = "",
) -> ModelProto:
    """Build the graph.

    Args:
        architecture: the network.
        weights: what `weights.load` gives for it.
        rules: how the maps are enlarged and peaks are found.
        half: compute the network in float16, and the rest in float32 all the same.
        scales: how many sizes of the pictures are looked at, their enlarged maps averaged; any
            number, though OpenPose itself takes at most 8 on a GPU.
        peak_min: what a peak's score is above.
        maps: give `maps` and nothing else, of the network's own size or enlarged.
    """
    graph = _Graph()
    inputs = [PIXELS, *(f"{PIXELS}_{scale}" for scale in range(1, scales))]
    for name in inputs:
        graph.input(name, np.uint8, [None, None, None, 3])
    ratios = "ratios" if scales > 1 and rules.smaller_scales == "by_ratio" else ""
    if ratios:
        graph.input(ratios, np.float32, [scales - 1])

    kind = np.float16 if half else np.float32
    layers = _add_weights(graph, architecture, weights, kind)
    said = [_network(graph, architecture, layers, pixels, kind) for pixels in inputs]
    enlarge = _Enlarging(graph, said, rules, ratios)
    parts, channels = architecture.parts, architecture.layers[-1].channels
    if maps:
        every = enlarge.cells(0, 0, channels) if maps == "cells" else enlarge(0, channels)
        graph.output("maps", every, [None, channels, None, None])
    elif not architecture.fields:
        graph.output("points", _maxima(graph, enlarge(0, parts)), [None, parts, 3])
    else:
        graph.output("peaks", _peaks(graph, enlarge(0, parts), rules, peak_min), [None, 6])
        taken = parts + 1, channels
        fields = enlarge(*taken) if scales > 1 else enlarge.cells(0, *taken)
        graph.output("fields", fields, [None, architecture.fields, None, None])
    return graph.model(architecture.name)


class _Graph:
    """A graph that is being put together. A tensor is known by its name, a str."""

    def __init__(self) -> None:
        self._inputs: list = []
        self._outputs: list = []
        self._nodes: list = []
        self._arrays: dict[Any, TensorProto] = {}

    def __call__(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; inputs that are no names are constants. Returns its output or outputs."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        name = f"{kind}_{len(self._nodes)}"
        outs = [f"{name}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(kind, names, outs, name, **attributes))
        return outs if outputs > 1 else outs[0]

    def real(self, tensor: str) -> str:
        """Make it float32."""
        return self("Cast", tensor, to=TensorProto.FLOAT)

    def input(self, name: str, kind: type, shape: list) -> None:
        self._inputs.append(_described(name, kind, shape))

    def output(self, name: str, tensor: str, shape: list) -> None:
        self._nodes.append(helper.make_node("Identity", [tensor], [name], name))
        self._outputs.append(_described(name, np.float32, shape))

    def constant(self, value: Any) -> str:
        """Add a constant: an array, or Python's integers as int64 and its floats as float32."""
        array = np.asarray(value)
        if not isinstance(value, np.ndarray):
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        key = array.dtype.str, array.shape, array.tobytes()
        return self.array(key, f"constant_{len(self._arrays)}", array)

    def array(self, key: Any, name: str, array: np.ndarray) -> str:
        """Add an array by its name, unless there is one under that key."""
        if key not in self._arrays:
            self._arrays[key] = numpy_helper.from_array(array, name)
        return self._arrays[key].name

    def model(self, name: str) -> ModelProto:
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, list(self._arrays.values())
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset])


def _onnx(kind: type) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(kind))


def _described(name: str, kind: type, shape: list) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, _onnx(kind), shape)


def _add_weights(
    graph: _Graph, architecture: Architecture, weights: Weights, kind: type
) -> dict[str, list[str]]:
    """Add the arrays of all layers; return their names by layer."""
    names = {}
    for layer in architecture.layers:
        arrays = [array.astype(kind) for array in weights.get(layer.name, ())]
        if layer.kind == PRELU:  # ONNX stretches a slope from the right: over columns
            arrays = [array.reshape(-1, 1, 1) for array in arrays]
        names[layer.name] = [
            graph.array((layer.name, number), f"{layer.name}.{number}", array)
            for number, array in enumerate(arrays)
        ]
    return names


def _network(
    graph: _Graph,
    architecture: Architecture,
    weights: dict[str, list[str]],
    pixels: str,
    kind: type,
) -> str:
    """Run the network on pixels; return its maps (pictures, channels, height / 8, width / 8)."""
    planes = graph("Transpose", pixels, perm=[0, 3, 1, 2])
    planes = graph("Cast", planes, to=_onnx(kind))
    # Black is -0.5 and white nearly 0.5, as for all of OpenPose's networks.
    scaled = graph("Mul", planes, np.array(1 / 256, kind))
    tensors = {PIXELS: graph("Sub", scaled, np.array(0.5, kind))}
    for layer in architecture.layers:
        operator, attributes = {
            CONVOLUTION: ("Conv", {"pads": [layer.kernel // 2] * 4}),
            PRELU: ("PRelu", {}),
            RELU: ("Relu", {}),
            POOL: ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
            CONCAT: ("Concat", {"axis": 1}),
        }[layer.kind]
        inputs = [tensors[name] for name in layer.inputs]
        tensors[layer.name] = graph(operator, *inputs, *weights[layer.name], **attributes)
    return tensors[architecture.layers[-1].name]


class _Enlarging:
    """Enlarges the maps of one or more scales to the size of the first picture.

    Rows and columns are enlarged apart, each by a product with a matrix (pixels, cells) of the
    interpolation's coefficients: exact, and fast with every runtime, whose own bicubic resizing is
    slow on processors and differs at the edges.
    """

    def __init__(self, graph: _Graph, said: list[str], rules: Rules, ratios: str) -> None:
        self._graph, self._said, self._rules = graph, said, rules
        pixels = graph("Shape", PIXELS)
        self._matrices = []
        for scale, maps in enumerate(said):
            cells = graph("Shape", maps)
            ratio = graph("Gather", ratios, scale - 1) if scale and ratios else ""
            rows, columns = (
                self._matrix(graph("Gather", pixels, axis - 1), graph("Gather", cells, axis), ratio)
                for axis in (2, 3)
            )
            self._matrices.append((rows, graph("Transpose", columns, perm=[1, 0])))

    def __call__(self, first: int, last: int) -> str:
        """Enlarge these channels, and average them over the scales; float32."""
        enlarged = []
        for scale, (rows, columns) in enumerate(self._matrices):
            taller = self._graph("MatMul", rows, self.cells(scale, first, last))
            enlarged.append(self._graph("MatMul", taller, columns))
        return self._graph("Mean", *enlarged) if len(enlarged) > 1 else enlarged[0]

    def cells(self, scale: int, first: int, last: int) -> str:
        """Take these channels of one scale as they are; float32."""
        channels = self._graph("Slice", self._said[scale], [first], [last], [1])
        return self._graph.real(channels)

    def _matrix(self, pixels: str, cells: str, ratio: str) -> str:
        """Compute the coefficients (pixels, cells) for one axis."""
        graph, real = self._graph, self._graph.real
        step = graph("Div", real(cells), real(pixels))
        if ratio:
            step = graph("Mul", ratio, 1 / STRIDE)
        centres = graph("Add", real(graph("Range", 0, pixels, 1)), 0.5)
        centres = graph("Unsqueeze", graph("Sub", graph("Mul", centres, step), 0.5), [1])
        left = graph("Floor", centres)  # the cell left of each pixel
        end = real(graph("Sub", cells, 1))
        if self._rules.edge_cells == "extend":
            left = graph("Clip", left, 0.0, end)
        way = graph("Sub", centres, left)
        square = graph("Mul", way, way)
        powers = graph("Concat", graph("Mul", square, way), square, way, axis=1)
        *curved, level = _keys(self._rules.cubic)
        coefficients = graph("Add", graph("MatMul", powers, np.array(curved)), level)
        taps = graph("Clip", graph("Add", left, [[-1.0, 0.0, 1.0, 2.0]]), 0.0, end)
        # A tap beyond an edge is the edge's: one cell may have several of the four coefficients.
        hits = graph("Equal", graph("Unsqueeze", taps, [2]), real(graph("Range", 0, cells, 1)))
        spread = graph("Mul", real(hits), graph("Unsqueeze", coefficients, [2]))
        return graph("ReduceSum", spread, [1], keepdims=0)


def _keys(a: float) -> np.ndarray:
    """Bicubic coefficients (powers 3 2 1 0 of the way, taps), float32; Keys (1981), equation 15."""
    taps = [[a, -2 * a, a, 0], [a + 2, -a - 3, 0, 1], [-a - 2, 2 * a + 3, -a, 0], [-a, a, 0, 0]]
    return np.array(taps, np.float32).T


def _peaks(graph: _Graph, heat: str, rules: Rules, peak_min: float) -> str:
    """Find the peaks of enlarged heat maps (pictures, parts, height, width): (n, 6)."""
    _, parts, height, width = graph("Split", graph("Shape", heat), outputs=4, num_outputs=4)
    # The highest neighbour, of three in the rows above and below, one on the left and the right.
    # (Pooling with dilations would do it without copies, but is slow on processors.)
    framed = graph("Pad", heat, [0, 0, 1, 1, 0, 0, 1, 1], -np.inf)
    of_three = graph("MaxPool", framed, kernel_shape=[1, 3])
    neighbours = graph(
        "Max",
        graph("Slice", of_three, [0], [-2], [2]),
        graph("Slice", of_three, [2], [_END], [2]),
        graph("Slice", framed, [1, 0], [-1, -2], [2, 3]),
        graph("Slice", framed, [1, 2], [-1, _END], [2, 3]),
    )
    found = graph("And", graph("Greater", heat, neighbours), _inside(graph, height, width, rules))
    if rules.edge_peaks == "ring":
        ring = _inside(graph, height, width, rules, ring=True)
        as_high = graph("GreaterOrEqual", heat, neighbours)
        found = graph("Or", found, graph("And", as_high, ring))
    found = graph("And", found, graph("Greater", heat, float(peak_min)))

    places = graph("Transpose", graph("NonZero", found), perm=[1, 0])
    picture, part, y, x = graph("Split", places, axis=1, outputs=4, num_outputs=4)
    window = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1)
    ys, in_rows = _window(graph, y, height, window)
    xs, in_columns = _window(graph, x, width, window)
    plane = graph("Add", graph("Mul", picture, parts), part)
    lines = graph("Mul", graph("Add", graph("Mul", plane, height), ys), width)
    index = graph("Add", graph("Unsqueeze", lines, [2]), graph("Unsqueeze", xs, [1]))
    scores = graph("Max", graph("Gather", graph("Reshape", heat, [-1]), index), 0.0)
    scores = graph("Mul", scores, graph("Unsqueeze", in_rows, [2]))
    scores = graph("Mul", scores, graph("Unsqueeze", in_columns, [1]))
    total = graph("ReduceSum", scores, [1, 2], keepdims=0)

    def mean(place: str, distances: np.ndarray) -> str:
        """Add to the place the weighted mean of the distances from it, (n, 1)."""
        weighted = graph("Mul", scores, distances.astype(np.float32))
        shift = graph("Div", graph("ReduceSum", weighted, [1, 2], keepdims=0), total)
        return graph("Add", graph.real(place), graph("Unsqueeze", shift, [1]))

    columns = [
        graph.real(graph("Slice", places, [0], [2], [1])),
        mean(x, window[None]),
        mean(y, window[:, None]),
        graph("Unsqueeze", graph("GatherND", heat, places), [1]),
        graph.real(graph("Add", graph("Mul", y, width), x)),
    ]
    return graph("Concat", *columns, axis=1)


def _inside(graph: _Graph, height: str, width: str, rules: Rules, *, ring: bool = False) -> str:
    """Say which pixels can be peaks, bool (height, width): strict ones, or those of the ring."""
    sides = [_from_edge(graph, size) for size in (height, width)]
    if ring:
        y, x = (graph("Equal", side, 1) for side in sides)
        joined = "Or"
    else:
        y, x = (graph("Greater", side, 1 if rules.edge_peaks == "ring" else 0) for side in sides)
        joined = "And"
    return graph(joined, graph("Unsqueeze", y, [1]), x)


def _from_edge(graph: _Graph, size: str) -> str:
    """Count how far each pixel of a line is from the nearer end, int64 (size,)."""
    size = graph("Squeeze", size)
    place = graph("Range", 0, size, 1)
    return graph("Min", place, graph("Sub", graph("Sub", size, 1), place))


def _window(graph: _Graph, place: str, size: str, window: np.ndarray) -> tuple[str, str]:
    """Places around a place: kept inside, int64 (n, 7), and 1 where they were, 0 else, float32."""
    places = graph("Add", place, window[None])
    kept = graph("Max", graph("Min", places, graph("Sub", size, 1)), 0)
    return kept, graph.real(graph("Equal", places, kept))


def _maxima(graph: _Graph, heat: str) -> str:
    """Find each heat map's first maximum: (pictures, parts, 3)."""
    flat = graph("Reshape", heat, [0, 0, -1])
    place = graph("ArgMax", flat, axis=2)
    width = graph("Gather", graph("Shape", heat), [3])
    score = graph("ReduceMax", flat, [2])
    x, y = (graph.real(graph(operator, place, width)) for operator in ("Mod", "Div"))
    return graph("Concat", x, y, score, axis=2)
