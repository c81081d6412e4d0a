"""The role compose_project by itself: what it renders, and what it says when a service fails."""

from __future__ import annotations

import json

import pytest

from . import lab

PLAYBOOK = "tests/system/playbooks/compose_project.yml"
AWKWARD = {
    "PLAIN": "plain",
    "SPACES": " with spaces ",
    "DOLLARS": "$HOME ${HOME} $$ $",
    "SINGLE_QUOTE": "it's",
    "DOUBLE_QUOTE": 'a "word"',
    "BOTH_QUOTES": 'it\'s a "word" for $5 \\ more',
    "HASH": "before # after",
    "LINES": "one\ntwo",
    "BACKSLASH": "C:\\new\\",
    "QUOTE_AND_BACKSLASH": "it's \\",
    "LIST": "[1, 2]",
    "EMPTY": "",
}


def bring_up(command: list[str], environment: dict[str, str]) -> tuple[int, dict]:
    variables = {"probe_command": command, "probe_environment": environment}
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


def test_a_failing_service_shows_its_last_words():
    status, report = bring_up(["sh", "-c", "echo 'the disk is on fire' >&2; exit 3"], {})
    assert status != 0
    message = lab.failures(report)
    assert "the disk is on fire" in message
    assert "docker compose logs" in message
