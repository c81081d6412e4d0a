"""The check of GPU hosts: what its rows say, and that failures are named with their cures."""

from __future__ import annotations

import pytest

from .plugins import load

check = load("roles/nvidia/library/nvidia_check.py")

FOUR = ("libnvidia-container1", "libnvidia-container-tools", "toolkit", "toolkit-base")


def found(**more) -> dict:
    """Return a good host with one GPU, but for what is said."""
    good = {
        "gpus": [{"index": 0, "address": "0000:01:00.0", "device": "2330", "name": "H100"}],
        "access": "cdi",
        "driver": {
            "state": "works",
            "loaded": "550.1",
            "library": "550.1",
            "kernel": "6.12",
        },
        "plan": {"action": "leave", "message": "driver 550.1 works"},
        "toolkit": dict.fromkeys(FOUR, "1.20.2-1"),
        "specifications": ["/var/run/cdi/nvidia.yaml"],
    }
    return good | more


def state(name: str, action: str, message: str = "why") -> dict:
    driver = found()["driver"] | {"state": name}
    return found(driver=driver, plan={"action": action, "message": message})


@pytest.mark.parametrize(
    ("row", "cure"),
    [
        (check.pci(found()), ""),
        (check.pci(found(gpus=[])), "set openpose_engine: openvino"),
        (check.driver(found()), ""),
        (check.driver(state("absent", "install")), "run playbooks/nvidia.yml"),
        (check.driver(state("no module", "load")), "`modprobe nvidia`"),
        (check.driver(state("mismatch", "reboot")), "reboot"),
        (check.driver(state("broken", "refuse", "see dmesg")), "see dmesg"),
        (check.versions(found()), ""),
        (check.versions(found(driver={"loaded": "1.1", "library": "1.2"})), "reboot"),
        (check.versions(found(driver={"loaded": "", "library": ""})), "reboot"),
        (check.toolkit(found()), ""),
        (check.toolkit(found(toolkit={})), "run playbooks/nvidia.yml"),
        (check.toolkit(found(toolkit=dict.fromkeys(FOUR[1:], "1.20.2-1"))), "four packages"),
        (
            check.toolkit(found(toolkit=dict.fromkeys(FOUR, "1.20.2-1") | {FOUR[0]: "1.18.0-1"})),
            "at one version",
        ),
        (check.engine(found(), {}), "systemctl status docker"),
        (check.engine(found(), {"ServerVersion": "26.1"}), ""),
        (
            check.engine(found(access="runtime"), {"ServerVersion": "20.10", "Runtimes": {}}),
            "adds it to daemon.json",
        ),
        (
            check.engine(
                found(access="runtime"), {"ServerVersion": "20.10", "Runtimes": {"nvidia": {}}}
            ),
            "",
        ),
        (check.specification(found()), ""),
        (check.specification(found(specifications=[])), "restart nvidia-cdi-refresh"),
    ],
)
def test_rows(row, cure):
    assert cure in row["cure"]
    assert row["result"] == (check.WRONG if cure else check.OK)


def test_device_nodes_are_named(tmp_path):
    for name in ("nvidiactl", "nvidia0"):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    lacking = check.nodes(found(), tmp_path)
    assert (lacking["result"], lacking["seen"]) == (check.WRONG, "lacks nvidia-uvm")
    (tmp_path / "dev/nvidia-uvm").touch()
    assert check.nodes(found(), tmp_path)["result"] == check.OK


@pytest.mark.parametrize(
    ("said", "meaning", "cure"),
    [
        (
            "docker: Error response from daemon: could not select device driver",
            "does not know CDI",
            "playbooks/nvidia.yml",
        ),
        (
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=0",
            "no CDI specification with this GPU",
            "restart nvidia-cdi-refresh",
        ),
        (
            "Error response from daemon: unknown or invalid runtime name: nvidia.",
            "no runtime nvidia",
            "playbooks/nvidia.yml",
        ),
        (
            "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 1.2",
            "different versions",
            "reboot",
        ),
        (
            "nvidia-container-cli: initialization error: nvml error: driver/library version "
            "mismatch: unknown",
            "different versions",
            "reboot",
        ),
        (
            'failed to inject CDI devices: failed to stat CDI host device "/dev/nvidia0": no such '
            "file or directory",
            "no device nodes",
            "nvidia-modprobe",
        ),
        (
            'exec: "nvidia-smi": executable file not found in $PATH',
            "got nothing of the driver",
            "restart nvidia-cdi-refresh",
        ),
        ("Failed to initialize NVML: Unknown Error", "has lost its devices", "restart"),
        (
            "failed to create the automatic CDI modifier: failed to initialize NVML: "
            "ERROR_LIBRARY_NOT_FOUND: unknown.",
            "libraries are missing",
            "install",
        ),
        (
            "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: "
            "cannot open shared object file",
            "libraries are missing",
            "install",
        ),
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
            "module is not loaded",
            "modprobe nvidia",
        ),
        ("Error: No such image: posestream:cuda", "image is not on the host", "images.yml"),
        ("something\nentirely new", "entirely new", "please report it"),
    ],
)
def test_failures_are_named(said, meaning, cure):
    named, what_to_do = check.named(said)
    assert meaning in named
    assert cure in what_to_do


def test_a_container_gets_its_gpu_as_the_worker_does():
    assert check.docker_options("cdi", 1) == ["--device", "nvidia.com/gpu=1"]
    assert "NVIDIA_VISIBLE_DEVICES=1" in check.docker_options("runtime", 1)
