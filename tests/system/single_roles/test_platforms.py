"""The roles on hosts that say of themselves that they are Ubuntu, or what nothing here knows.

Ubuntu's archive is not within reach of these tests: a Debian host has Ubuntu's os-release, and
ubuntu_repository.sh makes a stand-in of Debian's packages under Ubuntu's names. The tests build on
one another, in the order in which they stand here.
"""

from __future__ import annotations

import json

import pytest

from .. import lab
from . import hosts
from .hosts import run

NAME = "posestream-test-ubuntu"
PLAYBOOK = "playbooks/docker.yml"
RELEASES = {"22.04": "jammy", "24.04": "noble", "26.04": "resolute"}


def become(distribution: str, version: str, codename: str = "") -> None:
    """Let the host say that it is of another distribution."""
    fields = {
        "NAME": distribution,
        "PRETTY_NAME": f"{distribution} {version}",
        "ID": distribution.split(maxsplit=1)[0].lower(),
        "VERSION_ID": version,
        "VERSION_CODENAME": codename,
    }
    said = "".join(f'{name}="{value}"\n' for name, value in fields.items())
    run(NAME, "sh", "-c", "rm -f /etc/os-release && cat > /etc/os-release", text=said)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """Run a host that becomes one of Ubuntu; returns its inventory."""
    with hosts.host(NAME, "trixie") as name:
        run(name, "sh", "-s", text=hosts.repository_script("ubuntu"))
        yield hosts.write_inventory(
            tmp_path_factory.mktemp("inventory") / "hosts.json",
            {"kafka": [name], "openpose": [name]},
            broker_hostname=name,
            openpose_engine="openvino",
        )


@pytest.fixture
def deploy(inventory):
    """Return a function that runs a playbook over the host."""

    def deploy(playbook: str = PLAYBOOK, *arguments: str, **variables) -> tuple[int, dict]:
        wanted = ("--extra-vars", json.dumps(variables))
        return hosts.playbook(playbook, inventory, *wanted, *arguments)

    return deploy


@pytest.mark.parametrize("version", RELEASES)
def test_dockers_own_repository_is_the_one_for_ubuntu(deploy, version):
    """As far as a dry run goes: the key is a stand-in's, the repository is Docker's."""
    become("Ubuntu", version, RELEASES[version])
    key = run(NAME, "gpg", "--homedir", "/root/gnupg", "--list-keys", "--with-colons")
    fingerprint = next(line.split(":")[9] for line in key.splitlines() if line.startswith("fpr"))
    status, report = deploy(
        *(PLAYBOOK, "--check", "--diff"),
        docker_source="docker",
        docker_repository_key_url=f"http://{NAME}/key",
        docker_repository_fingerprint=fingerprint,
    )
    assert status == 0, lab.failures(report)
    (added,) = hosts.results(report, "Add the repository")
    written = added["diff"][0]["after"]
    assert "\nURIs: https://download.docker.com/linux/ubuntu\n" in written
    assert f"\nSuites: {RELEASES[version]}\n" in written


def test_ubuntus_packages_under_ubuntus_names(deploy):
    become("Ubuntu", "24.04", "noble")
    status, report = deploy()
    assert status == 0, lab.failures(report)
    assert run(NAME, "apt-mark", "showhold").split() == ["docker-compose-v2", "docker.io"]
    version = run(NAME, "dpkg-query", "--show", "--showformat", "${Version}", "docker-compose-v2")
    assert version.endswith("-0ubuntu1~24.04.1")
    assert run(NAME, "docker", "info", "--format", "{{.ServerVersion}}")
    assert run(NAME, "docker", "compose", "version", "--short")


@pytest.mark.parametrize("version", RELEASES)
def test_a_second_run_changes_nothing(deploy, version):
    become("Ubuntu", version, RELEASES[version])
    status, report = deploy()
    assert (status, hosts.changes(report)) == (0, 0), lab.failures(report)


def test_a_bundle_has_nothing_for_ubuntu(deploy, tmp_path):
    status, report = deploy(
        posestream_bundle=str(tmp_path), docker_version="99.0", docker_hold=False
    )
    assert status != 0
    assert "bundles hold packages for Debian alone" in lab.failures(report)
    assert hosts.changes(report) == 0


@pytest.mark.parametrize("playbook", [PLAYBOOK, "playbooks/preflight.yml"])
def test_another_platform_is_refused_with_good_docker_too(deploy, playbook):
    become("Rocky Linux", "9.6")
    status, report = deploy(playbook)
    assert status != 0
    assert "runs Rocky Linux 9.6" in lab.failures(report)
    assert "docker_source" in lab.failures(report)
    assert hosts.changes(report) == 0


@pytest.mark.parametrize("playbook", ["playbooks/preflight.yml", PLAYBOOK])
def test_another_platform_is_used_as_it_is_where_that_is_asked_for(deploy, playbook):
    become("Rocky Linux", "9.6")
    before = run(NAME, "cat", "/run/docker.pid")
    status, report = deploy(playbook, docker_source="none")
    assert (status, hosts.changes(report)) == (0, 0), lab.failures(report)
    assert run(NAME, "cat", "/run/docker.pid") == before
