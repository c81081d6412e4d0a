"""The engine against the module that stands in for OpenPose's own (tests/stand_ins/openpose)."""

import dataclasses
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from posestream import engines, flags, settings, skeletons
from posestream.engines import pyopenpose

STAND_IN = Path(__file__).parents[1] / "stand_ins/openpose/openpose"
MANUAL = {"SS_BROKERS": "kafka:9092", "SSSRC_TOPIC": "a", "SSDST_TOPIC": "b"}
FRAME = np.full((48, 64, 3), 7, np.uint8)


@pytest.fixture
def module(monkeypatch):
    """Let the engine import the stand-in; returns it."""
    path = STAND_IN / "python/pyopenpose.py"
    spec = importlib.util.spec_from_file_location("pyopenpose", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "pyopenpose", module)
    return module


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with all networks, whose checksums the engine is told."""
    monkeypatch.setattr(pyopenpose, "DESCRIPTIONS", STAND_IN / "models")
    for name, network in pyopenpose.NETWORKS.items():
        content = network.weights.encode()
        md5 = hashlib.md5(content).hexdigest()
        size = len(content) if network.size else 0
        told = dataclasses.replace(network, md5=md5, size=size)
        monkeypatch.setitem(pyopenpose.NETWORKS, name, told)
        path = tmp_path / network.weights
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


@pytest.fixture
def start(module, folder):
    def start(**options):
        return engines.create("pyopenpose", engines.Options(model_folder=folder, **options))

    return start


def error(call, **options):
    with pytest.raises(engines.EngineError) as caught:
        call(**options)
    return str(caught.value)


# -- people -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "skeleton"),
    [
        ("", skeletons.BODY_25),
        ("BODY_25", skeletons.BODY_25),
        ("COCO", skeletons.COCO_18),
        ("MPI", skeletons.MPI),
        ("MPI_4_layers", skeletons.MPI),
    ],
)
def test_people_best_first(start, model, skeleton):
    engine = start(model_pose=model)
    people = engine.detect([FRAME])[0]

    assert engine.skeleton is skeleton
    assert people.keypoints.shape == (3, len(skeleton.parts), 3)
    assert people.keypoints.dtype == people.scores.dtype == np.float32
    assert people.scores.tolist() == [0.75, 0.5, 0.25]
    assert people.keypoints[:, 0, 0].tolist() == [1, 2, 0]  # who, in the order of the stand-in
    assert people.faces is people.hands is people.ids is None


def test_nobody(start):
    people = start(face=True, hand=True).detect([np.zeros((48, 64, 3), np.uint8)])[0]

    assert people.keypoints.shape == (0, 25, 3)
    assert len(people.scores) == 0


def test_faces_and_hands_go_with_their_people(start):
    people = start(face=True, hand=True).detect([FRAME])[0]

    assert people.faces.shape == (3, 70, 3)
    assert people.hands.shape == (3, 2, 21, 3)
    assert people.faces[:, 0, 0].tolist() == [101, 102, 100]
    assert people.hands[:, 0, 0, 0].tolist() == [201, 202, 200]
    assert people.hands[:, 1, 0, 0].tolist() == [301, 302, 300]


def test_the_best_are_kept_with_their_own_scores(start):
    people = start(number_people_max=2).detect([FRAME])[0]

    assert people.keypoints[:, 0, 0].tolist() == [1, 2]
    assert people.scores.tolist() == [0.75, 0.5]


def test_who_is_followed_has_a_number(start):
    assert start(number_people_max=1, tracking=0).detect([FRAME])[0].ids.tolist() == [41]


def test_any_view_of_pixels_is_taken(start):
    assert len(start().detect([FRAME[::2, ::-2]])[0]) == 3


# -- flags ------------------------------------------------------------------------------------


def test_settings_arrive_as_openposes_flags(start, capfd):
    environ = {
        "WORKER_ENGINE": "pyopenpose",
        "OPENPOSE_MODEL_POSE": "COCO",
        "OPENPOSE_NET_RESOLUTION": "656x-1",
        "OPENPOSE_SCALE_NUMBER": "3",
        "OPENPOSE_SCALE_GAP": "0.3",
        "OPENPOSE_FACE": "true",
        "OPENPOSE_FACE_NET_RESOLUTION": "320x320",
        "OPENPOSE_HAND": "yes",
        "OPENPOSE_HAND_NET_RESOLUTION": "256x256",
        "OPENPOSE_TRACKING": "5",
        "OPENPOSE_NUMBER_PEOPLE_MAX": "1",
    }
    options = engines.options(settings.load("worker", MANUAL | environ, Path("/none")).openpose)
    given = dataclasses.asdict(options)
    assert given.pop("model_folder") == "/srv/openpose/models"
    start(**given)
    _, _, said = capfd.readouterr().err.partition("configured: ")
    flags = json.loads(said)

    assert flags.pop("model_folder").endswith("/")
    assert flags == {
        "model_pose": "COCO",
        "net_resolution": "656x-1",
        "scale_number": 3,
        "scale_gap": 0.3,
        "number_people_max": 1,
        "face": True,
        "face_net_resolution": "320x320",
        "hand": True,
        "hand_net_resolution": "256x256",
        "tracking": 5,
        "maximize_positives": False,
        "render_pose": 0,
        "num_gpu": 1,
        "num_gpu_start": 0,
    }


# -- what is missing or broken ----------------------------------------------------------------


def test_a_missing_module_is_named(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "pyopenpose", None)
    said = error(pyopenpose.create, options=engines.Options(model_folder=folder))
    assert "pyopenpose" in said
    assert "Dockerfile.cuda" in said


@pytest.mark.parametrize(
    ("why", "cure"),
    [
        ("libcuda.so.1: cannot open shared object file", "NVIDIA container toolkit"),
        ("libboost_thread.so: cannot open shared object file", "build the image anew"),
    ],
)
def test_a_module_that_cannot_be_loaded(monkeypatch, tmp_path, why, cure):
    (tmp_path / "pyopenpose.py").write_text(f"raise ImportError({why!r})")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyopenpose", raising=False)
    said = error(pyopenpose.create, options=engines.Options())
    assert why in said
    assert cure in said


def test_all_missing_networks_are_named_at_once(start, folder):
    needed = ("body_25/pose_iter_584000", "face/pose_iter_116000", "hand/pose_iter_102000")
    for name in needed:
        next(folder.rglob(f"{name}.caffemodel")).unlink()
    said = error(start, face=True, hand=True)

    assert all(f"{name}.caffemodel is missing" in said for name in needed)


def test_networks_that_are_not_needed_may_be_missing(start, folder):
    for path in folder.rglob("*.caffemodel"):
        if "coco" not in str(path):
            path.unlink()
    assert len(start(model_pose="COCO").detect([FRAME])[0]) == 3


@pytest.mark.parametrize("model", ["BODY_25", "COCO"])
def test_a_corrupt_network_is_named(start, folder, model):
    path = folder / pyopenpose.NETWORKS[model].weights
    path.write_bytes(bytes(len(path.read_bytes())))
    said = error(start, model_pose=model)

    assert str(path) in said
    assert pyopenpose.NETWORKS[model].md5 in said


def test_a_network_that_broke_off_is_seen_by_its_size(start, folder):
    path = folder / pyopenpose.NETWORKS["BODY_25"].weights
    path.write_bytes(path.read_bytes()[:-1])
    said = error(start)

    assert f"has {path.stat().st_size} bytes" in said
    assert "MD5" not in said


def test_a_folder_in_a_networks_place_is_named(start, folder):
    path = folder / pyopenpose.NETWORKS["MPI"].weights
    path.unlink()
    path.mkdir()
    assert str(path) in error(start, model_pose="MPI")


def test_a_missing_description_is_named(start, monkeypatch, tmp_path):
    monkeypatch.setattr(pyopenpose, "DESCRIPTIONS", tmp_path / "none")
    assert "none/pose/body_25/pose_deploy.prototxt is missing" in error(start)


@pytest.mark.parametrize(("gpus", "why"), [(0, "no GPU"), (-1, "driver version is insufficient")])
def test_a_missing_gpu(start, module, gpus, why):
    module.gpus = gpus
    said = error(start)
    assert why in said
    assert "nvidia-smi" in said


def test_threads_that_die_at_the_start(start, module):
    module.dies = "Prototxt file not found"
    said = error(start)
    assert said == "OpenPose cannot start: Prototxt file not found"


def test_threads_that_die_later_stop_the_worker(start, module, monkeypatch):
    engine = start()
    monkeypatch.setattr(engine._wrapper, "started", False)
    with pytest.raises(RuntimeError, match="OpenPose has stopped"):
        engine.detect([FRAME])[0]


def test_the_settings_know_all_engines():
    assert flags.ENGINES == engines.NAMES
    assert set(skeletons.BY_MODEL) < set(pyopenpose.NETWORKS)
