"""Debian's real archive has what the platforms' files name, and what is decided of drivers."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from ansible.module_utils import nvidia_driver as driver

from tests.nvidia_hosts import T4, decide, load, platform

write_preferences = load(
    "roles/bundle/library/bundle_packages.py", "bundle_packages"
).write_preferences
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
