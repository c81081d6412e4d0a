"""What stands on the host after a deployment, and after a second one."""

from __future__ import annotations

import json
import socket

import pytest

from . import lab


def test_a_second_run_changes_and_restarts_nothing():
    before = lab.containers()
    status, report = lab.playbook("site.yml")
    assert status == 0, lab.failures(report)
    assert [stats["changed"] for stats in report["stats"].values()] == [0]
    assert lab.containers() == before


def test_a_dry_run_changes_nothing():
    status, report = lab.playbook("site.yml", "--check", "--diff")
    assert status == 0, lab.failures(report)
    assert [stats["changed"] for stats in report["stats"].values()] == [0]


@pytest.mark.parametrize(
    ("project", "services"),
    [
        ("kafka", {"broker", "zookeeper"}),
        ("openpose", {"openpose"}),
        ("camera", {"camera"}),
        ("viewer", {"viewer"}),
    ],
)
def test_compose_works_by_hand_in_each_folder(project, services):
    before = lab.containers()
    assert set(lab.compose(project, "ps", "--services", "--status", "running").split()) == services
    assert lab.compose(project, "logs", "--tail", "5")
    lab.compose(project, "up", "-d")
    assert lab.containers() == before


def test_zookeeper_is_out_of_reach():
    ports = lab.compose("kafka", "ps", "--format", "json", "zookeeper")
    assert '"PublishedPort":0' in ports
    for port in (2181, 29092):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)


def test_topics_are_made_by_the_role_alone():
    kafka_topics = ("exec", "-T", "broker", "kafka-topics", "--bootstrap-server", "broker:29092")
    described = lab.compose("kafka", *kafka_topics, "--describe", "--topic", lab.SOURCE_TOPIC)
    for setting in (
        "max.message.bytes=20971520",
        "retention.ms=3600000",
        "retention.bytes=2147483648",
    ):
        assert setting in described
    lab.run(
        "docker",
        "compose",
        "exec",
        "-T",
        "broker",
        "kafka-console-consumer",
        "--bootstrap-server",
        "broker:29092",
        "--topic",
        "made.by.nobody",
        "--timeout-ms",
        "3000",
        cwd=lab.DIRECTORY / "kafka",
    )
    topics = lab.compose("kafka", *kafka_topics, "--list", "--exclude-internal").split()
    assert set(topics) == {lab.SOURCE_TOPIC, lab.RESULT_TOPIC, lab.KEYPOINTS_TOPIC}


def test_the_broker_does_not_need_the_name_that_its_clients_use():
    name = lab.BROKERS.partition(":")[0]
    assert f"BROKER_HOSTNAME={name}\n" in (lab.DIRECTORY / "kafka" / ".env").read_text()
    resolved = lab.run(
        "docker",
        "compose",
        "exec",
        "-T",
        "broker",
        "getent",
        "hosts",
        name,
        cwd=lab.DIRECTORY / "kafka",
    )
    assert resolved.returncode != 0


def test_verify_reads_back_what_came_lately():
    run = ("exec", "-T", "openpose", "posestream", "verify")
    said = json.loads(lab.compose("openpose", *run))
    assert min(said["source_fps"], said["result_fps"], said["age_seconds_median"]) > 0


def test_verify_fails_when_the_worker_does_not_answer():
    assert lab.playbook("playbooks/verify.yml")[0] == 0
    lab.compose("kafka", "pause", "broker")
    try:
        status, report = lab.playbook("playbooks/verify.yml")
    finally:
        lab.compose("kafka", "unpause", "broker")
    assert status != 0
    assert "broker" in lab.failures(report)


def test_a_killed_broker_is_waited_for():
    """Its successor waits until ZooKeeper has forgotten it."""
    container = lab.compose("kafka", "ps", "--quiet", "broker").strip()
    lab.kill(container)
    status, report = lab.playbook("playbooks/kafka.yml")
    assert status == 0, lab.failures(report)
    assert (
        lab.run("docker", "inspect", "--format", "{{.RestartCount}}", container).stdout.strip()
        != "0"
    )
