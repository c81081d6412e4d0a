"""What a run shows of its steps and of what failed."""

from __future__ import annotations

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
      ansible.builtin.wait_for: {timeout: 1}
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
"""


@pytest.fixture
def shown(tmp_path):
    def show(message: str, *options: str) -> str:
        playbook = tmp_path / "playbook.yml"
        playbook.write_text(PLAYS % message)
        command = ["ansible-playbook", playbook, *options]
        result = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        return result.stdout + result.stderr

    return show


def test_a_play_without_a_task_is_not_shown(shown):
    said = shown("no")

    assert said.index("PLAY [The first step]") < said.index("PLAY [The second step]")
    assert "nothing to do" not in said
    assert "WARNING" not in said


def test_it_ends_with_the_seconds_of_each_step(shown):
    steps = re.findall(r"^ +([0-9.]+)  (.+)$", shown("no"), re.M)

    assert [name for _, name in steps] == ["The first step", "The second step", "all"]
    first, second, whole = (float(seconds) for seconds, _ in steps)
    assert 1 <= first <= whole
    assert first + second == pytest.approx(whole, abs=0.2)


@pytest.mark.parametrize("message", ["Out of paper", "{{ paper_that_nobody_has }}"])
def test_what_failed_is_said_once_without_the_code(shown, message):
    said = shown(message)

    assert "fatal: [localhost]" in said
    assert message.strip("{ }") in said
    assert "Origin:" not in said


def test_who_asks_for_more_sees_where_it_failed(shown):
    assert "Origin:" in shown("Out of paper", "-v")
