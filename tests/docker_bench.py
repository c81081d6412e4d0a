"""What docker-bench-security asks of a running container (its section 5, and who runs in it).

Each check is a plain function over what `docker inspect` says. What a deployment does otherwise on
purpose is a table in SECURITY.md, with the reasons; the tests read that table and no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "SECURITY.md"
SYSTEM = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/sys", "/usr")
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock")
EVERYWHERE = ("", "0.0.0.0", "::")
EVERY = "all"  # in the page's table: each container


@dataclass(frozen=True)
class Container:
    """A container, as `docker inspect` says, and what of the engine's security there is."""

    said: dict[str, Any]
    engine: list[str] = field(default_factory=list)  # SecurityOptions of `docker info`
    programs: list[str] = field(default_factory=list)  # the commands of `docker top`

    @property
    def service(self) -> str:
        """Whose it is: the service of its Compose project, or the name in posestream_limits."""
        return self.said["Config"]["Labels"].get("com.docker.compose.service", "")

    @property
    def host(self) -> dict[str, Any]:
        """What it was started with."""
        return self.said["HostConfig"]

    @property
    def options(self) -> list[str]:
        """Its security options."""
        return self.host.get("SecurityOpt") or []

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """What is mounted into it."""
        return self.said.get("Mounts") or []

    @property
    def published(self) -> list[dict[str, str]]:
        """The addresses and ports of the host that lead into it."""
        bindings = (self.host.get("PortBindings") or {}).values()
        return [binding for each in bindings for binding in each or []]

    def has(self, module: str) -> bool:
        """Say whether the engine has a module of the kernel's, as apparmor."""
        return any(option.startswith(f"name={module}") for option in self.engine)


Check = Callable[[Container], bool]

# The number in the benchmark, what is asked in our words, and whether a container does it.
CHECKS: dict[str, tuple[str, Check]] = {
    "4.1": (
        "a user other than root runs in it",
        lambda c: (c.said["Config"].get("User") or "0").split(":")[0] not in ("0", "root"),
    ),
    "5.1": (
        "AppArmor has a profile for it, where the kernel has AppArmor",
        lambda c: (
            not c.has("apparmor") or c.said.get("AppArmorProfile") not in (None, "", "unconfined")
        ),
    ),
    "5.2": (
        "SELinux labels it, where the kernel has SELinux",
        lambda c: not c.has("selinux") or "label=disable" not in c.options,
    ),
    "5.3": (
        "it has none of the kernel's capabilities",
        lambda c: not c.host.get("CapAdd") and c.host.get("CapDrop") == ["ALL"],
    ),
    "5.4": ("it is not privileged", lambda c: not c.host["Privileged"]),
    "5.5": (
        "no folder of the host's system is mounted",
        lambda c: not any(mount.get("Source") in SYSTEM for mount in c.mounts),
    ),
    "5.6": ("no sshd runs in it", lambda c: not any("sshd" in line for line in c.programs)),
    "5.7": (
        "no port below 1024 leads into it",
        lambda c: all(int(binding["HostPort"]) >= 1024 for binding in c.published),
    ),
    "5.8": (
        "only ports lead into it that are said by number",
        lambda c: not c.host.get("PublishAllPorts"),
    ),
    "5.9": ("it has a network of its own", lambda c: c.host["NetworkMode"] != "host"),
    "5.10": ("its memory is limited", lambda c: c.host["Memory"] > 0),
    "5.11": (
        "its processors are limited",
        lambda c: c.host["NanoCpus"] > 0 or c.host["CpuShares"] > 0,
    ),
    "5.12": ("its root cannot be written", lambda c: c.host["ReadonlyRootfs"]),
    "5.13": (
        "its ports are on one address of the host",
        lambda c: all(binding["HostIp"] not in EVERYWHERE for binding in c.published),
    ),
    "5.14": (
        "it is started again five times at most",
        lambda c: (
            c.host["RestartPolicy"]["Name"] in ("", "no")
            or (
                c.host["RestartPolicy"]["Name"] == "on-failure"
                and c.host["RestartPolicy"]["MaximumRetryCount"] <= 5
            )
        ),
    ),
    "5.15": ("it sees no processes of the host", lambda c: c.host["PidMode"] != "host"),
    "5.16": ("it shares no memory with the host", lambda c: c.host["IpcMode"] != "host"),
    "5.17": ("it has no device of the host", lambda c: not c.host.get("Devices")),
    "5.18": ("its limits are the engine's own", lambda c: not c.host.get("Ulimits")),
    "5.19": (
        "what it mounts is not seen elsewhere",
        lambda c: not any("shared" in (mount.get("Propagation") or "") for mount in c.mounts),
    ),
    "5.20": ("it has a host name of its own", lambda c: c.host["UTSMode"] != "host"),
    "5.21": (
        "the engine's filter of system calls is on",
        lambda c: "seccomp=unconfined" not in c.options and c.has("seccomp"),
    ),
    "5.24": ("it lies below the engine's control group", lambda c: not c.host["CgroupParent"]),
    "5.25": (
        "nothing in it can get more rights",
        lambda c: bool({"no-new-privileges", "no-new-privileges:true"} & set(c.options)),
    ),
    "5.26": (
        "it says whether it is well",
        lambda c: (c.said["State"].get("Health") or {}).get("Status") in ("healthy", "starting"),
    ),
    "5.28": ("its processes are counted and limited", lambda c: (c.host["PidsLimit"] or 0) > 0),
    "5.29": (
        "it is not on the bridge that all containers share",
        lambda c: c.host["NetworkMode"] not in ("default", "bridge"),
    ),
    "5.30": ("its users are not said to be the host's", lambda c: c.host["UsernsMode"] != "host"),
    "5.31": (
        "it cannot reach the engine",
        lambda c: not any(mount.get("Source") in SOCKETS for mount in c.mounts),
    ),
}
# No matter of a container: what people do with `docker exec`, and how old an image is.
NOT_OF_CONTAINERS = ("5.22", "5.23", "5.27")

ROW = re.compile(r"^\| (\d\.\d+) \| ([a-z_, ]+?)( \(where\b[^|]*\))? \| .+ \|$", re.MULTILINE)


@dataclass(frozen=True)
class Deviation:
    """What the page says is done otherwise, by which service, and whether always."""

    number: str
    service: str
    always: bool


def deviations(text: str) -> set[Deviation]:
    """Return the rows of the page's table: `| 5.9 | one, other (where …) | reason |`."""
    return {
        Deviation(number, service, not where)
        for number, services, where in ROW.findall(text)
        for service in services.split(", ")
    }


def failing(container: Container) -> Iterator[str]:
    """Yield the numbers of the checks that a container does not pass."""
    return (number for number, (_, passes) in CHECKS.items() if not passes(container))


def surprises(
    containers: Iterable[tuple[str, Container]], expected: set[Deviation]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return what deviates and is not in the table, and what is in the table and does not.

    Args:
        containers: each with the name by which the table knows its service.
        expected: the table.
    """
    found, names = set(), set()
    for name, container in containers:
        names.add(name)
        found |= {(number, name) for number in failing(container)}
    said = {
        (deviation.number, name): deviation.always
        for deviation in expected
        for name in (names if deviation.service == EVERY else {deviation.service} & names)
    }
    return found - said.keys(), {row for row, always in said.items() if always} - found


def of_deployment(run: Callable[..., str], projects: Iterable[str]) -> Iterator[Container]:
    """Yield the containers of Compose projects; `run` returns what a Docker command prints."""
    engine = json.loads(run("info", "--format", "{{json .SecurityOptions}}"))
    for project in projects:
        label = f"label=com.docker.compose.project={project}"
        for name in run("ps", "--filter", label, "--format", "{{.Names}}").split():
            (said,) = json.loads(run("inspect", name))
            programs = run("top", name, "-o", "pid,args").splitlines()[1:]
            yield Container(said, engine, programs)
