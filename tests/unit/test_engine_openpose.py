"""Engines of OpenPose's networks: against OpenPose's own answers, and on painted people."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from posestream import bench_engine, engines, settings
from posestream.engines import onnx as onnx_engine
from posestream.engines import openpose, openvino
from posestream.networks import weights
from posestream.networks.architectures import ARCHITECTURES
from posestream.skeletons import BODY_25, COCO_18

from . import painted, random_weights

ANSWERS = Path(__file__).parent / "data" / "openpose-seed0.npz"
SIZE = (240, 176)
PAIR, ONE = [(6, 5), (21, 5)], [(10, 5)]


def by_onnxruntime(model):
    """Compile a graph as the engine onnx does, but for the processor."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs, strict=True)))


RUNTIMES = {"openvino": openvino.compiled, "onnxruntime": by_onnxruntime}


@pytest.fixture
def at_random(monkeypatch):
    """Weights at random in place of files."""
    monkeypatch.setattr(weights, "load", lambda network, _: random_weights.weights(network))


@pytest.fixture
def by_hand(monkeypatch):
    """Weights that see painted people in place of files."""
    monkeypatch.setattr(
        weights,
        "load",
        lambda network, _: painted.weights(network, BODY_25 if network.parts == 25 else COCO_18),
    )


# -- OpenPose's own answers -------------------------------------------------------------------


def same_parts(found, expected):
    """Count points (things, points, 3) found within half a pixel, in the same order."""
    assert found.shape == expected.shape
    near = np.abs(found[..., :2] - expected[..., :2]).max(axis=-1) < 0.5
    there = expected[..., 2] > 0
    assert ((found[..., 2] > 0) == there).mean() >= 0.99
    return (near & there).sum(), there.sum()


@pytest.mark.usefixtures("at_random")
@pytest.mark.parametrize(
    ("runtime", "model", "kind"),
    [
        ("openvino", "BODY_25", "body"),
        ("onnxruntime", "COCO", "body"),
        ("onnxruntime", "BODY_25", "facehand"),
    ],
)
def test_people_are_openposes(runtime, model, kind, street):
    details = kind == "facehand"
    options = engines.Options(
        model_pose=model,
        net_resolution=(160, 96),
        rules="processor",
        face=details,
        hand=details,
        face_net_resolution=(64, 64),
        hand_net_resolution=(64, 64),
        number_people_max=3 if details else -1,
    )
    engine = openpose.OpenPose(options, RUNTIMES[runtime])
    (people,) = engine.detect([street])

    key = f"{model}.160x96.{kind}.vtest50.png."
    with np.load(ANSWERS) as answers:
        expected = {name[len(key) :]: answers[name] for name in answers if name.startswith(key)}
    # OpenPose gives people in no order of their own; of three, the scores are those of all.
    order = _matching(people.keypoints, expected["keypoints"])
    pairs = [(people.keypoints, expected["keypoints"][order])]
    if details:
        pairs.append((people.faces, expected["faces"][order]))
        pairs.append((people.hands, expected["hands"][:, order].swapaxes(0, 1)))
        assert (people.faces[..., 2] > 0).sum() > 100
    else:
        assert people.scores == pytest.approx(expected["scores"][order], abs=1e-4)
    near, there = np.sum([same_parts(*pair) for pair in pairs], axis=0)
    assert near >= 0.99 * there
    assert there > (100 if details else 150 if model == "COCO" else 100)


def _matching(found, expected):
    """Return for each person found who of those expected is nearest."""
    apart = np.abs(found[:, None] - expected).sum(axis=(2, 3))
    order = apart.argmin(axis=1)
    assert sorted(order) == list(range(len(expected)))
    return order


# -- painted people ---------------------------------------------------------------------------


def check(people, necks, skeleton, scale=1):
    """All painted people are found, whole, and nobody else."""
    places = painted.places(necks, skeleton)
    assert people.keypoints.shape == (len(necks), len(skeleton.parts), 3)
    for person in people.keypoints:
        off = np.abs(person[None, :, :2] / scale - places).max(axis=(1, 2))
        assert off.min() < 2.5


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize(("runtime", "model"), [("openvino", "COCO"), ("onnxruntime", "BODY_25")])
def test_frames_of_several_cameras_together_are_as_each_alone(runtime, model):
    skeleton = BODY_25 if model == "BODY_25" else COCO_18
    options = engines.Options(model_pose=model, net_resolution=(-1, 176))
    engine = openpose.OpenPose(options, RUNTIMES[runtime], batch=4)
    pair, one = (painted.paint(necks, SIZE, skeleton) for necks in (PAIR, ONE))
    large = one.repeat(2, axis=0).repeat(2, axis=1)
    nobody = np.zeros((176, 176, 3), np.uint8)

    found = engine.detect([pair, nobody, large, one, pair])
    alone = [engine.detect([frame])[0] for frame in (pair, nobody, large, one)]

    for together, single in zip(found, [*alone, alone[0]], strict=True):
        assert together.keypoints == pytest.approx(single.keypoints, abs=1)
        assert together.scores == pytest.approx(single.scores, abs=1e-3)
    check(found[0], PAIR, skeleton)
    check(found[3], ONE, skeleton)
    check(found[2], ONE, skeleton, scale=2)
    assert len(found[1]) == 0


@pytest.mark.usefixtures("by_hand")
def test_half_precision_finds_the_same_people():
    options = engines.Options(model_pose="BODY_25", net_resolution=(-1, 176))
    frames = [painted.paint(necks, SIZE, BODY_25) for necks in (PAIR, ONE)]
    single, half = (
        openpose.OpenPose(options, by_onnxruntime, batch=2, half=half).detect(frames)
        for half in (False, True)
    )
    for before, after in zip(single, half, strict=True):
        assert after.keypoints == pytest.approx(before.keypoints, abs=1)
    assert [len(people) for people in half] == [2, 1]


@pytest.mark.usefixtures("by_hand")
def test_number_people_max_and_several_scales():
    options = engines.Options(
        model_pose="BODY_25", net_resolution=(240, 176), number_people_max=1, scale_number=2
    )
    engine = openpose.OpenPose(options, by_onnxruntime)
    runs = []
    engine._runs["BODY_25"] = lambda inputs, run=engine._runs["BODY_25"]: (
        runs.append([each.shape for each in inputs]) or run(inputs)
    )
    assert len(engine.detect([painted.paint(PAIR, SIZE, BODY_25)])[0]) == 1
    assert runs == [[(1, 176, 240, 3), (1, 128, 176, 3), (1,)]]


@pytest.mark.usefixtures("by_hand")
def test_batches_are_powers_of_two():
    engine = openpose.OpenPose(
        engines.Options(model_pose="COCO", net_resolution=(64, 64)), openvino.compiled, batch=4
    )
    fitted = engine.fit([np.zeros((64, 64, 3), np.uint8)] * 7)
    assert [each.numbers for each in fitted] == [[0, 1, 2, 3], [4, 5], [6]]


# -- starting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ({"model_pose": "BODY_25"}, "pose_iter_584000"),
        ({"model_pose": "MPI_4_layers"}, "pose_iter_160000"),
        ({"model_pose": "COCO", "hand": True}, "pose_iter_440000"),
    ],
)
def test_a_missing_network_is_named(said, file, tmp_path):
    options = engines.Options(**said, model_folder=str(tmp_path))
    with pytest.raises(engines.EngineError, match=rf"{file}\.caffemodel.*models\.yml"):
        engines.create("openvino", options)


def test_coco_on_the_processor_is_openposes_where_its_file_is_there(
    tmp_path, network_file, monkeypatch
):
    options = engines.Options(
        model_pose="COCO", model_folder=str(tmp_path), model=network_file, net_resolution=(64, 64)
    )
    assert not isinstance(engines.create("openvino", options), openpose.OpenPose)
    path = tmp_path / ARCHITECTURES["COCO"].weights
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(engines.EngineError, match=r"pose_iter_440000\.caffemodel"):
        engines.create("openvino", options)
    monkeypatch.setattr(weights, "load", lambda network, _: painted.weights(network, COCO_18))
    assert isinstance(engines.create("openvino", options), openpose.OpenPose)


@pytest.mark.usefixtures("by_hand")
def test_onnx_is_refused_where_the_library_knows_no_gpu():
    with pytest.raises(engines.EngineError, match=r"knows no GPUs.*WORKER_ENGINE=openvino"):
        engines.create("onnx", engines.Options())


@pytest.mark.usefixtures("by_hand")
def test_onnx_is_refused_where_the_session_would_be_one_for_the_processor(monkeypatch):
    """As ONNX Runtime does it: asked for CUDA alone, it takes the processor without an error."""

    class Session(onnxruntime.InferenceSession):
        def __init__(self, model, providers, **_):
            assert [name for name, _ in providers] == [onnx_engine.PROVIDER]
            super().__init__(model, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [onnx_engine.PROVIDER])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(engines.EngineError, match=r"cannot use a GPU.*nvidia-smi"):
        engines.create("onnx", engines.Options())


def test_of_onnx_runtimes_errors_what_cuda_says_is_told():
    said = "cuda_call.cc:122 CudaCall(...) [with X] CUDA failure 35: driver\n too old ; GPU=-1"
    assert onnx_engine._one_line(RuntimeError(said)) == "CUDA failure 35: driver too old ; GPU=-1"
    assert onnx_engine._one_line(RuntimeError("no such node")) == "no such node"


# -- bench-engine -----------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_the_bench_says_where_the_time_goes(capsys, video_file, monkeypatch):
    monkeypatch.setitem(bench_engine.SIDE, "openvino", 64)
    environ = {
        "OPENPOSE_MODEL_POSE": "BODY_25",
        "OPENPOSE_NET_RESOLUTION": "64x64",
        "CAMERA_SOURCE": str(video_file),
    }
    chosen = settings.load("bench-engine", environ, Path("/none"))
    assert bench_engine.run(chosen, batch=[1, 2], seconds=0) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "engine openvino, frames of 768x576"
    for line, count in zip(lines[3:], (1, 2), strict=True):
        network, size, batch, people, rate, *_ = line.split()
        assert (network, size, batch, people) == ("BODY_25", "64x64", str(count), "0.0")
        assert float(rate) > 0


def test_the_bench_says_what_is_missing(capsys, tmp_path):
    environ = {"OPENPOSE_MODEL_POSE": "BODY_25", "OPENPOSE_MODEL_FOLDER": str(tmp_path)}
    chosen = settings.load("bench-engine", environ, Path("/none"))
    assert bench_engine.run(chosen, batch=[1], seconds=0) == 1
    assert "pose_iter_584000.caffemodel" in capsys.readouterr().err
