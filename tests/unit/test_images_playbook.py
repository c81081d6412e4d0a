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
IMAGES = {"posestream_image": "of-nobody:cpu", "posestream_cuda_image": "of-nobody:cuda"}


@pytest.fixture
def would(tmp_path):
    """Return what says, for groups of hosts, {image: {host that takes it: what would be done}}."""

    def run(openpose: dict, viewer: dict | None = None, **said) -> dict[str, dict[str, str]]:
        shared = {"ansible_connection": "local", "ansible_become": False, **IMAGES, **said}
        # A machine may have the project's own images, which are made of the same.
        shared |= {"posestream_image_edition": "of-nobody", "openpose_license_accepted": True}
        groups = {"openpose": {"hosts": openpose}, "viewer": {"hosts": viewer or {}}}
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


def test_a_host_that_builds_needs_no_gpu_and_the_others_may_be_switched_off(would):
    hosts = {"gpu01": SWITCHED_OFF | {"openpose_engine": "pyopenpose"}}
    found = would(hosts, posestream_build_host="localhost")
    assert found["of-nobody:cuda"]["gpu01"].endswith("files/openpose on localhost")
    assert not found["of-nobody:cpu"], "no worker on the CPU, no camera, no viewer"


def test_each_host_gets_the_image_of_its_engine_from_the_first_that_has_it(would):
    hosts = {"gpu01": GPU, "cpu01": CPU, "gpu02": GPU, "cpu02": CPU}
    hosts["gpu-unused"] = GPU | {"openpose_engine": "openvino"}
    found = would(hosts, {"gpu02": {}})
    assert found["of-nobody:cuda"].keys() == {"gpu01", "gpu02"}
    assert found["of-nobody:cuda"]["gpu02"].endswith(" on gpu01")
    assert found["of-nobody:cpu"].keys() == {"cpu01", "cpu02", "gpu-unused", "gpu02"}
    assert found["of-nobody:cpu"]["gpu02"].endswith(" on cpu01")


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_an_image_is_made_of_all_files_that_its_dockerfile_copies(kind):
    said = yaml.safe_load((ROOT / "roles/openpose/vars/main.yml").read_text())
    parts = said["openpose_parts_of_both"] + said[f"openpose_parts_of_{kind}"]
    dockerfile = (ROOT / f"files/openpose/Dockerfile.{kind}").read_text()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert names - {"ca-certificates"} == set(parts) - {f"Dockerfile.{kind}"}
    assert all((ROOT / "files/openpose" / name).exists() for name in parts)
