"""What containers may take of their host."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .plugins import load

ROOT = Path(__file__).parents[2]
plugin = load("roles/compose_project/filter_plugins/limits.py")
GIB = 1024**3
BASE = {"restart": "always", "tmpfs": ["/tmp"]}


def limited(limits=None, said=None, memory=16 * GIB, processors=4, **service):
    own = service | ({"limits": limits} if limits else {})
    host = {"memory": memory, "processors": processors}
    return plugin.within_limits(own, "street", BASE, said or {}, host)


def bounds(service: dict) -> tuple:
    return service["mem_limit"], service["cpus"], service["pids_limit"]


def test_a_service_has_what_all_have_and_says_what_differs():
    service = limited({"name": "camera"}, image="posestream:cpu", tmpfs=["/run"])

    assert service == {
        "restart": "always",
        "tmpfs": ["/run"],
        "image": "posestream:cpu",
        "mem_limit": 8 * GIB,
        "cpus": 4.0,
        "pids_limit": 2048,
    }


@pytest.mark.parametrize(
    ("limits", "memory", "expected"),
    [
        ({}, 16 * GIB, 8 * GIB),
        ({}, 16 * GIB + 300 * 2**20, 8 * GIB),  # after another kernel's boot it is the same
        ({"share": 0.75}, 4 * GIB, 3 * GIB),
        ({"least": 2 * GIB}, 2 * GIB, 2 * GIB),  # small hosts: what the program needs
        ({"share": 0, "least": 7}, 16 * GIB, 7),
    ],
)
def test_memory_is_a_share_of_the_hosts_and_enough(limits, memory, expected):
    assert bounds(limited(limits, memory=memory))[0] == expected


@pytest.mark.parametrize(("cpus", "expected"), [(0, 4), (1, 1), (9, 4), (0.5, 0.5)])
def test_docker_refuses_more_processors_than_there_are(cpus, expected):
    assert bounds(limited({"cpus": cpus}))[1] == expected


def test_the_inventory_has_the_last_word_by_the_containers_own_name():
    said = {"camera": {"memory": "1g", "cpus": 0.5, "pids": 300}, "street": {"memory": "9g"}}

    assert bounds(limited({"name": "camera", "pids": 9}, said)) == ("1g", 0.5, 300)
    assert bounds(limited({"pids": 9}, said)) == ("9g", 4.0, 9)


def test_every_service_is_found_in_the_inventory_by_a_name_of_the_catalogue():
    catalogue = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())
    names = {
        name
        for service, entry in catalogue["posestream_services"].items()
        for name in entry.get("containers", [service])
    }
    said = {
        limits["name"]
        for path in (ROOT / "roles").glob("*/vars/**/*.yml")
        for limits in limits_in(yaml.safe_load(path.read_text()))
        if "name" in limits
    }

    assert said
    assert said <= names


def limits_in(value) -> list[dict]:
    """Return all that is called `limits` in a file of variables."""
    if not isinstance(value, dict):
        return []
    own = [value["limits"]] if isinstance(value.get("limits"), dict) else []
    return own + [found for inner in value.values() for found in limits_in(inner)]
