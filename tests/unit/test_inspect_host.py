"""Who has a port of a host: a container of ours that has the host's network is no stranger."""

import os
import socket
from pathlib import Path

from .plugins import load

PATH = "roles/preflight/library/inspect_host.py"
GROUP = Path("/proc/self/cgroup").read_text()


def container(identity):
    labels = {"com.docker.compose.project": "monitoring"}
    return {"Id": identity, "Names": ["/monitoring-prometheus-1"], "Labels": labels, "Ports": []}


def seen(*containers):
    """Return what is said of a port on which this process listens."""
    inspect_host = load(PATH)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        return inspect_host.look_at_port("127.0.0.1", number, containers, inspect_host.listeners())


def test_a_process_in_a_container_is_that_container():
    # What stands in this process's own control group, as a container's id does in its processes'.
    said = seen(container("f" * 64), container(GROUP.splitlines()[0]))
    assert said["project"] == "monitoring"
    assert said["owner"] == (
        "the container monitoring-prometheus-1 of the Compose project monitoring"
    )


def test_another_process_is_a_stranger():
    said = seen(container("f" * 64))
    assert (said["state"], said["project"]) == ("used", "")
    assert said["owner"].endswith(f"(pid {os.getpid()})")
