"""From a host's GPUs to its workers: engine, services, networks, the image's build arguments."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from posestream import models

from .test_worker_environment import evaluated_on

ROOT = Path(__file__).parents[2]
CONTEXT = ROOT / "files/openpose"
TWO = [
    {"index": 0, "address": "0000:01:00.0", "device": "2330", "name": ""},
    {"index": 1, "address": "0000:02:00.0", "device": "2330", "name": ""},
]


# Hosts, and what is said of them.
HOSTS = {
    "no-gpu": {"gpu_devices": [], "gpu_access": ""},
    "two-gpus": {
        "gpu_devices": TWO,
        "gpu_access": "cdi",
        "openpose_face": True,
        "posestream_dir": "/srv/pose",
    },
    "chosen-gpus": {
        "gpu_devices": [*TWO, TWO[0] | {"index": 2}],
        "gpu_access": "runtime",
        "openpose_gpus": [2, 0],
        "openpose_metrics_bind": "[::1]:9200",
    },
    "unused-gpus": {"gpu_devices": TWO, "gpu_access": "cdi", "openpose_engine": "openvino"},
    "compiled": {"gpu_devices": TWO, "gpu_access": "cdi", "openpose_engine": "pyopenpose"},
    "not-asked": {},
    "body": {"gpu_devices": TWO},
    "coco": {"gpu_devices": TWO, "openpose_model_pose": "COCO", "openpose_hand": True},
    "mpi": {"gpu_devices": TWO, "openpose_model_pose": "MPI_4_layers", "openpose_face": True},
    "body-of-openpose": {"gpu_devices": TWO, "openpose_engine": "pyopenpose"},
    "free": {"openpose_license_accepted": True},
    "free-coco": {"openpose_model_pose": "COCO"},
    "coco-on-cpu": {"openpose_model_pose": "COCO", "openpose_license_accepted": True},
    "body-on-cpu": {
        "openpose_model_pose": "BODY_25",
        "openpose_license_accepted": True,
        "openpose_hand": True,
    },
    "builds": {
        "openpose_cuda_architectures": [75, 86],
        "openpose_cuda_cudnn": "off",
        "openpose_cuda_source": "/srv/openpose.tar.gz",
        "openpose_cuda_caffe_source": "https://mirror.example.org/caffe.tar.gz",
        "openpose_cuda_build_jobs": 4,
        "openpose_cuda_build_args": {"BUILD_PACKAGES": "make"},
    },
}
# Where a worker keeps what outlives its container's end.
KEPT = {"XDG_STATE_HOME": "/var/cache/posestream"}
WORKERS = ("workers_engine", "workers_devices", "openpose_services", "openpose_flags")
NETWORKS = ("openpose_models",)
BUILD = ("openpose_cuda_all_build_args", "openpose_cuda_files")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory) -> dict[str, dict]:
    """Return the variables of role openpose on each host."""
    folder = tmp_path_factory.mktemp("hosts")
    return evaluated_on(folder, HOSTS, [*WORKERS, *NETWORKS, *BUILD])


def test_a_host_without_a_gpu_has_one_worker_on_the_cpu(hosts):
    host = hosts["no-gpu"]
    assert (host["workers_engine"], host["workers_devices"]) == ("openvino", ["cpu"])
    (worker,) = host["openpose_services"].values()
    assert worker["image"] == "posestream:cpu"
    assert worker["ports"] == ["127.0.0.1:9095:9095"]
    assert worker["volumes"] == ["cache:/var/cache/posestream"]
    assert worker["environment"] == {"WORKER_NAME": "no-gpu-openpose"} | KEPT
    assert not worker.keys() & {"runtime", "deploy"}
    assert (host["openpose_flags"]["OPENPOSE_MODEL_POSE"], host["openpose_models"]) == ("", [])


def test_each_gpu_has_a_worker_that_sees_it_alone_by_cdi(hosts):
    services = hosts["two-gpus"]["openpose_services"]
    assert list(services) == ["openpose", "openpose-1"]
    for number, worker in enumerate(services.values()):
        (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
        assert device["device_ids"] == [f"nvidia.com/gpu={number}"]
        assert device["driver"] == "cdi"
        assert worker["ports"] == [f"127.0.0.1:{9095 + number}:9095"]
        assert worker["image"] == "posestream:onnx"
        networks, compiled = worker["volumes"]
        assert networks == "/srv/pose/models:/srv/openpose/models:ro"
        assert compiled == "cache:/var/cache/posestream"
    flags = hosts["two-gpus"]["openpose_flags"]
    assert flags["WORKER_ENGINE"] == "onnx"
    assert (flags["OPENPOSE_MODEL_POSE"], flags["OPENPOSE_FACE"]) == ("", True)


def test_chosen_gpus_by_the_runtime(hosts):
    assert [
        (name, worker["runtime"], worker["environment"], worker["ports"])
        for name, worker in hosts["chosen-gpus"]["openpose_services"].items()
    ] == [
        (
            "openpose",
            "nvidia",
            {"WORKER_NAME": "chosen-gpus-openpose", "NVIDIA_VISIBLE_DEVICES": "2"} | KEPT,
            ["[::1]:9200:9095"],
        ),
        (
            "openpose-1",
            "nvidia",
            {"WORKER_NAME": "chosen-gpus-openpose-1", "NVIDIA_VISIBLE_DEVICES": "0"} | KEPT,
            ["[::1]:9201:9095"],
        ),
    ]


def test_openpose_itself_is_asked_for_by_name(hosts):
    workers = hosts["compiled"]["openpose_services"].values()
    assert [worker["image"] for worker in workers] == ["posestream:cuda"] * 2
    assert hosts["compiled"]["openpose_flags"]["WORKER_ENGINE"] == "pyopenpose"


def test_a_gpu_may_stay_unused(hosts):
    (worker,) = hosts["unused-gpus"]["openpose_services"].values()
    assert worker["image"] == "posestream:cpu"
    assert "deploy" not in worker


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("body", ["pose/body_25"]),
        ("coco", ["pose/coco", "hand"]),
        ("mpi", ["pose/mpi", "face"]),
        ("body-of-openpose", ["pose/body_25"]),
        ("free", []),
        ("free-coco", []),
        ("coco-on-cpu", ["pose/coco"]),
        ("body-on-cpu", ["pose/body_25", "hand"]),
    ],
)
def test_the_networks_follow_from_the_flags(hosts, name, folders):
    wanted = hosts[name]["openpose_models"]
    assert [str(Path(file["path"]).parent) for file in wanted] == folders
    for file in wanted:
        assert (file["md5"], file["size"]) == models.MODELS[file["path"]]
    for worker in hosts[name]["openpose_services"].values():
        assert any("/srv/openpose/models" in place for place in worker["volumes"]) == bool(folders)


def test_what_is_said_of_the_build_reaches_it_and_nothing_else(hosts):
    assert hosts["builds"]["openpose_cuda_all_build_args"] == {
        "CUDA_ARCHITECTURES": "75 86",
        "USE_CUDNN": "OFF",
        "OPENPOSE_SOURCE": "openpose.tar.gz",
        "CAFFE_SOURCE": "https://mirror.example.org/caffe.tar.gz",
        "BUILD_JOBS": 4,
        "BUILD_PACKAGES": "make",
    }
    assert hosts["builds"]["openpose_cuda_files"] == {
        "sources/openpose.tar.gz": "/srv/openpose.tar.gz"
    }


def test_the_source_topic_has_a_partition_for_each_worker(tmp_path):
    """As playbooks see it: what a host says goes over the shared variables."""
    hosts = {
        "two-gpus": {"workers_devices": [0, 1]},
        "one-of-two": {"workers_devices": [1]},
        "cpu": {"workers_devices": ["cpu"]},
        "not-asked": {},
    }
    inventory = {
        "all": {"children": {"kafka": {"hosts": {"kafka01": {}}}, "openpose": {"hosts": hosts}}}
    }
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    defaults = ROOT / "roles/kafka/defaults/main.yml"
    text = yaml.safe_load(defaults.read_text())["kafka_source_partitions"]
    said = subprocess.run(
        [
            *("ansible", "kafka01", "-i", tmp_path / "hosts.json", "--playbook-dir", "playbooks"),
            *("-m", "ansible.builtin.debug", "-a", f"msg={text}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert yaml.safe_load(said.partition("=>")[2])["msg"] == 2 + 1 + 1 + 1
