"""A long build shows how far it is, and ends as its command does."""

import importlib.util
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location(
    "container_image_follow",
    ROOT / "roles/container_image/action_plugins/container_image_follow.py",
)
follow = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(follow)


def build(tmp_path, end: str, limit: int = 60) -> subprocess.CompletedProcess:
    steps = 'for step in 1 2 3 4 5 6; do echo "[ $step%] Building"; sleep 1; done'
    said = {
        "container_image_command": f"sh -c {shlex.quote(f'{steps}; {end}')}",
        "container_image_log": str(tmp_path / "log"),
        "container_image_build_timeout": limit,
        "ansible_python_interpreter": sys.executable,
    }
    return subprocess.run(
        [
            *("ansible-playbook", "tests/unit/playbooks/follow.yml", "-i", "localhost,"),
            *("-e", json.dumps(said)),
        ],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_ASYNC_DIR": str(tmp_path / "jobs")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_log_is_shown_while_it_grows(tmp_path):
    done = build(tmp_path, "true")
    assert done.returncode == 0, done.stdout
    shown = [line for line in done.stdout.splitlines() if line.startswith("greeting, 0:0")]
    assert len(shown) >= 2, done.stdout
    assert shown[-1].endswith("%] Building")
    assert not list((tmp_path / "jobs").iterdir()), "what Ansible kept of the job is gone"


def test_a_build_that_takes_too_long_fails(tmp_path):
    done = build(tmp_path, "sleep 30", limit=4)
    assert done.returncode != 0
    assert "Timeout exceeded" in done.stdout


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ("[ 10%] one\r[ 20%] two\r", "[ 20%] two"),
        ("\x1b[32mgreen\x1b[0m\n", "[32mgreen[0m"),
        ("x" * 300, "x" * 160 + "…"),
    ],
)
def test_the_last_line(log, line):
    assert follow.last_line(log) == line
