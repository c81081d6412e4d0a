#!/usr/bin/python
"""Make a broker's topics what they shall be, by Kafka's own tools in the broker's container."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_topics
short_description: Make topics, add partitions, set topic properties
description:
  - Asks once for all topics, then changes only what differs. Other topics, further properties and
    further partitions stay.
options:
  chdir:
    description: The folder of the Compose project, with the service C(broker).
    type: path
    required: true
  topics:
    description: The topics.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {type: str, required: true, description: The topic's name.}
      partitions: {type: int, default: 1, description: The least number of partitions.}
      config: {type: dict, default: {}, description: Topic properties by Kafka's own names.}
author: posestream maintainers
"""

EXAMPLES = """
- name: Make the topics
  kafka_topics:
    chdir: /opt/posestream/kafka
    topics:
      - name: pictures
        partitions: 2
        config: {retention.ms: 3600000}
"""

RETURN = """
commands:
  type: list
  elements: str
  returned: always
  description: What has been run in the broker's container, or would be, without its address.
"""

# A heap of its own: the broker's would be taken whole once more.
INSIDE = ["docker", "compose", "exec", "-T", "-e", "KAFKA_HEAP_OPTS=-Xmx128m", "broker"]
SERVER = ["--bootstrap-server", "broker:29092"]
DESCRIBED = re.compile(r"^Topic: (\S+)\s.*PartitionCount: (\d+).*Configs: ?(.*?)\s*$", re.MULTILINE)
NEXT_PROPERTY = re.compile(r",(?=[a-z.]+=)")  # a value may hold commas itself

TOPIC = {
    "name": {"type": "str", "required": True},
    "partitions": {"type": "int", "default": 1},
    "config": {"type": "dict", "default": {}},
}

Topic = dict[str, Any]  # partitions: int, config: {property: text}


def described(text: str) -> dict[str, Topic]:
    """Return the topics in what `kafka-topics --describe` prints, by name."""
    return {
        name: {
            "partitions": int(partitions),
            "config": dict(
                pair.split("=", 1) for pair in NEXT_PROPERTY.split(config) if "=" in pair
            ),
        }
        for name, partitions, config in DESCRIBED.findall(text)
    }


def kafka_text(value: Any) -> str:
    """Return a property's value as Kafka writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def wanted(topics: list[dict[str, Any]]) -> dict[str, Topic]:
    """Return the topics of the inventory in the same form as `described`."""
    return {
        topic["name"]: {
            "partitions": int(topic.get("partitions") or 1),
            "config": {
                name: kafka_text(value) for name, value in (topic.get("config") or {}).items()
            },
        }
        for topic in topics
    }


def commands(name: str, want: Topic, there: Topic | None) -> list[list[str]]:
    """Return what has to be run for one topic, without the broker's address."""
    partitions = ["--topic", name, "--partitions", str(want["partitions"])]
    if there is None:
        config = [f"--config={key}={value}" for key, value in want["config"].items()]
        create = ["--create", "--if-not-exists", "--replication-factor", "1"]
        return [["kafka-topics", *create, *partitions, *config]]
    found = []
    if want["partitions"] > there["partitions"]:
        found.append(["kafka-topics", "--alter", *partitions])
    # The brackets let a value hold commas.
    differing = [
        f"{key}=[{value}]" if "," in value else f"{key}={value}"
        for key, value in want["config"].items()
        if there["config"].get(key) != value
    ]
    if differing:
        entity = ["--entity-type", "topics", "--entity-name", name]
        add = ["--add-config", ",".join(differing)]
        found.append(["kafka-configs", "--alter", *entity, *add])
    return found


def after(want: Topic, there: Topic | None) -> Topic:
    """Return what a topic is once the commands have been run."""
    if there is None:
        return want
    partitions = max(want["partitions"], there["partitions"])
    return {"partitions": partitions, "config": there["config"] | want["config"]}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "chdir": {"type": "path", "required": True},
            "topics": {"type": "list", "elements": "dict", "required": True, "options": TOPIC},
        },
        supports_check_mode=True,
    )
    folder = module.params["chdir"]

    def run(tool: str, *arguments: str, **options: bool) -> tuple[int, str, str]:
        return module.run_command([*INSIDE, tool, *SERVER, *arguments], cwd=folder, **options)

    # A dry run may find no broker that could be asked: before the first deployment, or stopped.
    there: dict[str, Topic] = {}
    if not module.check_mode or Path(folder).is_dir():
        _, output, _ = run("kafka-topics", "--describe", check_rc=not module.check_mode)
        there = described(output)
    want = wanted(module.params["topics"])
    todo = [command for name in want for command in commands(name, want[name], there.get(name))]
    if not module.check_mode:
        for command in todo:
            run(*command, check_rc=True)
    module.exit_json(
        changed=bool(todo),
        commands=[" ".join(command) for command in todo],
        diff={
            "before": {name: there[name] for name in want if name in there},
            "after": {name: after(want[name], there.get(name)) for name in want},
        },
    )


if __name__ == "__main__":
    main()
