"""playbooks/status.yml over the deployment: what it says, and when it fails."""

from __future__ import annotations

import pytest

from . import lab

# The tests share the machine with others: how far the worker is behind says nothing here.
PATIENT = ("--extra-vars", '{"status_max_age": 3600, "status_max_lag": 100000}')
# Its figures would be reached from the host that has Prometheus.
LOST = (
    "lost ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 camera_name=lost "
    "camera_metrics_bind=0.0.0.0:19195 openpose_metrics_bind=0.0.0.0:19095"
)


def status(*arguments: str) -> tuple[int, str, dict]:
    """Return the exit code, the table and the report."""
    code, report = lab.playbook("playbooks/status.yml", *arguments)
    (table,) = [
        result["msg"]
        for play in report["plays"]
        for task in play["tasks"]
        for result in task["hosts"].values()
        if task["task"]["name"].endswith("Say it") and not result.get("skipped")
    ]
    return code, table, report


def words_of(table: str) -> str:
    """Return what a table says, however wide its columns are."""
    return " ".join(table.split())


def unhealthy() -> list[str]:
    """Return what is not healthy of those who miss a broker that was paused, itself included."""
    services = {"kafka": "broker", "openpose": "openpose", "camera": "camera", "viewer": "viewer"}
    return [
        service
        for project, service in services.items()
        if "(healthy)" not in lab.compose(project, "ps", service)
    ]


def test_a_healthy_deployment(deployment):
    before = lab.containers()
    code, table, report = status("--check", *PATIENT)
    assert code == 0, table + lab.failures(report)
    for words in (
        "test-kafka/zookeeper running healthy",
        "test-openpose/openpose running healthy",
        lab.SOURCE_TOPIC,
        "The group openpose-001 is ",
    ):
        assert words in words_of(table)
    assert report["stats"]["localhost"]["changed"] == 0
    assert lab.containers() == before


def test_a_service_that_is_gone_is_named():
    lab.compose("viewer", "down")
    try:
        code, table, report = status()
    finally:
        lab.compose("viewer", "up", "--detach", "--wait")
    assert code != 0
    assert "test-viewer/viewer missing" in words_of(table)
    assert lab.failures(report).count("localhost:") == 1
    assert "localhost: test-viewer/viewer has no container" in lab.failures(report)


def test_results_that_are_too_old_are_named():
    code, _, report = status("--extra-vars", '{"status_max_age": 0.001}')
    assert code != 0
    assert "pictures come in, but of results the newest is" in lab.failures(report)


def test_a_broker_that_does_not_answer_is_named():
    lab.compose("kafka", "pause", "broker")
    try:
        code, _, report = status()
    finally:
        lab.compose("kafka", "unpause", "broker")
        lab.wait_until(lambda: not unhealthy(), lambda: f"{unhealthy()} to be healthy", 120)
    assert code != 0
    assert "localhost: test-kafka/broker is paused" in lab.failures(report)
    assert "streams: failed: " in lab.failures(report)


@pytest.mark.parametrize("group", ["camera", "openpose"])
def test_a_host_that_cannot_be_reached_does_not_hide_the_others(tmp_path, group):
    more = tmp_path / "more.ini"
    more.write_text(f"[{group}]\n{LOST}\n")
    code, table, report = status("-i", str(more), *PATIENT)
    assert code != 0
    assert "lost no answer" in words_of(table)
    assert "test-openpose/openpose running healthy" in words_of(table)
    assert "The group openpose-001 is " in table
    assert lab.failures(report).count("  - ") == 1, lab.failures(report)
    assert "lost: " in lab.failures(report)
