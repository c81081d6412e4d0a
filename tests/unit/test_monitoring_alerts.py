"""The alerts, by Prometheus's own tool: each fires when it is to, and is explained."""

import re
from pathlib import Path

import jinja2
import pytest
import yaml

from tests import promtool

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "roles/monitoring"
CASES = Path(__file__).parent / "data/alerts.yml"
TABLE = (ROOT / "docs/monitoring.md").read_text()
PAGE = (ROOT / "docs/troubleshooting.md").read_text().partition("\n## Alerts\n")[2]


def rules() -> str:
    """Return the rules with the default thresholds, as the role renders them."""
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    environment = jinja2.Environment(
        variable_start_string="[[", variable_end_string="]]", undefined=jinja2.StrictUndefined
    )
    text = (ROLE / "templates/alerts.yml.j2").read_text()
    return environment.from_string(text).render(defaults)


ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(rules())["groups"][0]["rules"]}


def test_they_fire_when_they_are_to_and_not_else(tmp_path):
    (tmp_path / "rules.yml").write_text(rules())
    (tmp_path / "alerts.yml").write_text(CASES.read_text())
    promtool.run("check", "rules", str(tmp_path / "rules.yml"))
    promtool.run("test", "rules", str(tmp_path / "alerts.yml"))


@pytest.mark.parametrize("name", ALERTS)
def test_each_is_seen_firing_and_not_firing(name):
    cases = [
        case
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert any(case["exp_alerts"] for case in cases)
    assert any(not case["exp_alerts"] for case in cases)


@pytest.mark.parametrize("name", ALERTS)
def test_the_page_says_what_to_do(name):
    """A table has a line that leads to a section of the alert's name, and so does the alert."""
    assert ALERTS[name]["annotations"]["runbook"] == f"docs/troubleshooting.md#{name.lower()}"
    line = re.escape(f"| [{name}](troubleshooting.md#{name.lower()}) |")
    assert re.search(rf"^{line}", TABLE, re.MULTILINE)
    section = re.search(rf"^### {name}\n<!-- .* -->\n(.+?)\n(\n|$)", PAGE, re.M | re.DOTALL)
    assert section, f"docs/troubleshooting.md has no section {name}"
    assert len(section[1]) > 80


def test_the_page_has_no_alert_that_does_not_exist():
    assert set(re.findall(r"^### (\w+)\n", PAGE, re.MULTILINE)) == ALERTS.keys()


def test_every_threshold_is_used():
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    text = (ROLE / "templates/alerts.yml.j2").read_text()
    for name in defaults:
        assert not name.startswith("monitoring_alert_") or name in text, name
