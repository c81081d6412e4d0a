"""The role docker on hosts with systemd, from the distribution's packages and from Docker's.

Docker's own repository is not within reach of these tests: docker_repository.sh makes a stand-in of
Debian's packages. The tests of a host build on one another, in the order in which they stand here.
"""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from .. import lab
from . import hosts
from .hosts import run

NETWORK = "posestream-test-docker"
DISTRIBUTION, DOCKER = f"{NETWORK}-debian12", f"{NETWORK}-debian13"
REPOSITORY = f"{NETWORK}-repository"
PLAYBOOK = "playbooks/docker.yml"
VARIABLES = {
    "docker_data_root": "/var/lib/docker/elsewhere",
    "docker_registry_mirrors": ["http://mirror.invalid:5000"],
    "docker_insecure_registries": ["registry.invalid:5000"],
    "docker_log_max_size": "7m",
    "docker_log_max_file": 2,
    "docker_address_pools": [{"base": "10.210.0.0/16", "size": 24}],
    "docker_daemon_options": {"shutdown-timeout": 5},
}
PROXIED = VARIABLES | {"docker_http_proxy": f"http://user:pa$$word@{REPOSITORY}:80"}


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """Start the hosts, with somebody else's daemon.json; returns the inventory of two of them."""
    with ExitStack() as stack:
        stack.enter_context(hosts.network(NETWORK))
        stack.enter_context(hosts.host(DISTRIBUTION, "bookworm", NETWORK))
        stack.enter_context(hosts.host(DOCKER, "trixie", NETWORK))
        stack.enter_context(hosts.host(REPOSITORY, "trixie", NETWORK))
        for host in (DISTRIBUTION, DOCKER):
            run(host, "mkdir", "/etc/docker")
            run(host, "tee", "/etc/docker/daemon.json", text='{"max-concurrent-downloads": 2}')
        yield hosts.write_inventory(
            tmp_path_factory.mktemp("inventory") / "hosts.json",
            {"kafka": [DISTRIBUTION], "openpose": [DOCKER]},
            broker_hostname="broker.invalid",
        )


@pytest.fixture(scope="module")
def repository(inventory):
    """Serve the stand-in; returns what it holds and the role's variables for it."""
    made = json.loads(run(REPOSITORY, "sh", "-s", text=hosts.repository_script("docker")))
    variables = {
        "docker_source": "docker",
        "docker_repository_url": f"http://{REPOSITORY}",
        "docker_repository_key_url": f"http://{REPOSITORY}/gpg",
        "docker_repository_fingerprint": made["fingerprint"],
    }
    return made, variables


@pytest.fixture
def apply(inventory):
    """Apply the role to a host; returns the number of changes and the report."""

    def apply(host: str, *arguments: str, **variables) -> tuple[int, dict]:
        status, report = hosts.playbook(
            *(PLAYBOOK, inventory, "--limit", host),
            *("--extra-vars", json.dumps(variables), *arguments),
        )
        assert status == 0, lab.failures(report)
        return report["stats"][host]["changed"], report

    return apply


@pytest.fixture
def refused(inventory):
    """Apply the role to a host that it refuses; returns the reason. Nothing may have changed."""

    def refused(host: str, **variables) -> str:
        status, report = hosts.playbook(
            PLAYBOOK, inventory, "--limit", host, "--extra-vars", json.dumps(variables)
        )
        assert status != 0
        assert report["stats"][host]["changed"] == 0
        return lab.failures(report)

    return refused


@pytest.fixture
def start_container(inventory):
    """Start a container of somebody else on a host."""

    def start_container(host: str) -> None:
        status, report = hosts.playbook("molecule/shared/mark.yml", inventory, "--limit", host)
        assert status == 0, lab.failures(report)

    return start_container


def info(host: str) -> dict:
    """Return what the engine of a host says of itself."""
    return json.loads(run(host, "docker", "info", "--format", "{{json .}}"))


def state(host: str) -> dict[str, str]:
    """Return the engine's process, and id and time of start of the container that runs."""
    form = "{{.Id}} {{.State.StartedAt}}"
    container = run(host, "docker", "inspect", "--format", form, "foreign").split()
    process = run(host, "cat", "/run/docker.pid")
    return {"process": process, "container": container[0], "started": container[1]}


def held(host: str) -> list[str]:
    """Return the packages of a host that are held."""
    return run(host, "apt-mark", "showhold").split()


@pytest.mark.parametrize("host", [DISTRIBUTION, DOCKER])
def test_a_dry_run_on_a_bare_host_changes_nothing(repository, apply, host):
    variables = repository[1] if host == DOCKER else {}
    changes, _ = apply(host, "--check", "--diff", **VARIABLES, **variables)
    assert changes
    left = "ls -A /etc/docker /etc/apt/keyrings /etc/apt/sources.list.d"
    assert "docker." not in run(host, "sh", "-c", left)
    assert "docker" not in run(host, "dpkg-query", "--list")


def test_without_a_source_of_packages_nothing_is_installed(refused):
    reason = refused(DISTRIBUTION, docker_source="none")
    assert f"{DISTRIBUTION} lacks Docker engine 19.03 or newer, Compose 1.27.1 or newer" in reason
    assert "docker_source is none" in reason


def test_packages_of_the_distribution_with_all_variables(apply, start_container):
    apply(DISTRIBUTION, **VARIABLES)
    said = info(DISTRIBUTION)
    assert said["DockerRootDir"] == "/var/lib/docker/elsewhere"
    assert said["RegistryConfig"]["Mirrors"] == ["http://mirror.invalid:5000/"]
    assert "registry.invalid:5000" in said["RegistryConfig"]["IndexConfigs"]
    bridge = run(DISTRIBUTION, "docker", "network", "inspect", "bridge")
    assert json.loads(bridge)[0]["IPAM"]["Config"][0]["Subnet"] == "10.210.0.0/24"
    start_container(DISTRIBUTION)
    logs = run(DISTRIBUTION, "docker", "inspect", "foreign")
    assert json.loads(logs)[0]["HostConfig"]["LogConfig"]["Config"] == {
        "max-size": "7m",
        "max-file": "2",
    }
    daemon = json.loads(run(DISTRIBUTION, "cat", "/etc/docker/daemon.json"))
    assert daemon["max-concurrent-downloads"] == 2, "the key that was there before the role"
    assert daemon["shutdown-timeout"] == 5
    assert held(DISTRIBUTION) == ["docker-compose", "docker.io"]
    compose = run(DISTRIBUTION, "docker", "compose", "version", "--short")
    assert compose.startswith("2."), "from the next release, of which nothing else may be left"
    left = run(DISTRIBUTION, "sh", "-c", "grep -rl trixie /etc/apt/sources.list* /etc/apt/pref*||:")
    assert left == ""


def test_a_second_run_changes_nothing_and_costs_little(apply):
    before = state(DISTRIBUTION)
    changes, report = apply(DISTRIBUTION, **VARIABLES)
    assert (changes, state(DISTRIBUTION)) == (0, before)
    assert report["stats"][DISTRIBUTION]["ok"] <= 10


def test_a_mirror_is_changed_without_a_restart(apply):
    before = state(DISTRIBUTION)
    mirrors = ["http://second.invalid"]
    changes, _ = apply(DISTRIBUTION, **VARIABLES | {"docker_registry_mirrors": mirrors})
    assert changes
    assert info(DISTRIBUTION)["RegistryConfig"]["Mirrors"] == ["http://second.invalid/"]
    assert state(DISTRIBUTION) == before


def test_pulls_go_through_the_proxy(apply, repository):
    before = state(DISTRIBUTION)
    changes, report = apply(DISTRIBUTION, "--diff", **PROXIED)
    assert changes
    assert "pa$$word" not in json.dumps(report["plays"][0]["tasks"])
    after = state(DISTRIBUTION)
    assert after["process"] != before["process"], "an engine takes its proxies when it starts"
    assert after["container"] == before["container"]

    run(DISTRIBUTION, "sh", "-c", "! docker pull registry.invalid:5000/any:1")
    asked = run(REPOSITORY, "journalctl", "--unit", "repository")
    assert "GET http://registry.invalid:5000/v2/" in asked
    assert apply(DISTRIBUTION, **PROXIED)[0] == 0
    assert state(DISTRIBUTION) == after


def test_containers_are_not_lost_out_of_sight(refused):
    reason = refused(DISTRIBUTION, docker_data_root="/var/lib/docker/new")
    assert "has 1 containers under /var/lib/docker/elsewhere" in reason


def test_an_engine_from_elsewhere_stays_and_is_not_replaced(apply, refused, repository):
    before = state(DISTRIBUTION)
    wanted = PROXIED | repository[1]
    assert apply(DISTRIBUTION, **wanted)[0] == 0
    assert state(DISTRIBUTION) == before
    reason = refused(DISTRIBUTION, **wanted | {"docker_version": repository[0]["newest"]})
    assert "did not come from the packages of docker_source docker" in reason


def test_another_key_is_refused_before_it_is_trusted(refused, repository):
    made, variables = repository
    dockers_own = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
    reason = refused(DOCKER, **variables | {"docker_repository_fingerprint": dockers_own})
    assert f"its fingerprint is {made['fingerprint']}, expected is {dockers_own}" in reason
    trusted = run(
        DOCKER, "find", "/etc/apt/keyrings", "/etc/apt/sources.list.d", "-name", "docker*"
    )
    assert trusted == ""


def test_a_pinned_version_comes_from_the_repository_and_is_held(apply, start_container, repository):
    made, variables = repository
    pinned = {"docker_version": made["older"], "docker_compose_version": made["compose"]}
    apply(DOCKER, **variables, **pinned)
    assert info(DOCKER)["ServerVersion"].startswith(f"{made['older']}+")
    packages = ["containerd.io", "docker-ce", "docker-ce-cli", "docker-compose-plugin"]
    assert held(DOCKER) == packages
    start_container(DOCKER)
    before = state(DOCKER)
    changes, report = apply(DOCKER, **variables, **pinned)
    assert (changes, state(DOCKER)) == (0, before)
    assert report["stats"][DOCKER]["ok"] <= 10

    apply(DOCKER, **variables, docker_version=made["newest"])
    assert info(DOCKER)["ServerVersion"].startswith(f"{made['newest']}+")
    assert held(DOCKER) == packages
    assert state(DOCKER)["container"] == before["container"], "it came back"


def test_packages_are_let_go(apply, repository):
    apply(DOCKER, **repository[1], docker_hold=False)
    assert held(DOCKER) == []
    assert apply(DOCKER, **repository[1], docker_hold="false")[0] == 0
    assert held(DOCKER) == []


def test_a_version_that_is_nowhere_is_named(refused, repository):
    reason = refused(DOCKER, **repository[1], docker_version="99.1.0")
    assert "cannot install docker-ce=5:99.1.0*" in reason
    assert "apt-cache madison docker-ce" in reason
