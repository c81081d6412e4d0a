#!/usr/bin/python
"""Make a cluster's topics what they shall be, by Kafka's own tools in a broker's container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils import kafka_tools
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_topics
short_description: Make topics, add partitions, set topic properties
description:
  - Asks once for all topics, then changes only what differs. Other topics, further properties and
    further partitions stay. Module kafka_replicas gives those that are there more replicas.
options:
  chdir:
    description: The folder of the Compose project, with the service C(broker).
    type: path
    required: true
  tool_options:
    description: What Kafka's tools in the broker's container are told besides.
    type: list
    elements: str
    default: []
  replicas:
    description: How many replicas a new topic gets that says no number itself.
    type: int
    default: 1
  topics:
    description: The topics.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {type: str, required: true, description: The topic's name.}
      partitions: {type: int, default: 1, description: The least number of partitions.}
      replication_factor: {type: int, description: How many replicas it gets.}
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

TOPIC = {
    "name": {"type": "str", "required": True},
    "partitions": {"type": "int", "default": 1},
    "replication_factor": {"type": "int"},
    "config": {"type": "dict", "default": {}},
}

Topic = dict[str, Any]  # partitions: int, replicas: int, config: {property: text}


def kafka_text(value: Any) -> str:
    """Return a property's value as Kafka writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def wanted(topics: list[dict[str, Any]], replicas: int = 1) -> dict[str, Topic]:
    """Return the topics of the inventory in the same form as `kafka_tools.topics`."""
    return {
        topic["name"]: {
            "partitions": int(topic.get("partitions") or 1),
            "replicas": int(topic.get("replication_factor") or replicas),
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
        create = ["--create", "--if-not-exists", "--replication-factor", str(want["replicas"])]
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
    return there | {"partitions": partitions, "config": there["config"] | want["config"]}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            **kafka_tools.OPTIONS,
            "replicas": {"type": "int", "default": 1},
            "topics": {"type": "list", "elements": "dict", "required": True, "options": TOPIC},
        },
        supports_check_mode=True,
    )
    tools = kafka_tools.Tools(module)

    # A dry run may find no broker that could be asked: before the first deployment, or stopped.
    there: dict[str, Topic] = {}
    if not module.check_mode or Path(module.params["chdir"]).is_dir():
        _, output, _ = tools.run("kafka-topics", "--describe", check=not module.check_mode)
        there = kafka_tools.topics(output)
    want = wanted(module.params["topics"], module.params["replicas"])
    todo = [command for name in want for command in commands(name, want[name], there.get(name))]
    if not module.check_mode:
        for command in todo:
            tools.run(*command)
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
