"""What a run shows of its steps, of what takes long, of what failed, and at its end."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYS = """
- name: The first step
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Take some time
      ansible.builtin.wait_for: {timeout: %s}
    - name: Say what has come of it
      ansible.builtin.set_stats: {data: {posestream_summary: "WHAT RUNS\\n  a lab\\n"}}
- name: A step with nothing to do
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Do nothing
      ansible.builtin.wait_for: {timeout: 1}
      when: false
- name: The second step
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Fail
      ansible.builtin.fail: {msg: "%s"}
      when: %s
"""


def command(folder: Path, *options: str, seconds: int = 0, message: str = "no") -> list[str]:
    playbook = folder / "playbook.yml"
    playbook.write_text(PLAYS % (seconds, message, "true" if message != "no" else "1 > 2"))
    return ["ansible-playbook", str(playbook), *options]


@pytest.fixture(scope="module")
def on_terminal(tmp_path_factory) -> str:
    """Return what a run that goes well shows a person, without colours."""
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        command(tmp_path_factory.mktemp("well"), seconds=7),
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # which is how a terminal ends
        while more := os.read(ours, 4096):
            said += more
    os.close(ours)
    assert run.wait(60) == 0
    return said.decode().replace("\r\n", "\n")


@pytest.fixture
def shown(tmp_path):
    def show(message: str, *options: str) -> str:
        result = subprocess.run(
            command(tmp_path, *options, message=message),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return result.stdout + result.stderr

    return show


def test_a_play_without_a_task_is_not_shown(on_terminal):
    assert "PLAY [The first step]" in on_terminal
    assert "nothing to do" not in on_terminal
    assert "WARNING" not in on_terminal


def test_a_silent_task_is_named_while_it_runs(on_terminal):
    (named,) = re.finditer(r"^  … Take some time, on localhost, [56] s$", on_terminal, re.M)

    assert on_terminal.index("PLAY [The first step]") < named.start()
    assert named.start() < on_terminal.index("ok: [localhost]")


def test_each_step_says_its_seconds_when_it_ends(on_terminal):
    (seconds,) = re.findall(r"^The first step: ([0-9.]+) s$", on_terminal, re.M)

    assert 7 <= float(seconds) < 30
    assert on_terminal.index("The first step: ") < on_terminal.index("PLAY RECAP")


def test_the_seconds_of_all_steps_are_said_together(on_terminal):
    steps = re.findall(r"^ +([0-9.]+)  (.+)$", on_terminal, re.M)

    assert [name for _, name in steps] == ["The first step", "all"]
    first, whole = (float(seconds) for seconds, _ in steps)
    assert first == pytest.approx(whole, abs=0.2)


def test_what_there_is_to_know_comes_last(on_terminal):
    assert on_terminal.endswith("\n\nWHAT RUNS\n  a lab\n")


@pytest.mark.parametrize("message", ["Out of paper", "{{ paper_that_nobody_has }}"])
def test_what_failed_is_said_once_without_the_code(shown, message):
    said = shown(message)

    assert "fatal: [localhost]" in said
    assert said.count(message.strip("{ }")) == 1
    assert "Origin:" not in said
    assert said.endswith("  localhost: Fail\ndocs/troubleshooting.md goes by symptom.\n")
    assert "WHAT RUNS" not in said
    steps = re.findall(r"^ +([0-9.]+)  (.+)$", said, re.M)
    assert [name for _, name in steps] == ["The first step", "The second step", "all"]


def test_who_asks_for_more_sees_where_it_failed(shown):
    assert "Origin:" in shown("Out of paper", "-v")
