"""What a host with GPUs is given is what Compose takes: each worker with one GPU, and no other."""

from __future__ import annotations

import json

import pytest

from .. import lab

PLAYBOOK = "tests/system/single_roles/playbooks/worker_folder.yml"
GPUS = [
    {"index": number, "address": f"0000:0{number}:00.0", "device": "2330", "name": ""}
    for number in range(3)
]


@pytest.fixture
def render(tmp_path):
    """Return what renders the folder for a way to the GPUs; it returns what Compose reads there."""

    def run(access: str, **more) -> dict:
        said = {
            "gpu_devices": GPUS,
            "gpu_access": access,
            "openpose_dir": str(tmp_path / "openpose"),
        }
        status, report = lab.playbook(PLAYBOOK, "--extra-vars", json.dumps(said | more))
        assert status == 0, lab.failures(report)
        read = ("docker", "compose", "config", "--format", "json")
        result = lab.run(*read, cwd=tmp_path / "openpose")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)["services"]

    return run


def published(worker: dict) -> str:
    (port,) = worker["ports"]
    return f"{port['host_ip']}:{port['published']}"


def test_by_cdi(render):
    services = render("cdi", openpose_hand=True)
    assert list(services) == ["openpose", "openpose-1", "openpose-2"]
    for number, worker in enumerate(services.values()):
        (asked,) = worker["deploy"]["resources"]["reservations"]["devices"]
        assert (asked["driver"], asked["device_ids"]) == ("cdi", [f"nvidia.com/gpu={number}"])
        assert not asked.get("count"), "the engine refuses a number beside names"
        assert "runtime" not in worker
        assert published(worker) == f"127.0.0.1:{19095 + number}"
        networks, compiled = worker["volumes"]
        assert (networks["target"], networks["read_only"]) == ("/srv/openpose/models", True)
        assert (compiled["type"], compiled["target"]) == ("volume", "/var/cache/posestream")
        environment = worker["environment"]
        assert environment["WORKER_ENGINE"] == "onnx"
        assert environment["OPENPOSE_HAND"] == "true"


def test_by_the_runtime(render):
    services = render("runtime", openpose_gpus=[2, 0], openpose_engine="pyopenpose")
    assert [
        (name, worker["runtime"], worker["environment"]["NVIDIA_VISIBLE_DEVICES"])
        for name, worker in services.items()
    ] == [("openpose", "nvidia", "2"), ("openpose-1", "nvidia", "0")]
    for worker in services.values():
        assert "deploy" not in worker
        assert worker["environment"]["WORKER_ENGINE"] == "pyopenpose"
