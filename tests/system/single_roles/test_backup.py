"""A closed broker that is gone with all its data, and is there again from its backup."""

from __future__ import annotations

import json
from pathlib import Path

from confluent_kafka.admin import AdminClient

from .. import lab, vault
from .closed_broker import Deployment

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


def content(archive: Path, secrets: Path) -> dict:
    """Return what a backup says of the cluster."""
    opened = archive.with_suffix(".tar.gz")
    opened.write_bytes(vault.decrypted(archive, secrets))
    said = lab.run(
        "tar", "--extract", "--gzip", "--to-stdout", "--file", str(opened), "backup.json"
    )
    return json.loads(said.stdout)["cluster"]


def test_a_broker_is_there_again_with_its_authority_passwords_topics_and_rights(tmp_path):
    inventory = tmp_path / "lab"
    inventory.mkdir()
    backup, again = tmp_path / "first.backup", tmp_path / "second.backup"
    with Deployment(inventory, "backup", 19692, broker_security="sasl_tls").there() as broker:
        for tool, arguments in BY_HAND:
            command = TOOL.format(tool, arguments).split()
            result = lab.run(*command, cwd=broker.folder / "kafka")
            assert result.returncode == 0, result.stderr
        said = broker.play("backup", "-e", f"backup_file={backup}")
        assert "without their passwords, which Kafka tells nobody: guest" in " ".join(said.split())
        admin = broker.client("admin")

        broker.remove()
        kept = broker.secrets_dir.rename(tmp_path / "kept")
        elsewhere = tmp_path / "elsewhere"
        told = ("-e", f"backup_file={backup}", "--vault-password-file", f"{kept}/vault-password")
        broker.play("restore_inventory", "-e", f"backup_inventories={elsewhere}", *told)
        assert (elsewhere / "hosts.json").read_text() == (inventory / "hosts.json").read_text()

        said = broker.play("restore", "--tags", "restore,kafka", *told)
        assert "make them again: guest" in " ".join(said.split())
        for name in ("passwords.yml", "authority.pem", "authority.key", "vault-password"):
            assert (broker.secrets_dir / name).read_bytes() == (kept / name).read_bytes(), name
        # Who knows what was so before gets in.
        known = admin | {"ssl.ca.location": str(kept / "authority.pem")}
        assert "mine" in AdminClient(known).list_topics(timeout=30).topics
        broker.play("backup", "-e", f"backup_file={again}")
    before, after = content(backup, kept), content(again, kept)
    assert before.pop("users") == sorted([*after.pop("users"), "guest"])
    assert after == before
