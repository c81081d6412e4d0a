"""The example of a lab: whatever a person uncomments in it is taken."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LAB = ROOT / "inventories/lab"
# A commented line of YAML, as `# kafka_heap: 2g` and what is indented below it.
EXAMPLE = re.compile(r"^( *)# ((?: {2})*[a-z0-9_.]+:( .*)?)$", re.MULTILINE)
# One of this machine's for each host.
OWN_ADDRESS = "127.0.0.{{ 1 + groups['all'].index(inventory_hostname) }}"


def test_it_needs_no_more_than_hosts_and_a_name():
    assert set(yaml.safe_load((LAB / "group_vars/all.yml").read_text())) == {"broker_hostname"}


def test_every_example_in_it_is_right(tmp_path):
    lab = shutil.copytree(LAB, tmp_path / "lab")
    for name in ("hosts.yml", "group_vars/all.yml"):
        text, examples = EXAMPLE.subn(r"\1\2", (LAB / name).read_text())
        assert examples
        (lab / name).write_text(text)
    said = yaml.safe_load((lab / "group_vars/all.yml").read_text())
    assert len(said) > 15
    result = subprocess.run(
        [
            *("ansible-playbook", "playbooks/preflight.yml", "-i", lab),
            *("-e", json.dumps({"ansible_host": OWN_ADDRESS, "ansible_port": 1})),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    problems = set(re.findall(r"^ +- (.*)$", result.stdout, re.MULTILINE))
    assert len(problems) == 3, problems
    for problem in problems:  # nobody is there: all that is wrong with each of the three hosts
        assert re.search(r"cannot be reached at 127\.0\.0\.\d port 1", problem)
