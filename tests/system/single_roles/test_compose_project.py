"""The role compose_project by itself: what it renders, and what it says when a service fails."""

from __future__ import annotations

import json

import pytest

from .. import lab

PLAYBOOK = "tests/system/single_roles/playbooks/compose_project.yml"
AWKWARD = {
    "PLAIN": "plain",
    "SPACES": " with spaces ",
    "DOLLARS": "$HOME ${HOME} $$ $",
    "SINGLE_QUOTE": "it's",
    "DOUBLE_QUOTE": 'a "word"',
    "BOTH_QUOTES": 'it\'s a "word" for $5 \\ more',
    "HASH": "before # after",
    "LINES": "one\ntwo",
    "LAST_LINE_ENDS": "one\n",
    "QUOTE_AND_LINES": "it's\none of $2",
    "BACKSLASH": "C:\\new\\",
    "QUOTE_AND_ESCAPE": "it's C:\\new",
    "QUOTE_AND_BACKSLASH": "it's \\",
    "LIST": "[1, 2]",
    "EMPTY": "",
}


def bring_up(command: object, environment: dict[str, str], **files: str) -> tuple[int, dict]:
    variables = {
        "probe_command": command,
        "probe_environment": environment,
        "compose_project_files": files,
    }
    return lab.playbook(PLAYBOOK, "--extra-vars", json.dumps(variables))


@pytest.fixture(scope="module", autouse=True)
def cleaned():
    yield
    lab.compose("probe", "down", "--timeout", "1")


def test_values_reach_the_container_as_they_are():
    status, report = bring_up(["sleep", "infinity"], AWKWARD)
    assert status == 0, lab.failures(report)
    printed = lab.compose("probe", "exec", "-T", "probe", "env", "--null")
    there = dict(pair.split("=", 1) for pair in printed.split("\0") if pair)
    assert {name: there.get(name) for name in AWKWARD} == AWKWARD


def test_a_change_recreates_the_container_and_a_repetition_does_not():
    bring_up(["sleep", "infinity"], {"A": "1"})
    first = lab.compose("probe", "ps", "--quiet")
    status, report = bring_up(["sleep", "infinity"], {"A": "1"})
    assert status == 0
    assert report["stats"]["localhost"]["changed"] == 0
    assert lab.compose("probe", "ps", "--quiet") == first
    bring_up(["sleep", "infinity"], {"A": "2"})
    assert lab.compose("probe", "ps", "--quiet") != first


def test_a_changed_file_recreates_the_container_and_stays_secret():
    bring_up(["sleep", "infinity"], {}, settings="first\n")
    first = lab.compose("probe", "ps", "--quiet")
    status, report = bring_up(["sleep", "infinity"], {}, settings="a password\n")
    assert status == 0, lab.failures(report)
    assert "a password" not in json.dumps(report)
    path = lab.DIRECTORY / "probe" / "settings"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("a password\n", 0o600)
    assert lab.compose("probe", "ps", "--quiet") != first


def test_what_compose_refuses_replaces_nothing():
    bring_up(["sleep", "infinity"], {"A": "1"})
    folder = lab.DIRECTORY / "probe"
    before = {path.name: path.read_text() for path in folder.iterdir()}
    status, report = bring_up({"not": "a command"}, {"A": "2"})
    assert status != 0
    assert "services.probe.command" in lab.failures(report)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_failing_service_shows_its_last_words():
    status, report = bring_up(["sh", "-c", "echo 'the disk is on fire' >&2; exit 3"], {})
    assert status != 0
    message = lab.failures(report)
    assert "the disk is on fire" in message
    assert "docker compose logs" in message
