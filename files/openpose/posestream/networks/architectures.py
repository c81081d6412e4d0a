"""OpenPose's networks, layer by layer.

All of them are a trunk of VGG-19's first ten convolutions, some more that narrow it to 128
channels of features, and stages, each of which sees the features and what the stages before it
said. Maps are an eighth of the picture's size. Sources: Cao et al., "OpenPose" (2019) for BODY_25;
Cao et al. (2017) for COCO and MPI; Simon et al. (2017) for hand and face; and the descriptions that
come with OpenPose (models/), whose names and whose order of channels these are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

PIXELS = "pixels"  # the name of the picture, as an input of the first layer

CONVOLUTION, PRELU, RELU, POOL, CONCAT = "Convolution", "PReLU", "ReLU", "Pooling", "Concat"

# Names and channels of 3x3 convolutions; a name alone halves the size.
_VGG = (
    *(("conv1_1", 64), ("conv1_2", 64), ("pool1_stage1", 0)),
    *(("conv2_1", 128), ("conv2_2", 128), ("pool2_stage1", 0)),
    *(("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256), ("pool3_stage1", 0)),
    *(("conv4_1", 512), ("conv4_2", 512)),
)
_BODY_FEATURES = (("conv4_3_CPM", 256), ("conv4_4_CPM", 128))
_POINT_FEATURES = (
    *(("conv4_3", 512), ("conv4_4", 512), ("conv5_1", 512), ("conv5_2", 512)),
    ("conv5_3_CPM", 128),
)


@dataclass(frozen=True)
class Layer:
    """One layer. Its output goes by its name.

    Attributes:
        name: as in OpenPose's descriptions, for layers that have weights.
        kind: CONVOLUTION (stride 1, size kept), PRELU (a slope per channel), RELU,
            POOL (the maximum of 2 x 2) or CONCAT (of channels).
        inputs: the names of the layers it sees, or PIXELS.
        channels_in: how many channels these have together.
        channels: how many it gives.
        kernel: the side of a convolution's window in cells; 0 for other layers.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    channels_in: int
    channels: int
    kernel: int = 0

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of its weights, as Caffe stores them."""
        if self.kind == CONVOLUTION:
            return (self.channels, self.channels_in, self.kernel, self.kernel), (self.channels,)
        return ((self.channels,),) if self.kind == PRELU else ()


@dataclass(frozen=True)
class Architecture:
    """One network. The last layer's channels are the parts, the background, the fields.

    Attributes:
        name: OpenPose's name of the model, or "face", or "hand".
        weights: the path of its weights below OpenPose's folder models/.
        parts: how many parts it finds.
        fields: channels of part affinity fields, two a limb; 0 where it has none.
        layers: in the order in which they are computed.
    """

    name: str
    weights: str
    parts: int
    fields: int
    layers: tuple[Layer, ...]

    @cached_property
    def shapes(self) -> MappingProxyType[str, tuple[tuple[int, ...], ...]]:
        """The shapes of the weights by layer, for the layers that have any."""
        return MappingProxyType({row.name: row.shapes for row in self.layers if row.shapes})


def flops(architecture: Architecture, width: int, height: int) -> int:
    """Operations for one picture of so many pixels: two for each multiply-add of a convolution."""
    total, cells = 0, {PIXELS: width * height}
    for layer in architecture.layers:
        cells[layer.name] = size = cells[layer.inputs[0]] // (4 if layer.kind == POOL else 1)
        total += 2 * size * layer.channels_in * layer.channels * layer.kernel**2
    return total


class _Layers(dict[str, Layer]):
    """Layers by name while they are put together. Methods return the new layer's name."""

    def add(self, name: str, kind: str, inputs: Iterable[str], channels: int = 0, kernel=0) -> str:
        inputs = tuple(inputs)
        seen = sum(self[source].channels if source in self else 3 for source in inputs)
        self[name] = Layer(name, kind, inputs, seen, channels or seen, kernel)
        return name

    def convolution(self, name: str, source: str, channels: int, kernel: int, then: str) -> str:
        """Add a convolution and, where `then` is PRELU or RELU, what follows it."""
        name = self.add(name, CONVOLUTION, [source], channels, kernel)
        return self.add(name.replace("conv", then.lower()), then, [name]) if then else name

    def chain(self, source: str, rows: Iterable[tuple[str, int]], then: str) -> str:
        """Convolutions of 3x3 and poolings, one after the other."""
        for name, channels in rows:
            if channels:
                source = self.convolution(name, source, channels, 3, then)
            else:
                source = self.add(name, POOL, [source])
        return source

    def branches(self, source: str, rows: Iterable[tuple[str, int, int]], outputs: dict) -> list:
        """Chains side by side from one source, the last layers of which give `outputs`.

        `rows` are name, channels and kernel; in the name {} stands for a branch's own, which are
        the keys of `outputs`; channels of 0 are the branch's output.
        """
        ends = dict.fromkeys(outputs, source)
        for name, channels, kernel in rows:
            for branch, output in outputs.items():
                then = RELU if channels else ""
                ends[branch] = self.convolution(
                    name.format(branch), ends[branch], channels or output, kernel, then
                )
        return list(ends.values())

    def dense(self, stage: str, source: str, width: int, hidden: int, output: int) -> str:
        """One of BODY_25's stages: five times three convolutions whose outputs are joined."""
        for block in range(1, 6):
            joined = []
            for number in range(3):
                name = f"Mconv{block}_{stage}_{number}"
                source = self.convolution(name, source, width, 3, PRELU)
                joined.append(source)
            source = self.add(f"Mconv{block}_{stage}_concat", CONCAT, joined)
        source = self.convolution(f"Mconv6_{stage}", source, hidden, 1, PRELU)
        return self.convolution(f"Mconv7_{stage}", source, output, 1, "")


def _wide(stage: int, branch: str = "") -> list[tuple[str, int, int]]:
    """Write down a stage of the other networks, as rows for `branches`."""
    name = f"Mconv{{number}}_stage{stage}{branch}"
    rows = [(number, 128, 7) for number in range(1, 6)] + [(6, 128, 1), (7, 0, 1)]
    return [(name.replace("{number}", str(number)), *row) for number, *row in rows]


def _body_25(weights: str, parts: int, fields: int) -> Architecture:
    """Fields first, in four stages; then heat maps, in two, which see the last fields."""
    layers = _Layers()
    source = layers.chain(PIXELS, _VGG[:-1], RELU)
    features = layers.chain(source, (*_VGG[-1:], *_BODY_FEATURES), PRELU)
    known: list[str] = []
    for branch, stages, output in (("L2", 4, fields), ("L1", 2, parts + 1)):
        said: list[str] = []
        for stage in range(stages):
            name = f"stage{stage}_{branch}"
            seen = [features, *said, *known]
            source = layers.add(f"concat_{name}", CONCAT, seen) if len(seen) > 1 else features
            said = [layers.dense(name, source, *((128, 512) if stage else (96, 256)), output)]
        known = [*said, *known]
    layers.add("net_output", CONCAT, known)
    return Architecture("BODY_25", weights, parts, fields, tuple(layers.values()))


def _two_branches(name: str, weights: str, parts: int, fields: int, stages: int) -> Architecture:
    """Fields (L1) and heat maps (L2) side by side, of which each stage sees both."""
    layers = _Layers()
    features = layers.chain(PIXELS, (*_VGG, *_BODY_FEATURES), RELU)
    outputs = {"L1": fields, "L2": parts + 1}
    first = [(f"conv5_{number}_CPM_{{}}", 128, 3) for number in (1, 2, 3)]
    first += [("conv5_4_CPM_{}", 512, 1), ("conv5_5_CPM_{}", 0, 1)]
    said = layers.branches(features, first, outputs)
    for stage in range(2, stages + 1):
        source = layers.add(f"concat_stage{stage}", CONCAT, [*said, features])
        said = layers.branches(source, _wide(stage, "_{}"), outputs)
    layers.add("net_output", CONCAT, reversed(said))
    return Architecture(name, weights, parts, fields, tuple(layers.values()))


def _points(name: str, weights: str, parts: int) -> Architecture:
    """Heat maps alone, in six stages."""
    layers = _Layers()
    features = layers.chain(PIXELS, (*_VGG, *_POINT_FEATURES), RELU)
    outputs = {"": parts + 1}
    said = layers.branches(features, [("conv6_1_CPM", 512, 1), ("conv6_2_CPM", 0, 1)], outputs)
    for stage in range(2, 7):
        source = layers.add(f"concat_stage{stage}", CONCAT, [*said, features])
        said = layers.branches(source, _wide(stage), outputs)
    return Architecture(name, weights, parts, 0, tuple(layers.values()))


_MPI = "pose/mpi/pose_iter_160000.caffemodel"
ARCHITECTURES: MappingProxyType[str, Architecture] = MappingProxyType(
    {
        network.name: network
        for network in (
            _body_25("pose/body_25/pose_iter_584000.caffemodel", parts=25, fields=52),
            _two_branches("COCO", "pose/coco/pose_iter_440000.caffemodel", 18, 38, stages=6),
            _two_branches("MPI", _MPI, 15, 28, stages=6),
            _two_branches("MPI_4_layers", _MPI, 15, 28, stages=4),
            _points("face", "face/pose_iter_116000.caffemodel", parts=70),
            _points("hand", "hand/pose_iter_102000.caffemodel", parts=21),
        )
    }
)
