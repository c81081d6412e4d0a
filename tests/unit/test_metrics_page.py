"""What the programs show: as Prometheus wants it, on the page, and all that is asked for."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from posestream.panels import PANELS, UNITS
from prometheus_client import generate_latest

from tests import promtool
from tests.unit.test_monitoring_alerts import ALERTS

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import dashboard
import metrics

ROOT = Path(__file__).parents[2]

# Of what is not ours, the names that there are: Prometheus's own, the hosts' and NVIDIA's.
OTHERS = {
    "up",
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_network_receive_bytes_total",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_GPU_UTIL",
}


def known() -> dict[str, set[str]]:
    """Return every metric that there is, with its labels."""
    ours = {
        sample: set(labels)
        for made in metrics.PROGRAMS.values()
        for name, kind, labels, _ in metrics.families(made().registry)
        for sample in metrics.samples(kind, name)
    }
    rules = yaml.safe_load((ROOT / "files/kafka/metrics.yml").read_text())["rules"]
    return ours | {rule["name"]: set(rule.get("labels", {})) for rule in rules}


def asked(query: str) -> set[str]:
    """Return the metrics that a query asks for."""
    bare = re.sub(r'"[^"]*"|\bby \([^)]*\)|\bon \([^)]*\)|\{[^}]*\}|\[[^]]*\]', "", query)
    return set(re.findall(r"\b[A-Za-z_]{2,}\b(?!\s*\()", bare)) - {"and", "or", "offset"}


QUERIES = {panel.id: panel.query for panel in PANELS} | {
    name: rule["expr"] for name, rule in ALERTS.items()
}


@pytest.mark.parametrize("name", QUERIES)
def test_all_that_is_asked_for_exists(name):
    there = known()
    names = asked(QUERIES[name])
    assert names
    assert names - there.keys() <= OTHERS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_a_panel_is_whole(panel):
    assert panel.unit in UNITS
    assert panel.row in dashboard.ROWS
    kept = re.search(r"by \(([^)]*)\)", panel.query)[1].split(", ")
    assert set(re.findall(r"{{(\w+)}}", panel.legend)) <= set(kept)


def test_panels_have_names_of_their_own():
    assert len({panel.id for panel in PANELS}) == len({panel.title for panel in PANELS})
    assert len({panel.id for panel in PANELS}) == len(PANELS)


@pytest.mark.parametrize("program", metrics.PROGRAMS)
def test_prometheus_has_no_objection(program):
    """Names, units, help: what `promtool check metrics` looks at, with a series of each metric."""
    shown = metrics.PROGRAMS[program]()
    for collector in list(shown.registry._collector_to_names):
        if labels := getattr(collector, "_labelnames", ()):
            collector.labels(*labels)
    promtool.run("check", "metrics", text=generate_latest(shown.registry).decode())


def test_the_page_is_that_of_the_programs():
    assert (ROOT / "docs/metrics.md").read_text() == metrics.page(), "run `make docs`"


def test_the_dashboard_is_that_of_the_panels():
    assert (ROOT / "files/monitoring/dashboard.json").read_text() == dashboard.page(), (
        "run `make docs`"
    )
