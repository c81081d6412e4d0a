"""The deployment under test, and the playbooks that drive it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
DIRECTORY = Path("/opt/posestream-test")
BROKERS = f"{socket.gethostname()}:19192"
SOURCE_TOPIC = "sinetstream.image.camera"
RESULT_TOPIC = "sinetstream.image.openpose"
KEYPOINTS_TOPIC = "sinetstream.keypoints.openpose"
METRICS = "http://127.0.0.1:19095/metrics"
VIEWER = "http://127.0.0.1:18080/"
LONG = os.environ.get("FAULTS") == "long"  # more of what breaks, and for longer: `make faults`


def run(
    *command: str, cwd: Path = ROOT, timeout: int = 900, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


INVENTORIES = ("inventories/local", "tests/system/inventory")


def playbook(
    name: str, *arguments: str, inventories: tuple[str, ...] = INVENTORIES, cwd: Path = ROOT
) -> tuple[int, dict]:
    """Run a playbook over the test inventory; return its status and the JSON callback's report."""
    result = run(
        "ansible-playbook",
        name,
        *(word for inventory in inventories for word in ("-i", inventory)),
        *arguments,
        cwd=cwd,
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
    )
    return result.returncode, json.loads(result.stdout[result.stdout.index("{") :])


def failures(report: dict) -> str:
    """Return the messages of the failed tasks of a report."""
    return "\n".join(
        f"{task['task']['name']}: {result.get('msg')}\n{result.get('stderr', '')}"
        for play in report["plays"]
        for task in play["tasks"]
        for result in task["hosts"].values()
        if result.get("failed")
    )


def compose(project: str, *arguments: str) -> str:
    """Run `docker compose` in a project's folder, as a person would; returns what it prints."""
    result = run("docker", "compose", *arguments, cwd=DIRECTORY / project)
    assert result.returncode == 0, result.stderr
    return result.stdout


def containers() -> dict[str, tuple[str, str]]:
    """Return the containers of the deployment by project: ids and starting times."""
    return {
        project: tuple(
            run(
                "docker", "inspect", "--format", "{{.Name}} {{.Id}} {{.State.StartedAt}}", name
            ).stdout
            for name in compose(project, "ps", "--all", "--quiet").split()
        )
        for project in ("kafka", "openpose", "camera", "viewer", "node_exporter", "monitoring")
    }


def inspect(name: str) -> dict:
    """Return what Docker says of a container."""
    return json.loads(run("docker", "inspect", name).stdout)[0]


def kill(name: str) -> None:
    """End a container's first process at once, and wait until Docker has started it again."""
    before = inspect(name)["State"]
    assert run("kill", "-KILL", str(before["Pid"])).returncode == 0
    wait_until(
        lambda: inspect(name)["State"]["StartedAt"] != before["StartedAt"],
        lambda: f"Docker to start {name} again",
    )


def metric(name: str, url: str = METRICS) -> float:
    """Return a sample of a worker's metrics, by name and labels; 0 where there is none yet."""
    with urlopen(url, timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
    return 0.0


def wait_until(
    condition: Callable[[], object], what: Callable[[], str], seconds: float = 60
) -> None:
    """Wait until a condition holds; AssertionError with what was waited for, and how far it got."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what()}"
        time.sleep(0.2)
