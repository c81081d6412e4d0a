"""A host is rebooted where nvidia_allow_reboot is true, and by no text whatever it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASKED_FOR = "has to be rebooted before it can use its GPU: an upgrade has replaced the driver"
WOULD_REBOOT = "would reboot the control node"
# What an inventory says, by its file's name; what stands in the place of %s is nvidia_allow_reboot.
INI = "[all]\nhost01\n[all:vars]\nnvidia_allow_reboot=%s\n"
YAML = "all: {hosts: {host01: {}}, vars: {nvidia_allow_reboot: %s}}\n"


def start_driver(inventory: Path, *arguments: str) -> str:
    """Return what a run says over an inventory whose host's driver needs a reboot."""
    done = subprocess.run(
        ["ansible-playbook", ROOT / "tests/unit/playbooks/reboot.yml", "-i", inventory, *arguments],
        env=os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("no.ini", INI % "no", ()),
        ("false.ini", INI % "false", ()),
        ("no.yml", YAML % '"no"', ()),
        ("false.yml", YAML % '"false"', ()),
        ("boolean.yml", YAML % "false", ()),
        ("true.yml", YAML % "true", ("--extra-vars", "nvidia_allow_reboot=false")),
        ("true.yml", YAML % "true", ("--extra-vars", "nvidia_allow_reboot=no")),
    ],
)
def test_no_is_no(tmp_path, name, content, arguments):
    inventory = tmp_path / name
    inventory.write_text(content)
    said = start_driver(inventory, *arguments)
    assert ASKED_FOR in said
    assert WOULD_REBOOT not in said


def test_true_is_leave(tmp_path):
    inventory = tmp_path / "true.yml"
    inventory.write_text(YAML % "true")
    said = start_driver(inventory)
    assert WOULD_REBOOT in said
    assert ASKED_FOR not in said
