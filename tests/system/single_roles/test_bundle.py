"""A host whose route out is cut gets Docker, images and a broker from a bundle alone."""

from __future__ import annotations

import os
import shutil

import pytest

from .. import lab
from . import hosts

BUNDLE = lab.ROOT / ".cache" / "bundle"
NAME = "posestream-test-away"


@pytest.fixture(scope="module")
def bundle():
    """Make the bundle; what an earlier run of the tests has packed is not packed again."""
    status, report = lab.playbook(
        "playbooks/bundle.yml", "--extra-vars", f"posestream_bundle={BUNDLE}"
    )
    assert status == 0, lab.failures(report)
    return BUNDLE


@pytest.fixture(scope="module")
def away(bundle):
    """Run a host on a network without a way out."""
    with hosts.network(NAME, "--internal"), hosts.host(NAME, "bookworm", NAME) as name:
        yield name


@pytest.fixture
def deploy(away, tmp_path):
    """Return a function that runs a playbook over the host, with a bundle."""

    def run(playbook: str, folder=BUNDLE):
        inventory = hosts.write_inventory(
            tmp_path / "hosts.json",
            {"kafka": [away]},
            broker_hostname=NAME,
            posestream_bundle=str(folder),
        )
        return hosts.playbook(playbook, inventory)

    return run


@pytest.fixture
def damaged(bundle, tmp_path):
    """Return a function that copies the bundle with one byte more in a file of it."""

    def copy(pattern: str):
        folder = tmp_path / "bundle"
        shutil.copytree(bundle, folder, copy_function=os.link)
        file = next(folder.glob(pattern))
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content + b"!")
        return folder, file

    return copy


def test_the_host_reaches_nothing(away):
    connect = "import socket; socket.create_connection(('deb.debian.org', 80), 5)"
    assert lab.run("docker", "exec", away, "python3", "-c", connect).returncode != 0


def test_a_damaged_package_is_named_and_nothing_is_installed(deploy, damaged):
    folder, file = damaged("packages/bookworm/docker.io_*.deb")
    status, report = deploy("playbooks/docker.yml", folder)
    assert status != 0
    assert str(file) in lab.failures(report)
    assert lab.run("docker", "exec", NAME, "which", "dockerd").returncode != 0


def test_docker_and_compose_come_from_the_bundle(deploy, away):
    status, report = deploy("playbooks/docker.yml")
    assert status == 0, lab.failures(report)
    assert hosts.docker("exec", away, "docker", "compose", "version", "--short").startswith("2.")
    status, report = deploy("playbooks/docker.yml")
    assert (status, hosts.changes(report)) == (0, 0)


def test_a_damaged_archive_is_named_and_not_loaded(deploy, damaged, away):
    folder, file = damaged("images/posestream-zookeeper-*")
    status, report = deploy("playbooks/images.yml", folder)
    assert status != 0
    assert str(file) in lab.failures(report)
    assert not hosts.docker("exec", away, "docker", "images", "--quiet")


def test_the_broker_runs_from_the_bundle_and_nothing_is_sent_twice(deploy, away):
    for playbook in ("playbooks/images.yml", "playbooks/kafka.yml"):
        status, report = deploy(playbook)
        assert status == 0, lab.failures(report)
    states = hosts.docker("exec", away, "docker", "ps", "--format", "{{.Names}} {{.Status}}")
    assert states.count("(healthy)") == 2, states

    status, report = deploy("playbooks/images.yml")
    assert (status, hosts.changes(report)) == (0, 0)
    assert not hosts.results(report, "Copy the archive to the host")
