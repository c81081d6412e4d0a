"""Wrong inventories end before anything changes, and every host's message names the variable."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def deploy(inventory: str) -> dict:
    """Run the whole deployment over an inventory and return what Ansible's JSON callback says."""
    result = subprocess.run(
        ["ansible-playbook", "site.yml", "-i", inventory],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode != 0, result.stdout
    return json.loads(result.stdout)


def expectations(inventory: str) -> dict[str, str]:
    text = yaml.safe_load((ROOT / inventory).read_text())
    return {
        host: variables["expected"]
        for group in text.values()
        for host, variables in group["hosts"].items()
        if variables
    }


@pytest.mark.parametrize(
    "inventory", ["tests/inventories/refused.yml", "tests/inventories/incomplete.yml"]
)
def test_refused(inventory):
    report = deploy(inventory)
    assert len(report["plays"]) == 1
    (task,) = report["plays"][0]["tasks"]
    expected = expectations(inventory)
    assert {host for host, result in task["hosts"].items() if result.get("failed")} == set(expected)
    for host, text in expected.items():
        assert text in task["hosts"][host]["msg"]
        assert (
            f"{host}: 1 wrong in the inventory, nothing was changed" in task["hosts"][host]["msg"]
        )
        assert report["stats"][host]["changed"] == 0
