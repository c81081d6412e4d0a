"""A port that is bound to an address of a host is open there, and nowhere else.

The host is this machine, whose addresses are those of two networks of Docker's; on each of the two
is another host, as far as these are concerned: a container.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from preflight_checks import services

from .. import lab
from . import hosts

PLAYBOOK = "tests/system/single_roles/playbooks/bound.yml"
IN, OUT = "10.213.7.1", "10.213.8.1"  # the host's addresses on the two networks
GROUPS = ("kafka", "openpose", "camera", "viewer", "node_exporter", "monitoring")
PORTS = {
    "kafka_bind_address": ("broker_port", 18892),
    "viewer_bind_address": ("viewer_port", 18880),
    "monitoring_bind_address": ("monitoring_port", 18890),
}
BINDS = {
    "kafka_metrics_bind": 18895,
    "openpose_metrics_bind": 18897,
    "camera_metrics_bind": 18900,
    "viewer_metrics_bind": 18905,
    "node_exporter_metrics_bind": 18910,
}
VARIABLES = {
    **dict.fromkeys(PORTS, IN),
    **dict(PORTS.values()),
    **{name: f"{IN}:{port}" for name, port in BINDS.items()},
    "cameras": [{"name": "door"}, {"name": "hall"}],
    "posestream_dir": str(lab.DIRECTORY),
    "broker_hostname": "kafka.example.org",
    "broker_address": IN,
    "broker_extra_hosts": {},
    "camera_way": "container",
}
ASK = """
import socket, sys
for port in sys.argv[2:]:
    with socket.socket() as s:
        s.settimeout(3)
        print(port, s.connect_ex((sys.argv[1], int(port))))
"""


@pytest.fixture(scope="module")
def networks():
    """Make two networks of this host with an address of it on each."""
    names = []
    with (
        hosts.network("test-bound-in", "--subnet", "10.213.7.0/24", "--gateway", IN) as one,
        hosts.network("test-bound-out", "--subnet", "10.213.8.0/24", "--gateway", OUT) as other,
    ):
        names += [one, other]
        yield names


@pytest.fixture(scope="module")
def wanted(networks, tmp_path_factory) -> dict[int, str]:
    """Have every port bound to one address; return the variables by the ports."""
    inventory = tmp_path_factory.mktemp("bound") / "hosts.json"
    local = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    hosts.write_inventory(inventory, {group: ["localhost"] for group in GROUPS}, **local)
    try:
        status, report = hosts.playbook(PLAYBOOK, inventory, "--extra-vars", json.dumps(VARIABLES))
        assert status == 0, lab.failures(report)
        table = lab.ROOT / "playbooks/group_vars/all/services.yml"
        values = VARIABLES | yaml.safe_load(table.read_text()) | {"kafka_has_zookeeper": True}
        yield {port.number: port.variable for port in services.ports(values, GROUPS)}
    finally:
        lab.run("docker", "compose", "--project-name", "test-bound", "down", "--volumes")
        folder = lab.DIRECTORY / "bound"
        for name in ("docker-compose.yml", ".env", "prometheus.yml"):
            (folder / name).unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()


def asked(network: str, address: str, ports) -> dict[int, bool]:
    """Return which ports of an address a host on a network reaches."""
    command = ("run", "--rm", "--network", network, "--entrypoint", "python3", "posestream:cpu")
    said = hosts.docker(*command, "-c", ASK, address, *map(str, sorted(ports)))
    return {int(port): code == "0" for port, code in map(str.split, said.splitlines())}


def test_every_variable_that_binds_is_tried():
    specs = {
        name
        for path in Path(lab.ROOT, "roles").glob("*/meta/argument_specs.yml")
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values()
        for name in entry.get("options") or {}
        if name.endswith(("_bind", "_bind_address"))
    }

    assert specs == PORTS.keys() | BINDS.keys()


def test_each_port_is_open_on_its_address_to_another_host(networks, wanted):
    assert len(wanted) == 10, "two of Kafka's figures, two cameras', and one of each other"
    lab.wait_until(
        lambda: all(asked(networks[0], IN, wanted).values()),
        lambda: json.dumps(asked(networks[0], IN, wanted)),
    )


def test_no_port_is_open_on_another_address(networks, wanted):
    found = asked(networks[1], OUT, wanted)
    here = asked("host", "127.0.0.1", wanted)
    reached = {wanted[port] for each in (found, here) for port, is_open in each.items() if is_open}

    assert not reached
