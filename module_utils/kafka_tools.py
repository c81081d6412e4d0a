"""Kafka's own tools, run in the broker's container, and what they print."""

from __future__ import annotations

import re
from typing import Any

# A heap of its own: the broker's would be taken whole once more.
INSIDE = ["docker", "compose", "exec", "-T", "-e", "KAFKA_HEAP_OPTS=-Xmx128m", "broker"]
SERVER = ["--bootstrap-server", "broker:29092"]
# What the file with the client's settings is called by tools that have another name for it.
CONFIG = "--command-config"
OTHER_CONFIG = {"kafka-leader-election": "--admin.config"}

OPTIONS = {
    "chdir": {"type": "path", "required": True},
    "tool_options": {"type": "list", "elements": "str", "default": []},
}

# A topic: partitions: int, replicas: int, config: {property: text}.
Topic = dict[str, Any]
# Leader, replicas and those in sync, as brokers' numbers, and whether it moves.
Partition = dict[str, Any]

TOPIC = re.compile(
    r"^Topic: (\S+)\s.*PartitionCount: (\d+).*ReplicationFactor: (\d+).*Configs: ?(.*?)\s*$",
    re.MULTILINE,
)
PARTITION = re.compile(
    r"^\s*Topic: (\S+)\s+Partition: (\d+)\s+Leader: (\S+)\s+Replicas: ([\d,]*)"
    r"\s+Isr: ?([\d,]*)(.*)$",
    re.MULTILINE,
)
LEAVING = re.compile(r"Removing Replicas: ?([\d,]*)")
NEXT_PROPERTY = re.compile(r",(?=[a-z.]+=)")  # a value may hold commas itself
BROKERS = re.compile(r"from brokers ([\d,]+)")
USER = re.compile(r"^SCRAM credential configs for user-principal '(.*)' are (.*)$", re.MULTILINE)
RESOURCE = re.compile(
    r"^Current ACLs for resource `ResourcePattern"
    r"\(resourceType=(\w+), name=(.*), patternType=(\w+)\)`"
)
ENTRY = re.compile(
    r"^\s*\(principal=(.*), host=([^,]*), operation=(\w+), permissionType=(\w+)\)\s*$"
)


class Tools:
    """The tools of one broker's container."""

    def __init__(self, module: Any) -> None:
        """Take what the module is told: `chdir` and `tool_options`."""
        self.module = module

    def run(
        self, tool: str, *arguments: str, check: bool = True, data: str | None = None
    ) -> tuple[int, str, str]:
        """Run one tool; fail the module with what it says where it fails, unless told not to."""
        given = self.module.params
        options = [
            OTHER_CONFIG.get(tool, word) if word == CONFIG else word
            for word in given["tool_options"]
        ]
        command = [*INSIDE, tool, *SERVER, *options, *arguments]
        return self.module.run_command(
            command, cwd=given["chdir"], check_rc=check, data=data, binary_data=False
        )


def topics(text: str) -> dict[str, Topic]:
    """Return the topics in what `kafka-topics --describe` prints, by name."""
    return {
        name: {
            "partitions": int(partitions),
            "replicas": int(replicas),
            "config": dict(
                pair.split("=", 1) for pair in NEXT_PROPERTY.split(config) if "=" in pair
            ),
        }
        for name, partitions, replicas, config in TOPIC.findall(text)
    }


def partitions(text: str) -> dict[tuple[str, int], Partition]:
    """Return the partitions in what `kafka-topics --describe` prints, by topic and number.

    Of one that is on its way to other brokers, these are its replicas.
    """

    def numbers(listed: str) -> list[int]:
        return [int(number) for number in listed.split(",") if number]

    found = {}
    for topic, number, leader, replicas, in_sync, more in PARTITION.findall(text):
        leaving = LEAVING.search(more)
        gone = numbers(leaving[1]) if leaving else []
        found[topic, int(number)] = {
            "leader": int(leader) if leader.isdigit() else None,
            "replicas": [broker for broker in numbers(replicas) if broker not in gone],
            "in_sync": [broker for broker in numbers(in_sync) if broker not in gone],
            "moves": leaving is not None,
        }
    return found


def brokers(text: str) -> list[int]:
    """Return the numbers of the brokers in what `kafka-log-dirs --describe` prints."""
    found = BROKERS.search(text)
    return sorted(int(number) for number in found[1].split(",")) if found else []


def users(text: str) -> dict[str, str]:
    """Return SCRAM users, each with its mechanisms, in what `kafka-configs --describe` prints."""
    return dict(USER.findall(text))


def acls(text: str) -> list[dict[str, str]]:
    """Return the ACLs in what `kafka-acls --list` prints."""
    found = []
    resource: tuple[str, ...] = ()
    for line in text.splitlines():
        if heading := RESOURCE.match(line):
            resource = heading.groups()
        elif entry := ENTRY.match(line):
            found.append((*resource, *entry.groups()))
    names = ("resource_type", "resource_name", "pattern_type")
    names += ("principal", "host", "operation", "permission_type")
    return [dict(zip(names, values)) for values in sorted(found)]  # noqa: B905 (old Pythons too)
