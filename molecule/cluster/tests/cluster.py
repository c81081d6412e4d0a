"""The hosts of the scenario: what runs on them, and what the tests do to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.system import lab, vault

SCENARIO = Path(__file__).parents[1]
HOSTS = {"kafka1": "172.30.77.31", "kafka2": "172.30.77.32", "kafka3": "172.30.77.33"}
BROKERS = ",".join(f"{address}:9092" for address in HOSTS.values())
FOLDER = "/opt/posestream/kafka"
# `make cluster`: more of what breaks, and what takes long.
LONG = os.environ.get("CLUSTER") == "long"
MODE = os.environ.get("CLUSTER_MODE") or "zookeeper"
SECURITY = os.environ.get("CLUSTER_SECURITY") or "none"
SECRETS = lab.ROOT / ".cache/molecule/cluster/secrets"
long_form = pytest.mark.skipif(not LONG, reason="part of the long form, `make cluster`")
# What a deployment does about brokers alone: whether a worker keeps up is another matter.
OF_BROKERS = ("site.yml", "--tags", "docker,images,kafka")
KILLS = int(os.environ.get("CLUSTER_KILLS") or (10 if LONG else 1))


def client() -> dict[str, Any]:
    """Return what librdkafka is told to reach the brokers."""
    said: dict[str, Any] = {"bootstrap.servers": BROKERS}
    if SECURITY != "none":
        said |= {"security.protocol": "SSL", "ssl.ca.location": str(SECRETS / "authority.pem")}
    if SECURITY == "sasl_tls":
        said |= {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
        said |= {"sasl.username": "admin", "sasl.password": vault.passwords(SECRETS)["admin"]}
    return said


def parameters() -> dict[str, Any]:
    """Return the same for SINETStream, beside the brokers."""
    said: dict[str, Any] = {}
    if SECURITY != "none":
        said["tls"] = {"ca_certs": str(SECRETS / "authority.pem")}
        said["type_spec"] = {"security_protocol": "SSL"}
    if SECURITY == "sasl_tls":
        said["type_spec"] = {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "admin",
            "sasl_plain_password": vault.passwords(SECRETS)["admin"],
        }
    return said


def run(host: str, command: str, seconds: int = 120) -> str:
    """Run a shell's command on a host; returns what it prints."""
    result = lab.run(
        *("docker", "exec", f"molecule-cluster-{host}", "sh", "-c", command), timeout=seconds
    )
    assert result.returncode == 0, f"{command} on {host}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


def playbook(
    name: str,
    *arguments: str,
    cwd: Path = lab.ROOT,
    inventory: Path = SCENARIO / "inventory",
    seconds: int = 1200,
) -> str:
    """Run a playbook over the scenario's inventories, that of a copy of the project if need be."""
    inventories = (SCENARIO.parent / "shared/inventory", inventory)
    result = lab.run(
        *("ansible-playbook", name, *arguments),
        *(word for inventory in inventories for word in ("-i", str(inventory))),
        cwd=cwd,
        timeout=seconds,
        ANSIBLE_CONFIG=str(cwd / "ansible.cfg"),
        MOLECULE_SCENARIO_NAME="cluster",
        MOLECULE_PROJECT_DIRECTORY=str(lab.ROOT),
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


def inventory(folder: Path, hosts: dict[str, str], **values: object) -> Path:
    """Write the scenario's inventory with these Kafka hosts, addresses by name, into a folder.

    Args:
        folder: it is made.
        hosts: those that the scenario's own has are as they are there.
        values: what is different for all of them, by variable.
    """
    shutil.copytree(SCENARIO / "inventory", folder)
    lies = folder / "hosts.yml"
    everything = yaml.safe_load(lies.read_text())["all"]
    everything["hosts"] = {
        name: everything["hosts"].get(name, {"address": address}) for name, address in hosts.items()
    }
    everything["children"]["kafka"] = {"hosts": dict.fromkeys(hosts), "vars": values}
    lies.write_text(yaml.safe_dump({"all": everything}))
    return folder


def make_host(name: str, inventory: Path = SCENARIO / "inventory") -> None:
    """Make a host of an inventory that is missing, and have it ready for Ansible."""
    shared = SCENARIO.parent / "shared"
    playbook(str(shared / "create.yml"), inventory=inventory)
    playbook(str(shared / "prepare.yml"), "--limit", name, inventory=inventory)


@contextlib.contextmanager
def further_host(inventory: Path, name: str) -> Iterator[None]:
    """Have a host that only this inventory has, and remove it again."""
    container = f"molecule-cluster-{name}"
    try:
        make_host(name, inventory)
        yield
    finally:
        lab.run("docker", "rm", "--force", "--volumes", container)
        lab.run("docker", "volume", "rm", f"molecule-cluster_{name}")


def kill(host: str, service: str = "broker") -> None:
    """End a service's first process at once, as a lack of memory does."""
    run(
        host,
        f"cd {FOLDER} && kill -KILL "
        f"$(docker inspect --format {{{{.State.Pid}}}} $(docker compose ps --quiet {service}))",
    )


def state(host: str, service: str = "broker") -> str:
    """Return what Docker says of a service's container, such as `running` or `restarting`."""
    container = f"$(cd {FOLDER} && docker compose ps --all --quiet {service})"
    return run(host, f"docker inspect --format {{{{.State.Status}}}} {container}")


class Brokers:
    """What the brokers say of their partitions."""

    def __init__(self) -> None:
        self._client = AdminClient(client() | {"log_level": 0, "reconnect.backoff.max.ms": 1000})

    def missing(self) -> list[str]:
        """Return which partitions have a replica that is not in step, or no broker to ask."""
        try:
            found = self._client.list_topics(timeout=5)
        except KafkaException as error:
            return [str(error)]
        return [
            f"{name}-{number}: {partition.isrs} of {partition.replicas}"
            for name, topic in found.topics.items()
            for number, partition in topic.partitions.items()
            if len(partition.isrs) < len(partition.replicas)
        ]

    def replicas(self) -> dict[str, int]:
        """Return by topic how many replicas its partitions have, at the least."""
        return {
            name: min(len(partition.replicas) for partition in topic.partitions.values())
            for name, topic in self._client.list_topics(timeout=10).topics.items()
        }

    def held_by(self, number: int) -> list[str]:
        """Return which partitions have a replica on the broker of this number."""
        return [
            f"{name}-{partition.id}"
            for name, topic in self._client.list_topics(timeout=10).topics.items()
            for partition in topic.partitions.values()
            if number in partition.replicas
        ]

    def out_of_step(self, host: str) -> bool:
        """Say whether the replicas of a host's broker are left behind."""
        number = 1001 + list(HOSTS).index(host)
        try:
            topics = self._client.list_topics(timeout=5).topics
        except KafkaException:
            return False
        return all(number not in part.isrs for part in topics["load"].partitions.values())

    def wait_until_whole(self, seconds: float = 180) -> float:
        """Wait until every replica is in step; returns after how many seconds it was."""
        begun = time.monotonic()
        wait_until(lambda: not self.missing(), lambda: f"replicas: {self.missing()}", seconds)
        return time.monotonic() - begun


def wait_until(condition: Callable[[], object], what: Callable[[], str], seconds: float) -> None:
    """Wait as the system tests do, at a pace that costs little."""

    def slowly() -> object:
        time.sleep(0.5)
        return condition()

    lab.wait_until(slowly, what, seconds)
