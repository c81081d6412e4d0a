"""Wrong inventories end before anything changes, and every host's message names the variable."""

import json
import os
import platform
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INVENTORIES = sorted((ROOT / "tests/inventories").glob("*.yml"))
UNFIT = ROOT / "tests/inventories/unfit/hosts.yml"


def run(inventory: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run the whole deployment over an inventory."""
    return subprocess.run(
        ["ansible-playbook", "site.yml", "-i", str(inventory)],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def deploy(inventory: Path, **environment: str) -> dict:
    """Run the whole deployment, which has to fail, and return what Ansible's JSON callback says."""
    result = run(inventory, **environment)
    assert result.returncode != 0, result.stdout
    return json.loads(result.stdout)


def refusals(report: dict) -> dict[str, str]:
    """Return each refused host's message; nothing but preflight has run, and nothing changed."""
    assert len(report["plays"]) == 1
    assert all(count["changed"] == 0 for count in report["stats"].values())
    *_, last = report["plays"][0]["tasks"]
    return {host: result["msg"] for host, result in last["hosts"].items() if result.get("failed")}


def expectations(inventory: Path) -> dict[str, list[str]]:
    hosts = {}

    def walk(group: dict) -> None:
        for host, variables in (group.get("hosts") or {}).items():
            if variables and "expected" in variables:
                expected = variables["expected"]
                hosts[host] = [expected] if isinstance(expected, str) else expected
        for child in (group.get("children") or {}).values():
            walk(child)

    for group in yaml.safe_load(inventory.read_text()).values():
        walk(group)
    return hosts


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_refused(inventory):
    messages = refusals(deploy(inventory))
    expected = expectations(inventory)
    assert set(messages) == set(expected)
    for host, texts in expected.items():
        head, *problems = messages[host].strip().split("\n  - ")
        assert head.startswith(f"{host}: {len(texts)} problem")
        assert len(problems) == len(texts)
        for problem, text in zip(problems, texts, strict=True):
            assert problem.startswith(text)


def test_unfit_hosts_are_refused_together():
    """One host is busy and too small, two others cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        messages = refusals(deploy(UNFIT, BUSY_PORT=str(port)))
    assert set(messages) == {
        "small-and-busy",
        "made-of-facts",
        "without-a-server",
        "without-a-name",
    }
    name = Path("/proc/self/comm").read_text().strip()
    for text in (
        f"viewer_port: port {port} of small-and-busy is in use by the process {name} (pid "
        f"{os.getpid()})",
        "broker_port: 198.51.100.1 is no address of small-and-busy",
        "of memory, and 1048576.0 GiB are needed for kafka and viewer; give it more",
        "kafka_heap: 99999g is more than the memory of small-and-busy",
        "/opt/posestream; make room, or lower preflight_min_free_bytes",
    ):
        assert text in messages["small-and-busy"]
    for text in (
        f"openpose_jpeg_quality: '{platform.machine()}' is not a whole number",
        "openpose_group_id: cannot be evaluated: object of type 'dict' has no attribute 'name_of",
    ):
        assert text in messages["made-of-facts"]
    assert (
        "without-a-server cannot be reached at 127.0.0.1 port 1: no SSH server listens "
        "there: start sshd, "
        "or correct ansible_port" in messages["without-a-server"]
    )
    assert (
        "without-a-name cannot be reached at no-such-host.invalid: nobody knows this name: "
        "write the address "
        "as ansible_host" in messages["without-a-name"]
    )


def test_an_inventory_that_is_no_yaml_is_an_error(tmp_path):
    """Not an empty lab, on which nothing is done with success."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("kafka:\n  hosts:\n    kafka01\n   openpose:\n")
    result = run(inventory)
    assert result.returncode != 0
    assert str(inventory) in result.stderr
