"""OpenPose's networks, held against what is known of them."""

import math

import pytest
from posestream import skeletons
from posestream.models import MODELS
from posestream.networks.architectures import ARCHITECTURES, CONVOLUTION, PIXELS, POOL, flops

# Counted in the descriptions that come with OpenPose: layers, convolutions, trained numbers,
# channels of the output; and 10^9 operations at 656x368, for face and hand at 368x368.
KNOWN = {
    "BODY_25": (261, 114, 26_166_084, 78, 287.3),
    "COCO": (181, 92, 52_311_446, 57, 484.6),
    "MPI": (181, 92, 51_481_032, 44, 478.4),
    "MPI_4_layers": (127, 64, 34_240_880, 44, 348.3),
    "face": (106, 52, 38_425_706, 71, 213.1),
    "hand": (106, 52, 36_832_324, 22, 206.4),
}


def numbers(architecture):
    return sum(math.prod(shape) for shapes in architecture.shapes.values() for shape in shapes)


@pytest.mark.parametrize("name", KNOWN)
def test_sizes(name):
    network = ARCHITECTURES[name]
    convolutions = sum(layer.kind == CONVOLUTION for layer in network.layers)
    operations = flops(network, 656 if network.fields else 368, 368) / 1e9
    assert network.name == name
    assert (
        len(network.layers),
        convolutions,
        numbers(network),
        network.layers[-1].channels,
        round(operations, 1),
    ) == KNOWN[name]
    assert network.layers[-1].channels == network.parts + 1 + network.fields


def test_all_are_there_and_openpose_has_their_weights():
    assert set(ARCHITECTURES) == set(KNOWN)
    assert {network.weights for network in ARCHITECTURES.values()} == set(MODELS)


def test_body_25_has_as_many_numbers_as_its_file():
    """The rest of the file is names and descriptions."""
    network = ARCHITECTURES["BODY_25"]
    size = MODELS[network.weights][1]
    assert 0 < size - 4 * numbers(network) < 0.001 * size


@pytest.mark.parametrize("network", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_layers_see_what_was_computed_before(network):
    channels = {PIXELS: 3}
    for layer in network.layers:
        assert layer.name not in channels
        assert layer.channels_in == sum(channels[name] for name in layer.inputs)
        channels[layer.name] = layer.channels
    seen = {name for layer in network.layers for name in layer.inputs}
    assert seen == {PIXELS, *channels} - {network.layers[-1].name}
    assert sum(layer.kind == POOL for layer in network.layers) == 3


@pytest.mark.parametrize("name", skeletons.BY_MODEL)
def test_bodies_fit_their_skeletons(name):
    network, skeleton = ARCHITECTURES[name], skeletons.BY_MODEL[name]
    assert network.parts == len(skeleton.parts)
    assert network.fields == 2 * len(skeleton.limbs)


@pytest.mark.parametrize(
    ("name", "heat", "fields"),
    [
        ("BODY_25", "Mconv7_stage1_L1", "Mconv7_stage3_L2"),
        ("COCO", "Mconv7_stage6_L2", "Mconv7_stage6_L1"),
        ("MPI_4_layers", "Mconv7_stage4_L2", "Mconv7_stage4_L1"),
    ],
)
def test_heat_maps_come_before_fields(name, heat, fields):
    network = ARCHITECTURES[name]
    assert network.layers[-1].inputs == (heat, fields)
    (bias,) = network.shapes[heat][1:]
    assert bias == (network.parts + 1,)


def test_order_of_what_stages_see():
    """Weights depend on it; no size does."""
    inputs = {
        (name, layer.name): layer.inputs
        for name, network in ARCHITECTURES.items()
        for layer in network.layers
    }
    features = "prelu4_4_CPM"
    assert inputs["BODY_25", "concat_stage3_L2"] == (features, "Mconv7_stage2_L2")
    assert inputs["BODY_25", "concat_stage0_L1"] == (features, "Mconv7_stage3_L2")
    seen = (features, "Mconv7_stage0_L1", "Mconv7_stage3_L2")
    assert inputs["BODY_25", "concat_stage1_L1"] == seen
    seen = ("Mconv7_stage3_L1", "Mconv7_stage3_L2", "relu4_4_CPM")
    assert inputs["COCO", "concat_stage4"] == seen
    assert inputs["hand", "concat_stage2"] == ("conv6_2_CPM", "relu5_3_CPM")
