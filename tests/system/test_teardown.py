"""playbooks/teardown.yml over a small deployment of its own, among things of others.

It looks at the whole host, logs of builds and temporary files too: nothing may build beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import lab

DIRECTORY = Path("/opt/posestream-test-teardown")
PROJECT = "test-teardown"
LABEL = "posestream-test.content"
VARIABLES = {
    "broker_hostname": "test-teardown",
    "broker_port": 19292,
    "posestream_dir": str(DIRECTORY),
    "kafka_project": PROJECT,
    "kafka_heap": "256m",
    "kafka_zookeeper_heap": "96m",
    "kafka_image": "test-teardown-kafka:1",
    "kafka_zookeeper_image": "test-teardown-zookeeper:1",
    "kafka_zookeeper_log": str(DIRECTORY / "log"),
    "posestream_base_image": "test-teardown-base:1",
}
HOST = {"localhost": {"ansible_connection": "local"}}
FOREIGN = "test-teardown-foreign"


def docker(*arguments: str) -> str:
    result = lab.run("docker", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def names(*listing: str) -> set[str]:
    """Return what the engine lists of this test's, foreign things included."""
    return {name for name in docker(*listing).split() if name.startswith(PROJECT)}


@pytest.fixture
def small(tmp_path):
    """Deploy a broker, and build images, among what others might have."""
    for left in (("rm", "--force", FOREIGN), ("network", "rm", FOREIGN)):
        lab.run("docker", *left)  # by a run that was killed
    inventory = tmp_path / "hosts.yml"
    groups = {"children": {"kafka": {"hosts": HOST}}, "vars": VARIABLES}
    inventory.write_text(json.dumps({"all": groups}))
    for image in ("kafka", "zookeeper"):
        docker("tag", f"posestream-{image}:3.9", f"test-teardown-{image}:1")
    imported = lab.run(
        "sh", "-c", "tar --create /etc/hostname | docker import - test-teardown-base:1"
    )
    assert imported.returncode == 0, imported.stderr
    for name, base, label in (
        ("test-teardown-old:1", "posestream-base:bookworm", "0" * 12),
        ("test-teardown-built:1", "posestream-base:bookworm", "1" * 12),
        (f"{FOREIGN}:1", "posestream-base:bookworm", ""),
        (f"{FOREIGN}:2", "test-teardown-built:1", ""),
    ):
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN echo {name} > /name\n")
        ours = ("--label", f"{LABEL}={label}", "--tag", f"{name}-{label}") if label else ()
        docker("build", "--tag", name, *ours, str(tmp_path))
    docker("volume", "create", FOREIGN)
    docker("network", "create", FOREIGN)
    docker("run", "--detach", "--name", FOREIGN, f"{FOREIGN}:1", "sleep", "infinity")
    inventories = (str(inventory),)
    status, report = lab.playbook("playbooks/kafka.yml", inventories=inventories)
    assert status == 0, lab.failures(report)
    yield inventories
    docker("rm", "--force", FOREIGN)
    docker("volume", "rm", FOREIGN)
    docker("network", "rm", FOREIGN)
    docker("image", "rm", f"{FOREIGN}:1", f"{FOREIGN}:2")


def teardown(inventories: tuple[str, ...], *arguments: str) -> tuple[int, str]:
    """Tear down; return how much was changed, and what was said at the end."""
    status, report = lab.playbook(
        "playbooks/teardown.yml",
        "--skip-tags",
        "docker",
        # The label is the role's own and no inventory's: as if the variables were checked already.
        "--extra-vars",
        json.dumps({"container_image_label": LABEL, "preflight_inventory": {"problems": {}}}),
        *arguments,
        inventories=inventories,
    )
    assert status == 0, lab.failures(report)
    last = report["plays"][-1]["tasks"][-1]["hosts"]["localhost"]
    return report["stats"]["localhost"]["changed"], last.get("msg", "")


def test_what_was_made_goes_and_nothing_else(small):
    foreign = DIRECTORY / "notes.txt"
    foreign.write_text("mine")
    assert teardown(small, "--check")[0] > 0
    assert len(names("ps", "--format", "{{.Names}}")) == 3

    changed, said = teardown(small)
    assert changed > 0
    for line in (
        "The volume test-teardown_broker-data stays",
        f"The volume {DIRECTORY}/log stays",
        f"In {DIRECTORY} stays log, notes.txt",
    ):
        assert line in said, said
    assert names("ps", "--all", "--format", "{{.Names}}") == {FOREIGN}
    assert names("network", "ls", "--format", "{{.Name}}") == {FOREIGN}
    left = names("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
    assert left == {f"{FOREIGN}:1", f"{FOREIGN}:2"}, "what others built on ours stays"
    assert docker("image", "inspect", "--format", "{{.Id}}", "posestream-kafka:3.9")
    assert [path.name for path in sorted(DIRECTORY.iterdir())] == ["log", "notes.txt"]
    assert teardown(small)[0] == 0

    foreign.unlink()
    assert teardown(small, "--extra-vars", "teardown_data=true")[0] > 0
    assert names("volume", "ls", "--format", "{{.Name}}") == {FOREIGN}
    assert not DIRECTORY.exists()
    assert teardown(small, "--extra-vars", "teardown_data=true")[0] == 0
