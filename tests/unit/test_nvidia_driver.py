"""What is done about a host's driver, by tables; and what a host shows of its GPUs and driver."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible.module_utils import nvidia_driver as driver

from tests.nvidia_hosts import (
    A100,
    B200,
    H100,
    K80,
    KERNELS,
    L4,
    M60,
    P40,
    T4,
    V100,
    decide,
    load,
    sources,
)

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests/gpu_stand_in.sh"


look = load("library/nvidia_look.py", "nvidia_look")


@pytest.mark.parametrize(
    ("device", "generation"),
    [
        ("06d1", "Fermi or older"),  # Tesla C2050
        ("0ff3", "Kepler"),  # Quadro K420
        (K80, "Kepler"),
        ("1091", "Fermi or older"),  # Tesla M2090
        ("118f", "Kepler"),  # Tesla K10
        ("1201", "Fermi or older"),  # GeForce GTX 560
        ("128b", "Kepler"),  # GeForce GT 710
        ("1380", "Maxwell"),  # GeForce GTX 750 Ti
        (M60, "Maxwell"),
        ("17fd", "Maxwell"),  # Tesla M40
        ("15f8", "Pascal"),  # Tesla P100
        (P40, "Pascal"),
        (V100, "Volta"),
        (T4, "Turing"),
        ("2184", "Turing"),  # GeForce GTX 1660
        (A100, "Ampere"),
        ("2204", "Ampere"),  # GeForce RTX 3090
        (H100, "Hopper"),
        ("2484", "Ampere"),  # GeForce RTX 3070
        ("2684", "Ada"),  # GeForce RTX 4090
        (L4, "Ada"),
        (B200, "Blackwell"),
        ("2b85", "Blackwell"),  # GeForce RTX 5090
    ],
)
def test_generations_by_pci_id(device, generation):
    assert driver.generation(device) == generation


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("6.1.0-56-amd64", "amd64"),
        ("6.1.0-56-cloud-amd64", "cloud-amd64"),
        ("6.12.118+deb13-amd64", "amd64"),
        ("6.12.118+deb13-cloud-amd64", "cloud-amd64"),
        ("6.8.0-87-generic", "generic"),
        ("6.8.0-1040-aws", "aws"),
        ("6.17.9", ""),
    ],
)
def test_flavours_of_kernels(kernel, flavour):
    assert driver.flavour(kernel) == flavour


NVIDIA = {"source": "nvidia"}


@pytest.mark.parametrize(
    ("release", "devices", "options", "packages"),
    [
        (
            "Debian 12",
            [H100],
            {},
            "linux-headers-6.1.0-56-amd64 linux-headers-amd64 nvidia-kernel-dkms",
        ),
        ("Debian 12", [P40], {}, "nvidia-kernel-dkms nvidia-smi libcuda1"),
        (
            "Debian 13",
            [H100],
            {},
            "linux-headers-6.12.118+deb13-amd64 linux-headers-amd64 nvidia-open-kernel-dkms",
        ),
        ("Debian 13", [V100], {}, "linux-headers-amd64 nvidia-kernel-dkms nvidia-smi"),
        ("Debian 13", [H100], {"modules": "proprietary"}, "linux-headers-amd64 nvidia-kernel-dkms"),
        ("Debian 13", [V100, T4], {}, "linux-headers-amd64 nvidia-kernel-dkms"),
        (
            "Ubuntu 24.04",
            [L4],
            {},
            "linux-modules-nvidia-580-server-open-6.8.0-87-generic "
            "linux-modules-nvidia-580-server-open-generic "
            "nvidia-headless-no-dkms-580-server-open nvidia-utils-580-server",
        ),
        (
            "Ubuntu 22.04",
            [P40],
            {"branch": "535"},
            "linux-modules-nvidia-535-server-5.15.0-161-generic "
            "linux-modules-nvidia-535-server-generic "
            "nvidia-headless-no-dkms-535-server nvidia-utils-535-server",
        ),
        ("Debian 12", [B200], NVIDIA, "nvidia-kernel-open-dkms nvidia-driver-cuda"),
        ("Debian 13", [V100], NVIDIA, "nvidia-kernel-dkms nvidia-driver-cuda"),
        (
            "Ubuntu 22.04",
            [T4],
            NVIDIA,
            "nvidia-dkms-580-open libnvidia-compute-580 nvidia-utils-580",
        ),
        (
            "Ubuntu 26.04",
            [V100],
            {},
            "linux-modules-nvidia-580-server-7.0.0-34-generic",
        ),
        ("Ubuntu 26.04", [B200], NVIDIA, "nvidia-dkms-open libnvidia-compute"),
    ],
)
def test_packages_of_a_driver(release, devices, options, packages):
    plan = decide(release, devices, options)
    assert plan["action"] == "install", plan["message"]
    assert packages in " ".join(plan["packages"])
    assert bool(plan["repository"]) == (options == NVIDIA)


def test_nvidias_repository_pins_the_branch_and_has_its_own_key_for_debian_13():
    plan = decide("Debian 13", [L4], NVIDIA | {"branch": "590"})
    assert plan["pin"] == ["nvidia-driver-pinning-590"]
    assert plan["repository"]["url"].endswith("/debian13/x86_64")
    older = decide("Debian 12", [L4], NVIDIA)["repository"]["fingerprint"]
    assert plan["repository"]["fingerprint"] != older


@pytest.mark.parametrize(
    ("release", "machine", "folder"),
    [
        ("Debian 13", "x86_64", "debian13/x86_64"),
        ("Ubuntu 24.04", "x86_64", "ubuntu2404/x86_64"),
        ("Ubuntu 24.04", "aarch64", "ubuntu2404/sbsa"),
        ("Ubuntu 26.04", "aarch64", "ubuntu2604/sbsa"),
    ],
)
def test_nvidias_repository_by_platform_and_machine(release, machine, folder):
    plan = decide(release, [L4], NVIDIA, machine=machine)
    assert plan["repository"]["url"].endswith(f"/compute/cuda/repos/{folder}")


def test_a_machine_of_another_kind_has_its_own_packages():
    plan = decide("Debian 12", [L4], machine="aarch64", kernel="6.1.0-56-arm64")
    assert plan["packages"][:2] == ["linux-headers-6.1.0-56-arm64", "linux-headers-arm64"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"devices": [B200]}, "(Blackwell) needs branch 570 or newer, and 550"),
        ({"devices": [B200]}, "set nvidia_driver_source: nvidia"),
        ({"devices": [K80]}, "(Kepler) needs branch 470 or older, and 550"),
        (
            {"devices": [V100], "options": NVIDIA | {"branch": "590"}},
            "(Volta) needs branch 580 or older, and 590",
        ),
        ({"devices": [V100], "options": NVIDIA | {"branch": "590"}}, "nvidia_driver_branch: 580"),
        (
            {"devices": [V100, B200], "options": NVIDIA},
            "(Volta, Blackwell) need open and proprietary modules at once",
        ),
        (
            {"release": "Debian 12", "options": {"modules": "open"}},
            "distribution has proprietary ones for Debian 12",
        ),
        ({"devices": [P40], "options": {"modules": "open"}}, "runs with proprietary modules"),
        ({"options": {"branch": "580"}}, "distribution has 550 for Debian 13, not 580"),
        ({"options": {"source": "none"}}, "nvidia_driver_source is none: install one by hand"),
        ({"release": "Debian 11"}, "distribution has none for Debian 11 on x86_64"),
        ({"release": "Rocky 9", "options": NVIDIA}, "nvidia has none for Rocky 9 on x86_64"),
        ({"machine": "aarch64", "options": NVIDIA}, "has none for Debian 13 on aarch64"),
        (
            {"release": "Ubuntu 26.04", "devices": [V100], "options": NVIDIA},
            "(Volta) needs branch 580 or older, and 595",
        ),
        ({"kernel": "6.17.9"}, "its kernel 6.17.9 is not one of Debian 13"),
        ({"secure_boot": True}, "Secure Boot is on, and the driver's module is built on the host"),
        (
            {"secure_boot": True, "release": "Ubuntu 24.04", "options": NVIDIA},
            "set nvidia_driver_source: distribution, whose modules Ubuntu has signed",
        ),
        ({"bound": ["vfio-pci"]}, "given to virtual machines"),
        ({"runfile": True, "state": "no module"}, "NVIDIA's installer put a driver there"),
        (
            {"state": "broken", "loaded": "550.163.01", "error": "No devices were found"},
            "nvidia-smi fails: No devices were found; see `dmesg",
        ),
        (
            {"state": "mismatch", "loaded": "550.1", "library": "550.2", "on_disk": "550.1"},
            "the module on disk is of version 550.1: install library and module of one version",
        ),
        (
            {"state": "mismatch", "loaded": "550.1", "library": "550.2"},
            "there is no module for the kernel 6.12.118+deb13-amd64 on disk: see `dkms status`",
        ),
    ],
)
def test_refused(arguments, message):
    plan = decide(**arguments)
    assert plan["action"] == "refuse"
    assert message in plan["message"]


@pytest.mark.parametrize(
    ("state", "action", "message"),
    [
        ({"state": "works", "loaded": "470.9", "devices": [B200]}, "leave", "470.9 works"),
        ({"state": "works", "loaded": "550.1", "secure_boot": True}, "leave", "550.1 works"),
        ({"state": "works", "release": "Rocky 9", "loaded": "1.2"}, "leave", "1.2 works"),
        ({"secure_boot": True, "key_enrolled": True}, "install", "open modules of branch 550"),
        ({"secure_boot": True, "release": "Ubuntu 24.04"}, "install", "branch 580"),
        ({"state": "no module", "packaged": True}, "install", "its kernel module is missing"),
        ({"state": "no module", "on_disk": "550.1"}, "load", "550.1 is there and not loaded"),
        (
            {"state": "no module", "on_disk": "550.1", "bound": ["nouveau"]},
            "reboot",
            "nouveau still has the GPU",
        ),
        (
            {"state": "mismatch", "loaded": "550.1", "library": "550.2", "on_disk": "550.2"},
            "reboot",
            "the library is of version 550.2, the loaded kernel module of 550.1",
        ),
    ],
)
def test_other_plans(state, action, message):
    plan = decide(**state)
    assert plan["action"] == action
    assert message in plan["message"]


# What a host shows: the stand-in is in four states.


class Module:
    """What nvidia_look asks of Ansible's module, with programs of a folder alone."""

    def __init__(self, root: Path):
        self.root = root

    def get_bin_path(self, name: str) -> str | None:
        path = self.root / "usr/bin" / name
        return str(path) if path.exists() else None

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("stand_in", "state", "action", "message"),
    [
        ("works", "works", "leave", "driver 550.163.01 works"),
        (
            "mismatch",
            "mismatch",
            "refuse",
            "the library is of version 550.999.02, the loaded kernel module of 550.163.01",
        ),
        ("no-module", "no module", "install", "it has no driver"),
        ("not-loaded", "no module", "load", "the kernel module 550.163.01 is there"),
        ("absent", "absent", "install", "it has no driver"),
    ],
)
def test_a_host_in_each_state(tmp_path, stand_in, state, action, message):
    subprocess.run(["sh", STAND_IN, tmp_path, stand_in], check=True)
    found = look.gpus(tmp_path)
    assert [(gpu["index"], gpu["address"], gpu["device"]) for gpu in found] == [
        (0, "0000:01:00.0", "2330")
    ]
    seen = look.look_at_driver(Module(tmp_path), tmp_path, found)
    assert seen["state"] == state
    assert seen["names"] == (
        {"0000:01:00.0": "NVIDIA H100 80GB HBM3"} if stand_in == "works" else {}
    )
    name = "Debian 12"
    host = seen | {"release": name, "sources": sources(name), "kernel": KERNELS[name]}
    host["machine"] = "x86_64"
    plan = driver.decide(host, {"source": "distribution", "branch": "", "modules": "auto"})
    assert plan["action"] == action
    assert message in plan["message"]


def test_secure_boot_is_the_last_byte(tmp_path):
    variable = tmp_path / look.SECURE_BOOT
    assert not look.secure_boot(tmp_path)
    variable.parent.mkdir(parents=True)
    for value in (0, 1):
        variable.write_bytes(bytes([6, 0, 0, 0, value]))
        assert look.secure_boot(tmp_path) == bool(value)


def test_both_kinds_of_modules_say_their_version(tmp_path):
    file = tmp_path / "proc/driver/nvidia/version"
    file.parent.mkdir(parents=True)
    for kind in ("Kernel Module ", "Open Kernel Module for x86_64"):
        file.write_text(
            f"NVRM version: NVIDIA UNIX x86_64 {kind} 535.309.01  Wed Sep 1\nGCC 12.2\n"
        )
        assert look.loaded_version(tmp_path) == "535.309.01"


@pytest.mark.parametrize(
    ("engine", "toolkit", "asked", "way", "options"),
    [
        (
            *("20.10.24+dfsg1", "1.20.2-1", "auto", "runtime"),
            {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}},
        ),
        ("26.1.5+dfsg1", "1.20.2-1", "auto", "cdi", {"features": {"cdi": True}}),
        ("28.2.2", "", "auto", "cdi", {}),
        (
            *("29.0", "1.10.0-1", "auto", "runtime"),
            {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}},
        ),
        (
            *("29.0", "1.20.2-1", "runtime", "runtime"),
            {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}},
        ),
    ],
)
def test_the_way_of_access(engine, toolkit, asked, way, options):
    assert look.access(engine, toolkit, asked) == way
    assert look.daemon_options(engine, way) == options


ASKED = {"sources": {"nvidia": {}}, "access": "cdi", "release": "Rocky 9.6"}
LEAVE = {"action": "leave", "message": ""}


def test_cdi_is_refused_of_an_old_engine():
    found = {"state": "works", "gpus_answer": True, "toolkit": False}
    assert "Docker engine 20.10 knows no CDI" in look.problems(found, LEAVE, ASKED, "20.10")[0]
    assert look.problems(found, LEAVE, ASKED, "25.0") == []


@pytest.mark.parametrize("toolkit", [True, False])
def test_on_a_platform_that_is_not_known_the_toolkit_has_to_be_there(toolkit):
    found = {"state": "works", "gpus_answer": True, "toolkit": toolkit}
    refused = look.problems(found, LEAVE, ASKED | {"sources": {}}, "28.2.2")
    assert bool(refused) != toolkit
    assert toolkit or "nothing is known of its packages for Rocky 9.6" in refused[0]


def test_a_specification_of_another_driver_does_not_count(tmp_path):
    folder = tmp_path / "etc/cdi"
    folder.mkdir(parents=True)
    (folder / "other.yaml").write_text("cdiVersion: 0.5.0\nkind: example.com/disk\n")
    spec = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n  - hostPath: /usr/lib/libcuda.so.550.1.2\n"
    (folder / "nvidia.yaml").write_text(spec)
    assert look.specifications(tmp_path, "550.1.2") == ["/etc/cdi/nvidia.yaml"]
    assert look.specifications(tmp_path, "550.1.3") == []


def test_only_a_driver_of_the_roles_own_is_held():
    toolkit = "nvidia-container-toolkit"
    packages = {
        name: {} for name in ("nvidia-smi", "libnvidia-ml1", "linux-headers-amd64", toolkit)
    }
    assert look.ours(packages, [toolkit]) == [toolkit]
    recorded = ["nvidia-smi", "linux-headers-amd64"]
    assert look.ours(packages, recorded) == ["libnvidia-ml1", "nvidia-smi"]
