"""Figures over time: the real Prometheus is asked for all that dashboards and alerts go by."""

from __future__ import annotations

import json
from math import isfinite
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer
from posestream.panels import PANELS

from . import lab

PROMETHEUS = "http://172.17.0.1:19090"
JOBS = {"broker", "zookeeper", "worker", "camera", "viewer", "host", "prometheus"}
# NVIDIA's exporter is needed for these.
SHOWN = [panel for panel in PANELS if panel.row != "gpus"]


def get(url: str) -> dict:
    """Return the JSON that is at an address."""
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def ask(query: str) -> list[dict]:
    """Return what a query gives at present."""
    answer = get(f"{PROMETHEUS}/api/v1/query?{urlencode({'query': query})}")
    return answer["data"]["result"]


def numbers(query: str) -> list[float]:
    """Return the values that a query gives, without those that are none."""
    return [value for series in ask(query) if isfinite(value := float(series["value"][1]))]


@pytest.fixture(scope="module", autouse=True)
def _something_is_skipped():
    """Have a reason to skip a frame: a picture that is none."""
    producer = Producer({"bootstrap.servers": lab.BROKERS})
    producer.produce(lab.SOURCE_TOPIC, b"not a picture", key=b"test-street")
    assert producer.flush(20) == 0


def test_every_target_is_up():
    lab.wait_until(
        lambda: {series["metric"]["job"] for series in ask("up == 1")} == JOBS,
        lambda: f"all targets: {ask('up')}",
    )
    assert ask("up == 0") == []
    assert {series["metric"]["host"] for series in ask("up")} == {"localhost"}
    assert [s["metric"]["camera"] for s in ask('up{job="camera"}')] == ["test-street"]
    assert [s["metric"]["worker"] for s in ask('up{job="worker"}')] == ["localhost"]


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel.id)
def test_every_panel_has_figures(panel):
    lab.wait_until(lambda: numbers(panel.query), lambda: f"figures of {panel.query}")
    labels = {name for series in ask(panel.query) for name in series["metric"]}
    assert all(f"{{{{{name}}}}}" in panel.legend for name in labels)


def test_figures_are_those_of_the_streams():
    """The camera sends two frames a second, and the broker takes no fewer."""
    by_id = {panel.id: panel.query for panel in PANELS}
    lab.wait_until(
        lambda: 1 < max(numbers(by_id["sent"])) < 4, lambda: f"{numbers(by_id['sent'])}", 90
    )
    assert max(numbers(by_id["messages"])) > 1
    assert max(numbers(by_id["bytes_in"])) > 10_000
    (share,) = numbers(by_id["memory"])
    assert 0 < share < 1


def test_the_alerts_are_those_of_the_role():
    def rules() -> list[dict]:
        (group,) = get(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"]
        return group["rules"]

    lab.wait_until(lambda: {rule["health"] for rule in rules()} == {"ok"}, lambda: f"{rules()}")
    page = (lab.ROOT / "docs/troubleshooting.md").read_text()
    assert {f"### {rule['name']}" for rule in rules()} <= set(page.splitlines())


def test_what_is_kept_is_bounded():
    flags = get(f"{PROMETHEUS}/api/v1/status/flags")["data"]
    assert flags["storage.tsdb.retention.time"] == "30d"
    assert flags["storage.tsdb.retention.size"] == "4GiB"
    assert lab.inspect("test-monitoring-prometheus-1")["Config"]["User"] == "65534:65534"


def test_the_viewer_shows_the_same():
    answer = get(f"{lab.VIEWER}api/figures?panel=results&minutes=1")
    assert "test-street" in json.dumps(answer)


def test_what_changes_is_read_without_a_restart():
    before = lab.inspect("test-monitoring-prometheus-1")["State"]["StartedAt"]
    said = '{"monitoring_alertmanagers": ["127.0.0.1:19093"]}'
    for expected, arguments in ((1, ("--extra-vars", said)), (0, ())):
        code, report = lab.playbook("playbooks/monitoring.yml", *arguments)
        assert code == 0, lab.failures(report)
        lab.wait_until(
            lambda count=expected: (
                len(get(f"{PROMETHEUS}/api/v1/alertmanagers")["data"]["activeAlertmanagers"])
                == count
            ),
            lambda count=expected: f"{count} Alertmanagers",
        )
    assert lab.inspect("test-monitoring-prometheus-1")["State"]["StartedAt"] == before
