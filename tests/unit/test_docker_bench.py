"""The checks of containers: each of them can fail, and what may fail is said in SECURITY.md."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import docker_bench
from tests.docker_bench import CHECKS, Container, Deviation

ROOT = Path(__file__).parents[2]
GOOD = {
    "Config": {"User": "1000:1000", "Labels": {"com.docker.compose.service": "viewer"}},
    "AppArmorProfile": "docker-default",
    "State": {"Health": {"Status": "healthy"}},
    "Mounts": [{"Source": "/opt/viewer/token", "Propagation": "rprivate"}],
    "HostConfig": {
        "CapAdd": None,
        "CapDrop": ["ALL"],
        "Privileged": False,
        "PublishAllPorts": False,
        "NetworkMode": "viewer_default",
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
        "CgroupParent": "",
        "Devices": None,
        "Ulimits": None,
        "Memory": 1,
        "NanoCpus": 1,
        "CpuShares": 0,
        "PidsLimit": 1,
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges:true"],
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5},
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
    },
}
ENGINE = ["name=apparmor", "name=seccomp,profile=default"]
# What makes a good container fail a check: the place, and what is put there.
BAD = {
    "4.1": ("Config.User", "root"),
    "5.1": ("AppArmorProfile", "unconfined"),
    "5.3": ("HostConfig.CapDrop", None),
    "5.4": ("HostConfig.Privileged", True),
    "5.5": ("Mounts", [{"Source": "/etc"}]),
    "5.7": ("HostConfig.PortBindings", {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]}),
    "5.8": ("HostConfig.PublishAllPorts", True),
    "5.9": ("HostConfig.NetworkMode", "host"),
    "5.10": ("HostConfig.Memory", 0),
    "5.11": ("HostConfig.NanoCpus", 0),
    "5.12": ("HostConfig.ReadonlyRootfs", False),
    "5.13": ("HostConfig.PortBindings", {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}),
    "5.14": ("HostConfig.RestartPolicy.Name", "always"),
    "5.15": ("HostConfig.PidMode", "host"),
    "5.16": ("HostConfig.IpcMode", "host"),
    "5.17": ("HostConfig.Devices", [{"PathOnHost": "/dev/video0"}]),
    "5.18": ("HostConfig.Ulimits", [{"Name": "nofile"}]),
    "5.19": ("Mounts", [{"Source": "/srv", "Propagation": "rshared"}]),
    "5.20": ("HostConfig.UTSMode", "host"),
    "5.24": ("HostConfig.CgroupParent", "/mine"),
    "5.25": ("HostConfig.SecurityOpt", []),
    "5.26": ("State", {}),
    "5.28": ("HostConfig.PidsLimit", None),
    "5.29": ("HostConfig.NetworkMode", "bridge"),
    "5.30": ("HostConfig.UsernsMode", "host"),
    "5.31": ("Mounts", [{"Source": "/var/run/docker.sock"}]),
}


def with_(place: str, value) -> dict:
    said = copy.deepcopy(GOOD)
    *path, last = place.split(".")
    inner = said
    for key in path:
        inner = inner[key]
    inner[last] = value
    return said


def test_a_good_container_passes():
    assert list(docker_bench.failing(Container(GOOD, ENGINE))) == []


@pytest.mark.parametrize("number", BAD)
def test_each_check_can_fail(number):
    assert list(docker_bench.failing(Container(with_(*BAD[number]), ENGINE))) == [number]


@pytest.mark.parametrize(
    ("number", "said", "engine", "programs"),
    [
        ("5.2", with_("HostConfig.SecurityOpt", ["no-new-privileges", "label=disable"]), SE, [])
        for SE in [[*ENGINE, "name=selinux"]]
    ]
    + [
        ("5.6", GOOD, ENGINE, ["/usr/sbin/sshd -D"]),
        ("5.21", GOOD, ["name=apparmor"], []),
    ],
    ids=["5.2", "5.6", "5.21"],
)
def test_checks_that_look_beyond_the_container_can_fail_too(number, said, engine, programs):
    assert list(docker_bench.failing(Container(said, engine, programs))) == [number]


def test_every_number_of_the_section_is_there():
    section = {f"5.{number}" for number in range(1, 32)}

    assert {"4.1"} | section == CHECKS.keys() | set(docker_bench.NOT_OF_CONTAINERS)


def test_what_is_no_matter_of_a_container_is_none_of_the_projects_either():
    """5.22 and 5.23: the project's own `docker exec` asks for no privileges and for no root."""
    files = subprocess.run(
        ["git", "grep", "--name-only", "-E", "exec.*(--privileged|--user[ =]*(root|0)\\b)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()

    assert [name for name in files if name.startswith(("roles/", "playbooks/", "docs/"))] == []


def test_the_page_names_checks_and_services_that_there_are():
    rows = docker_bench.deviations(docker_bench.PAGE.read_text())
    catalogue = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())
    names = {
        name
        for service, entry in catalogue["posestream_services"].items()
        for name in entry.get("containers", [service])
    }

    assert rows
    assert {row.number for row in rows} <= CHECKS.keys()
    assert {row.service for row in rows} <= names | {docker_bench.EVERY}


def test_what_deviates_and_what_is_said_to_are_the_same():
    rows = docker_bench.deviations(
        "| number | by | why |\n| 5.9 | one, other | reasons |\n"
        "| 5.17 | one (where a camera is a device) | reasons |\n"
    )
    assert rows == {
        Deviation("5.9", "one", True),
        Deviation("5.9", "other", True),
        Deviation("5.17", "one", False),
    }
    on_host = Container(with_("HostConfig.NetworkMode", "host"), ENGINE)
    root = Container(with_("Config.User", ""), ENGINE)

    assert docker_bench.surprises([("one", on_host)], rows) == (set(), set())
    assert docker_bench.surprises([("one", root)], rows) == ({("4.1", "one")}, {("5.9", "one")})
