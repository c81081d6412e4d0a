"""Wrong inventories end before anything changes, in one message that names host and variable."""

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


def run(inventory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the whole deployment over an inventory."""
    return subprocess.run(
        ["ansible-playbook", "site.yml", "-i", str(inventory), *options],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def deploy(inventory: Path, *options: str, **environment: str) -> dict:
    """Run the whole deployment, which has to fail, and return what Ansible's JSON callback says."""
    result = run(inventory, *options, **environment)
    assert result.returncode != 0, result.stdout
    return json.loads(result.stdout)


def refusal(report: dict) -> list[str]:
    """Return the problems of the one message; nothing but preflight ran, and nothing changed."""
    _, preflight = report["plays"]
    assert preflight["play"]["name"].startswith("Refuse a wrong inventory")
    assert all(count["changed"] == 0 for count in report["stats"].values())
    *_, last = preflight["tasks"]
    (message,) = [result["msg"] for result in last["hosts"].values() if result.get("failed")]
    head, *problems = message.strip().split("\n  - ")
    count = len(problems)
    assert head == f"{count} problem{'s' if count > 1 else ''}, nothing was changed"
    return [said for problem in problems for said in of_each_host(problem, report["stats"])]


def of_each_host(problem: str, hosts: dict) -> list[str]:
    """Return a problem of several hosts, `A, B: TEXT`, once for each of them."""
    names, _, text = problem.partition(": ")
    alike = names.split(", ")
    return [f"{name}: {text}" for name in alike] if {*alike} <= {*hosts} else [problem]


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
    problems = refusal(deploy(inventory))
    expected = [
        text if text.startswith(f"{host} ") else f"{host}: {text}"
        for host, texts in expectations(inventory).items()
        for text in texts
    ]
    unsaid = [text for text in expected if not any(said.startswith(text) for said in problems)]
    unexpected = [said for said in problems if not any(map(said.startswith, expected))]
    assert (unsaid, unexpected) == ([], [])
    assert len(problems) == len(expected)


def test_unfit_hosts_are_refused_together():
    """One host is busy and too small, two others cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = "\n".join(refusal(deploy(UNFIT, BUSY_PORT=str(port))))
    name = Path("/proc/self/comm").read_text().strip()
    for text in (
        f"small-and-busy: viewer_port: port {port} of small-and-busy is in use by the process "
        f"{name} (pid {os.getpid()})",
        "small-and-busy: broker_port: 198.51.100.1 is no address of small-and-busy",
        "of memory, and 1048576.0 GiB are needed for kafka and viewer; give it more",
        "small-and-busy: kafka_heap: 99999g is more than the memory of small-and-busy",
        "/opt/posestream; make room, or lower preflight_min_free_bytes",
        f"made-of-facts: openpose_jpeg_quality: '{platform.machine()}' is not a whole number",
        "made-of-facts: openpose_group_id: cannot be evaluated: object of type 'dict' has no "
        "attribute 'name_of",
        "without-a-server cannot be reached at 127.0.0.1 port 1: no SSH server listens there: "
        "start sshd, or correct ansible_port",
        "without-a-name cannot be reached at no-such-host.invalid: nobody knows this name: write "
        "the address as ansible_host",
    ):
        assert text in said


def test_a_kafka_host_that_is_left_out_and_does_not_answer_is_named(tmp_path):
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "all: {vars: {broker_hostname: no-such-name.invalid, ansible_become: false}}\n"
        "kafka: {hosts: {away: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n"
        "openpose: {hosts: {here: {ansible_connection: local}}}\n"
    )
    problems = refusal(deploy(inventory, "--limit", "here"))
    assert any(
        said.startswith("here: broker_hostname: no-such-name.invalid cannot be resolved")
        and "away, the Kafka host, does not answer. Start it" in said
        for said in problems
    )


def test_a_command_line_means_what_it_says():
    asked = (
        *("--tags", "kafak,topics", "--skip-tags", "verfy"),
        *("-e", "viewer_port: 8080", "-e", "openpose_gpus=[0]"),
        *("-e", 'kafka_properties={"num.io.threads":4}'),
    )
    said = refusal(deploy(ROOT / "inventories/local", *asked))
    assert {problem.removeprefix("localhost: ") for problem in said} == {
        "--tags kafak: nothing has this tag; did you mean kafka?",
        "--skip-tags verfy: nothing has this tag; did you mean verify?",
        "-e 'viewer_port: 8080' sets nothing; write -e NAME=VALUE, without spaces",
        "openpose_gpus: '[0]' is a text; write a list, on a command line "
        "-e '{\"openpose_gpus\": [0, 1]}'",
        "kafka_properties: its value is not a mapping; on a command line write it as JSON: "
        "-e '{\"kafka_properties\": …}', in an INI file with its texts in quotes",
    }


def test_a_name_that_stands_twice_is_an_error(tmp_path):
    """Not its last value, which would count."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("kafka: {hosts: {kafka01: }}\nkafka: {hosts: {kafka02: }}\n")
    result = run(inventory)
    assert result.returncode != 0
    assert "duplicate mapping key 'kafka'" in result.stderr.replace("\n", " ")


def test_an_inventory_that_is_no_yaml_is_an_error(tmp_path):
    """Not an empty lab, on which nothing is done with success."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("kafka:\n  hosts:\n    kafka01\n   openpose:\n")
    result = run(inventory)
    assert result.returncode != 0
    assert str(inventory) in result.stderr
