"""A closed broker that is gone with all its data, and is there again from its backup."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from confluent_kafka.admin import AdminClient

from .. import lab

PROJECT, PORT = "test-backup-kafka", 19692
FOLDER = Path("/opt/posestream-test-backup")
NAME = socket.gethostname()
# By hand, as a person does: a topic, a right, and a user.
TOOL = (
    "docker compose exec -T -e KAFKA_HEAP_OPTS=-Xmx128m broker {} --bootstrap-server broker:29092 "
)
TOOL += "--command-config /run/kafka-secrets/admin.properties {}"
BY_HAND = [
    ("kafka-topics", "--create --topic mine --partitions 3 --config cleanup.policy=compact,delete"),
    (
        "kafka-acls",
        "--add --allow-principal User:guest --operation DescribeConfigs --topic mi "
        "--resource-pattern-type prefixed",
    ),
    (
        "kafka-configs",
        "--alter --entity-type users --entity-name guest "
        "--add-config SCRAM-SHA-512=[password=nobody-knows]",
    ),
]


def playbook(name: str, folder: Path, *arguments: str) -> str:
    """Run a playbook over the inventory; returns what it says."""
    result = lab.run("ansible-playbook", name, "-i", str(folder / "hosts.json"), *arguments)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    return result.stdout


def content(archive: Path, secrets: Path) -> dict:
    """Return what a backup says of the cluster."""
    password = VaultSecret((secrets / "vault-password").read_bytes().strip())
    opened = archive.with_suffix(".tar.gz")
    opened.write_bytes(VaultLib([("default", password)]).decrypt(archive.read_bytes()))
    said = lab.run(
        "tar", "--extract", "--gzip", "--to-stdout", "--file", str(opened), "backup.json"
    )
    return json.loads(said.stdout)["cluster"]


def client(secrets: Path) -> dict[str, str]:
    """Return what a client is told that knows this authority and these passwords."""
    password = VaultSecret((secrets / "vault-password").read_bytes().strip())
    vault = VaultLib([("default", password)])
    passwords = yaml.safe_load(vault.decrypt((secrets / "passwords.yml").read_bytes()))
    return {
        "bootstrap.servers": f"{NAME}:{PORT}",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(secrets / "authority.pem"),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "admin",
        "sasl.password": passwords["admin"],
    }


def remove() -> None:
    """Remove the broker with its data."""
    lab.run("docker", "compose", "--project-name", PROJECT, "down", "--volumes", "--timeout", "5")
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    hosts = {"hosts": {"localhost": None}}
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "posestream_dir": str(FOLDER),
        "broker_hostname": NAME,
        "broker_port": PORT,
        "broker_security": "sasl_tls",
        "kafka_project": PROJECT,
        "kafka_heap": "256m",
    }
    groups = {"kafka": hosts, "openpose": hosts}
    inventory = tmp_path / "lab/hosts.json"
    inventory.parent.mkdir()
    inventory.write_text(json.dumps({"all": {"vars": variables, "children": groups}}))
    remove()
    yield inventory.parent
    remove()


def test_a_broker_is_there_again_with_its_authority_passwords_topics_and_rights(folder):
    playbook("playbooks/kafka.yml", folder)
    for tool, arguments in BY_HAND:
        command = TOOL.format(tool, arguments).split()
        result = lab.run(*command, cwd=FOLDER / "kafka")
        assert result.returncode == 0, result.stderr
    backup = folder.parent / "first.backup"
    said = playbook("playbooks/backup.yml", folder, "-e", f"backup_file={backup}")
    assert "without their passwords, which Kafka tells nobody: guest" in " ".join(said.split())

    remove()
    kept = (folder / "secrets").rename(folder.parent / "kept")
    key = ("--vault-password-file", str(kept / "vault-password"))
    told = ("-e", f"backup_file={backup}", *key)
    elsewhere = folder.parent / "elsewhere"
    playbook(
        "playbooks/restore_inventory.yml", folder, "-e", f"backup_inventories={elsewhere}", *told
    )
    assert (elsewhere / "hosts.json").read_text() == (folder / "hosts.json").read_text()

    said = playbook("playbooks/restore.yml", folder, "--tags", "restore,kafka", *told)
    assert "make them again: guest" in " ".join(said.split())
    for name in ("passwords.yml", "authority.pem", "authority.key", "vault-password"):
        assert (folder / "secrets" / name).read_bytes() == (kept / name).read_bytes(), name
    # Who knows what was so before gets in.
    assert "mine" in AdminClient(client(kept)).list_topics(timeout=30).topics
    again = folder.parent / "second.backup"
    playbook("playbooks/backup.yml", folder, "-e", f"backup_file={again}")
    before, after = content(backup, kept), content(again, kept)
    assert before.pop("users") == sorted([*after.pop("users"), "guest"])
    assert after == before
