"""Hosts of the tests: containers in which systemd runs, as Molecule's are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import lab

CERTIFICATES = "/usr/local/share/ca-certificates"
CGROUPS = "/sys/fs/cgroup"
RIGHTS = (
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--cgroupns", "host"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--tmpfs", "/run", "--tmpfs", "/tmp"),
    *("--volume", f"{CGROUPS}:{CGROUPS}:rw", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"),
    *("--env", "container=docker"),
    *(
        "--env",
        "SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 "
        "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
    ),
)


def docker(*arguments: str, timeout: int = 120) -> str:
    """Run the Docker client; CalledProcessError where it fails."""
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=timeout
    ).stdout


def run(host: str, *command: str, text: str = "") -> str:
    """Run a command that has to succeed on a host, `text` as its input; return its output."""
    result = subprocess.run(
        ["docker", "exec", "--interactive", host, *command],
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, f"{command} on {host}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


def put(host: str, folder: str, archive: bytes) -> None:
    """Unpack a tar archive into a folder of a host."""
    command = ["docker", "cp", "-", f"{host}:{folder}"]
    subprocess.run(command, input=archive, check=True, capture_output=True, timeout=120)


@contextmanager
def network(name: str, *options: str) -> Iterator[str]:
    """Make a network for hosts, and remove it; yields its name.

    Hosts that a run which was killed has left on it go first: they would hold it.
    """

    def remove_all() -> None:
        on_it = ("--filter", f"network={name}", "--format", "{{.Names}}")
        for left in docker("ps", "--all", *on_it).split():
            remove(left)
        for left in docker("network", "ls", "--quiet", "--filter", f"name=^{name}$").split():
            docker("network", "rm", left)

    remove_all()
    docker("network", "create", *options, name)
    try:
        yield name
    finally:
        remove_all()


@contextmanager
def host(name: str, release: str, network: str = "bridge", *options: str) -> Iterator[str]:
    """Run a host of a Debian release, and remove it with its data; yields its name.

    Args:
        name: the container's, and the host's own.
        release: tests/prepare.yml has made its image.
        network: the network that it is on.
        options: further ones of `docker run`.
    """
    data = ("--volume", f"{name}:/var/lib/docker")
    remove(name)
    try:
        docker(
            *("run", "--detach", "--name", name, "--hostname", name, "--network", network),
            *(*options, *RIGHTS, *data, f"posestream-host:{release}", "/sbin/init"),
        )
        lab.wait_until(lambda: is_up(name), lambda: f"systemd in {name}")
        docker("exec", name, "update-ca-certificates")
        yield name
    finally:
        remove(name)


def is_up(name: str) -> bool:
    """Say whether systemd has started everything, or all that a container lets it."""
    state = lab.run("docker", "exec", name, "systemctl", "is-system-running").stdout.strip()
    return state in ("running", "degraded")


def remove(name: str) -> None:
    """Remove a host and its data, where it is there."""
    lab.run("docker", "rm", "--force", "--volumes", name)
    lab.run("docker", "volume", "rm", "--force", name)


def write_inventory(path: Path, groups: dict[str, list[str]], **variables) -> Path:
    """Write an inventory of hosts in containers; returns its path."""
    everywhere = {"ansible_connection": "community.docker.docker", "ansible_user": "root"}
    path.write_text(
        json.dumps(
            {
                "all": {
                    "vars": everywhere | variables,
                    "children": {
                        group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()
                    },
                }
            }
        )
    )
    return path


def playbook(name: str, inventory: Path, *arguments: str) -> tuple[int, dict]:
    """Run a playbook over an inventory; returns its status and the JSON callback's report."""
    result = lab.run(
        *("ansible-playbook", name, "-i", str(inventory), *arguments),
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
    )
    return result.returncode, json.loads(result.stdout[result.stdout.index("{") :])


def repository_script(name: str) -> str:
    """Return the script that makes and serves the stand-in for somebody's apt repository."""
    folder = Path(__file__).parent
    return "".join((folder / f"{part}_repository.sh").read_text() for part in ("apt", name))


def results(report: dict, task: str) -> list[dict]:
    """Return what the hosts answered to a task, without those that skipped it."""
    return [
        result
        for play in report["plays"]
        for entry in play["tasks"]
        if entry["task"]["name"].endswith(task)
        for result in entry["hosts"].values()
        if not result.get("skipped")
    ]


def changes(report: dict) -> int:
    """Return how many tasks changed something."""
    return sum(stats["changed"] for stats in report["stats"].values())
