"""Which image each host gets, and who builds it: a dry run says so, with an engine or without."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GPU = {"gpu_devices": [{"index": 0, "address": "0000:01:00.0", "device": "2330", "name": ""}]}
GPU["gpu_access"] = "cdi"
CPU = {"gpu_devices": [], "gpu_access": ""}
SWITCHED_OFF = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
IMAGES = {
    f"posestream_{of}image": f"of-nobody:{kind}"
    for of, kind in (("", "cpu"), ("onnx_", "onnx"), ("cuda_", "cuda"))
}


@pytest.fixture
def would(tmp_path):
    """Return what says, for groups of hosts, {image: {host that takes it: what would be done}}."""

    def run(
        openpose: dict, viewer: dict | None = None, camera: dict | None = None, **said
    ) -> dict[str, dict[str, str]]:
        shared = {"ansible_connection": "local", "ansible_become": False, **IMAGES, **said}
        # A machine may have the project's own images, which are made of the same.
        shared |= {"posestream_image_edition": "of-nobody", "openpose_license_accepted": True}
        groups = {"openpose": openpose, "viewer": viewer or {}, "camera": camera or {}}
        groups = {name: {"hosts": hosts} for name, hosts in groups.items()}
        inventory = {"all": {"vars": shared | {"broker_hostname": "kafka"}, "children": groups}}
        (tmp_path / "hosts.json").write_text(json.dumps(inventory))
        result = subprocess.run(
            ["ansible-playbook", "playbooks/images.yml", "--check", "-i", tmp_path / "hosts.json"],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        found: dict[str, dict[str, str]] = {image: {} for image in IMAGES.values()}
        for play in json.loads(result.stdout)["plays"]:
            for task in play["tasks"]:
                for host, answer in task["hosts"].items():
                    assert not answer.get("failed"), answer
                    image, _, what = answer.get("msg", "").partition(" would be ")
                    if task["task"]["name"].endswith("Say what is to come") and image in found:
                        found[image][host] = what
        return found

    return run


@pytest.mark.parametrize(("engine", "kind"), [("onnx", "onnx"), ("pyopenpose", "cuda")])
def test_a_host_that_builds_needs_no_gpu_and_the_others_may_be_switched_off(would, engine, kind):
    hosts = {"gpu01": SWITCHED_OFF | {"openpose_engine": engine}}
    found = would(hosts, posestream_build_host="localhost")
    assert found.pop(f"of-nobody:{kind}")["gpu01"].endswith("files/openpose on localhost")
    assert not any(found.values()), "no worker on the CPU, no camera, no viewer"


def test_each_host_gets_the_image_of_its_engine_from_the_first_that_has_it(would):
    hosts = {"gpu01": GPU, "cpu01": CPU, "gpu02": GPU, "cpu02": CPU}
    hosts["gpu-unused"] = GPU | {"openpose_engine": "openvino"}
    hosts |= {f"old0{number}": GPU | {"openpose_engine": "pyopenpose"} for number in (1, 2)}
    pis = {f"pi0{number}": {"camera_name": f"lens {number}"} for number in (1, 2)}
    pis["pi01"]["camera_runs"] = "systemd"  # and needs none
    found = would(hosts, {"gpu02": {}}, pis)
    assert found["of-nobody:onnx"].keys() == {"gpu01", "gpu02"}
    assert found["of-nobody:onnx"]["gpu02"].endswith(" on gpu01")
    assert found["of-nobody:cuda"].keys() == {"old01", "old02"}
    assert found["of-nobody:cuda"]["old02"].endswith(" on old01")
    assert found["of-nobody:cpu"].keys() == {"cpu01", "cpu02", "gpu-unused", "gpu02", "pi02"}
    assert found["of-nobody:cpu"]["gpu02"].endswith(" on cpu01")


@pytest.mark.parametrize("kind", ["cpu", "onnx", "cuda"])
def test_an_image_is_made_of_all_files_that_its_dockerfile_copies(kind):
    said = yaml.safe_load((ROOT / "roles/openpose/vars/main.yml").read_text())
    lock = "requirements-onnx-cuda13.txt" if kind == "onnx" else "requirements.txt"
    own = [lock if "{{" in part else part for part in said[f"openpose_parts_of_{kind}"]]
    (name,) = (part for part in own if part.startswith("Dockerfile"))
    dockerfile = (ROOT / "files/openpose" / name).read_text().replace("${REQUIREMENTS}", lock)
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
    names = {copy.rstrip("/") for line in copied for copy in line.split()}
    parts = {*said["openpose_parts_of_all"], *own}
    assert names - {"ca-certificates"} == parts - {name}
    assert all((ROOT / "files/openpose" / part).exists() for part in parts)
