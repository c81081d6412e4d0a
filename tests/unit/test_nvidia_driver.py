"""What is done about a host's driver, by tables; and what a host shows of its GPUs and driver."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import nvidia_driver as driver

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests/gpu_stand_in.sh"


def load(path: str, name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


look = load("library/nvidia_look.py", "nvidia_look")
write_preferences = load(
    "roles/bundle/library/bundle_packages.py", "bundle_packages"
).write_preferences

H100, T4, V100, P40, M60, K80, B200, A100, L4 = (
    *("2330", "1eb8", "1db6", "1b38", "13f2", "102d", "2901", "20b5", "27b8"),
)
KERNELS = {
    "Debian 12": "6.1.0-56-amd64",
    "Debian 13": "6.12.118+deb13-amd64",
    "Ubuntu 22.04": "5.15.0-161-generic",
    "Ubuntu 24.04": "6.8.0-87-generic",
    "Ubuntu 26.04": "7.0.0-34-generic",
}


def platform(release: str) -> dict:
    """Return what a platform's file says."""
    path = ROOT / f"roles/platform/vars/{release.replace(' ', '-')}.yml"
    return yaml.safe_load((path if path.exists() else path.with_stem("unknown")).read_text())


def sources(release: str) -> dict:
    """Return what a platform's file says of NVIDIA."""
    return platform(release)["platform_nvidia"]


def decide(release="Debian 13", devices=(H100,), options=(), **state) -> dict:
    host = {
        "release": release,
        "sources": sources(release),
        "machine": "x86_64",
        "kernel": KERNELS.get(release, "6.1.0-56-amd64"),
        "devices": list(devices),
        "bound": [""],
        "secure_boot": False,
        "key_enrolled": False,
        "runfile": False,
        "state": "absent",
        "loaded": "",
        "library": "",
        "on_disk": "",
        "error": "",
        "packaged": False,
    }
    chosen = {"source": "distribution", "branch": "", "modules": "auto"}
    return driver.decide(host | state, chosen | dict(options))


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


# Debian's real archive


MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
ARCHIVES = [(release, kind) for release in ("Debian 12", "Debian 13") for kind in MACHINES]


@pytest.fixture(scope="module", params=ARCHIVES, ids=" ".join)
def archive(request, tmp_path_factory) -> tuple[str, str, list[str]]:
    """Read a release's lists into a folder of their own.

    Returns the release, the kind of machine as Debian calls it, and apt's options.
    """
    name, kind = request.param
    known = platform(name)
    root = tmp_path_factory.mktemp("apt")
    for folder in ("lists/partial", "cache/archives/partial", "etc"):
        (root / folder).mkdir(parents=True)
    (root / "status").touch()
    suite, newer = known["platform_release"], known["platform_docker"]["compose_release"]
    components = f"main {known['platform_nvidia']['distribution']['components']}"
    mirror, security = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
    (root / "etc/sources.list").write_text(
        "".join(
            f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uri} "
            f"{name} {components}\n"
            for uri, name in (
                (mirror, suite),
                (mirror, f"{suite}-updates"),
                (security, f"{suite}-security"),
                *([(mirror, newer)] if newer else []),
            )
        )
    )
    if newer:
        write_preferences(root / "etc/preferences", newer, known["platform_docker"]["compose"])
    options = {
        "Dir::Etc": root / "etc",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": root / "lists",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "APT::Architecture": kind,
        "APT::Architectures": kind,
        "Acquire::Languages": "none",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    run_apt(words, "update")
    return name, kind, words


def run_apt(options: list[str], *command: str) -> str:
    done = subprocess.run(
        ["apt-get", *options, *command],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def newest_kernel(kind: str, options: list[str]) -> str:
    """Return the release of the kernel that the archive has headers of."""
    newest = f"linux-headers-{kind}"
    lines = run_apt(options, "-s", "install", newest).splitlines()
    words = [line.split()[1] for line in lines if line.startswith("Inst linux-headers-")]
    return next(
        word.removeprefix("linux-headers-")
        for word in words
        if word.endswith(f"-{kind}") and word != newest
    )


# How the PCI ID database names chips: the first letters of GK110 say Kepler.
CHIPS = {
    "GF": "Fermi or older",
    "GK": "Kepler",
    "GM": "Maxwell",
    "GP": "Pascal",
    "GV": "Volta",
    "TU": "Turing",
    "GA": "Ampere",
    "GH": "Hopper",
    "AD": "Ada",
    "GB": "Blackwell",
}


@pytest.mark.parametrize("archive", ARCHIVES[-1:], indirect=True, ids=" ".join)
def test_generations_agree_with_the_pci_id_database(archive, tmp_path):
    _, _, options = archive
    words = [*options, "-o", "APT::Sandbox::User=root"]
    subprocess.run(["apt-get", *words, "download", "pci.ids"], cwd=tmp_path, check=True)
    (package,) = tmp_path.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    database = (tmp_path / "usr/share/misc/pci.ids").read_text()
    nvidia = re.search(r"^10de  .*\n((?:[\t#].*\n)+)", database, re.MULTILINE)[1]
    listed = re.findall(r"^\t([0-9a-f]{4})  ([A-Z]{2})\d+\w* ?(.*)$", nvidia, re.MULTILINE)
    wrong = {
        f"{device} {chip} {name}": driver.generation(device)
        for device, chip, name in listed
        if chip in CHIPS
        and driver.generation(device) != CHIPS[chip]
        # What else is on a graphics card.
        and not re.search("Audio|USB|NVSwitch", name)
    }
    assert len(listed) > 700
    assert wrong == {}


@pytest.mark.parametrize("modules", ["open", "proprietary"])
def test_debians_archive_has_the_packages(archive, modules):
    release, kind, options = archive
    kernel = newest_kernel(kind, options)
    plan = decide(release, [T4], {"modules": modules}, kernel=kernel, machine=MACHINES[kind])
    if (release, modules) == ("Debian 12", "open"):
        assert plan["action"] == "refuse"  # its packages contradict each other
        return
    lines = run_apt(options, "-s", "--no-install-recommends", "install", *plan["packages"])
    versions = {
        line.split()[1]: line.split()[2].strip("(")
        for line in lines.splitlines()
        if line.startswith("Inst ")
    }
    assert set(plan["packages"]) <= set(versions)
    module = next(name for name in plan["packages"] if name.endswith("kernel-dkms"))
    driver_version = versions[module]
    assert driver_version.startswith(f"{plan['branch']}.")
    assert {versions[name] for name in ("libcuda1", "libnvidia-ml1", "nvidia-smi")} == {
        driver_version
    }
    assert "xserver-xorg-core" not in versions


def test_debians_archive_has_docker_and_compose(archive):
    release, kind, options = archive
    docker = platform(release)["platform_docker"]
    wanted = docker["engine"] + docker["needs"] + docker["compose"]
    lines = run_apt(options, "-s", "--no-install-recommends", "install", *wanted).splitlines()
    found = [line.split() for line in lines if line.startswith("Inst ")]
    assert set(wanted) <= {words[1] for words in found}
    (compose,) = [words[2] for words in found if words[1] in docker["compose"]]
    assert compose.startswith("(2."), f"Compose v2 for {kind}"
    newer = [
        words[1] for words in found if words[1] not in docker["compose"] and "deb13" in words[2]
    ]
    assert release == "Debian 13" or not newer
