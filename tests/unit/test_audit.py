"""The search for known holes in what is locked: what is found, explained, or could not be asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from scripts import audit

ROOT = Path(__file__).parents[2]
HOLE = audit.Finding("kafka-python", "2.0.2", "GHSA-1", ("CVE-2026-1",), "2.3.2")
JAR = ("org.example:jar", "1.0")


def test_a_finding_without_a_reason_is_not_well():
    lines, well = audit.judge([HOLE, HOLE], {})

    assert not well
    assert lines == [
        "NOT EXPLAINED: kafka-python 2.0.2: GHSA-1 CVE-2026-1; mended in 2.3.2",
    ]


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-2026-1"])
def test_a_reason_counts_by_any_name_of_the_hole(name):
    lines, well = audit.judge([HOLE], {(name, "kafka-python"): "it is not called"})

    assert well
    assert lines[0].endswith(": it is not called")


def test_a_reason_is_for_its_package_alone_and_not_for_nothing():
    lines, well = audit.judge([HOLE], {("GHSA-1", "another"): "it is not called"})

    assert not well
    assert [line.split(":")[0] for line in lines] == ["NOT EXPLAINED", "NOT FOUND"]


@pytest.mark.parametrize("entry", ["{id: A, package: b}", "{id: A, package: b, reason: ''}", "A"])
def test_an_explanation_says_why(entry):
    with pytest.raises(ValueError, match=r"audit\.yml"):
        audit.explanations(f"- {entry}")


def test_the_projects_own_explanations_can_be_read():
    audit.explanations((ROOT / "audit.yml").read_text())


def test_pip_audits_report():
    hole = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2", "3"]}
    report = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "bad", "version": "1", "vulns": [hole]},
        ]
    }

    assert audit.of_pip_audit(report) == [audit.Finding("bad", "1", "PYSEC-1", ("CVE-1",), "2, 3")]


def osv(results, **holes):
    return lambda path, question=None: {"results": results} if question else holes[path[10:]]


def test_jars_are_asked_for_at_once_and_their_holes_by_name():
    fixed = [{"events": [{"introduced": "0"}, {"fixed": "1.1"}]}]
    hole = {
        "aliases": ["CVE-1"],
        "affected": [
            {"package": {"name": "org.example:jar"}, "ranges": fixed},
            {"package": {"name": "another"}, "ranges": [{"events": [{"fixed": "9"}]}]},
        ],
    }
    results = [{}, {"vulns": [{"id": "A"}, {"id": "B"}]}]
    found = audit.jars([("good", "1"), JAR], osv(results, A=hole, B={"withdrawn": "2026"}))

    assert found == [audit.Finding(*JAR, "A", ("CVE-1",), "1.1")]


@pytest.mark.parametrize("results", [[], [{"vulns": [], "next_page_token": "x"}]])
def test_an_answer_that_is_not_whole_is_none(results):
    with pytest.raises(audit.UnaskedError):
        audit.jars([JAR], osv(results))


class Database(BaseHTTPRequestHandler):
    """A database that knows a hole of every jar whose name ends as is said."""

    def do_POST(self):
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        bad = [query["package"]["name"].endswith(":kafka-clients") for query in queries]
        self.answer({"results": [{"vulns": [{"id": "A"}]} if each else {} for each in bad]})

    def do_GET(self):
        self.answer({"aliases": ["CVE-1"]})

    def answer(self, told):
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def database(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(audit, "OSV", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_the_jars_of_the_image_are_asked_for(database):
    (found,) = audit.jars(audit.read_jars(audit.JARS.read_text()))

    assert (found.package, found.names) == ("org.apache.kafka:kafka-clients", ("CVE-1",))


def test_a_database_that_does_not_answer_is_not_all_well():
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts/audit.py"],
        env=os.environ | {"OSV_URL": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "pip-audit" in ended.stderr


def test_the_jars_are_those_of_the_pom():
    """scripts/jars.sh writes the list anew after a change of pom.xml."""
    pom = ET.parse(ROOT / "files/kafka/pom.xml").getroot()
    space = {"m": re.match(r"{(.*)}", pom.tag)[1]}
    properties = {each.tag.split("}")[1]: each.text for each in pom.find("m:properties", space)}
    listed = dict(audit.read_jars(audit.JARS.read_text()))
    for wanted in pom.findall("m:dependencies/m:dependency", space):
        group, artifact, version = (
            re.sub(r"\$\{(.+?)\}", lambda m: properties[m[1]], wanted.find(f"m:{part}", space).text)
            for part in ("groupId", "artifactId", "version")
        )
        assert listed[f"{group}:{artifact}"] == version
