#!/usr/bin/python
"""Read what a cluster keeps of itself, and add ACLs, by Kafka's own tools in its container."""

from __future__ import annotations

import re
from typing import Any

from ansible.module_utils import kafka_tools
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_state
short_description: Read topics, users and ACLs of a cluster, and add ACLs
description:
  - Asks the broker for all topics but Kafka's inner ones with what was set of each, for the names
    of SCRAM users, and for ACLs. Nobody gets a password back from Kafka.
options:
  chdir:
    description: The folder of the Compose project, with the service C(broker).
    type: path
    required: true
  tool_options:
    description: What Kafka's tools are told besides, to be let in.
    type: list
    elements: str
    default: []
  acls:
    description: ACLs as C(state) has them; those that are missing are added, all others stay.
    type: list
    elements: dict
    default: []
author: posestream maintainers
"""

EXAMPLES = """
- name: Read what the cluster keeps
  kafka_state:
    chdir: /opt/posestream/kafka
  register: cluster
"""

RETURN = """
commands:
  type: list
  elements: str
  returned: always
  description: What has been run in the broker's container, or would be, without its address.
state:
  type: dict
  returned: always
  description: >-
    C(topics), a list of C(name), C(partitions), C(replication_factor) and C(config); C(users), a
    list of names; C(acls), a list of C(resource_type), C(resource_name), C(pattern_type),
    C(principal), C(host), C(operation) and C(permission_type).
"""

OF_TOPIC = re.compile(r"^Dynamic configs for topic (\S+) are:")
SETTING = re.compile(r"^ +([\w.-]+)=(.*) sensitive=\w+ synonyms=")
RESOURCES = {
    "TOPIC": ["--topic"],
    "GROUP": ["--group"],
    "CLUSTER": ["--cluster"],
    "TRANSACTIONAL_ID": ["--transactional-id"],
    "DELEGATION_TOKEN": ["--delegation-token"],
    "USER": ["--user-principal"],
}
NO_ACLS = "No Authorizer is configured"


def settings(text: str) -> dict[str, dict[str, str]]:
    """Return what was set of each topic, from what `kafka-configs --describe` prints."""
    found: dict[str, dict[str, str]] = {}
    of_topic: dict[str, str] = {}
    for line in text.splitlines():
        if heading := OF_TOPIC.match(line):
            of_topic = found.setdefault(heading[1], {})
        elif setting := SETTING.match(line):
            of_topic[setting[1]] = setting[2]
    return found


def topics(described: str, configs: str) -> list[dict[str, Any]]:
    """Return the topics, from what `kafka-topics` and `kafka-configs` print of them."""
    set_of = settings(configs)
    return [
        {
            "name": name,
            "partitions": topic["partitions"],
            "replication_factor": topic["replicas"],
            "config": dict(sorted(set_of.get(name, {}).items())),
        }
        for name, topic in sorted(kafka_tools.topics(described).items())
    ]


def added(acl: dict[str, str]) -> list[str]:
    """Return what has to be run for an ACL, without the broker's address."""
    way = acl["permission_type"].lower()
    operation = "".join(word.capitalize() for word in acl["operation"].split("_"))
    named = [] if acl["resource_type"] == "CLUSTER" else [acl["resource_name"]]
    return [
        *("kafka-acls", "--add", "--force"),
        *(f"--{way}-principal", acl["principal"], f"--{way}-host", acl["host"]),
        *("--operation", operation, *RESOURCES[acl["resource_type"]], *named),
        *("--resource-pattern-type", acl["pattern_type"].lower()),
    ]


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        kafka_tools.OPTIONS | {"acls": {"type": "list", "elements": "dict", "default": []}},
        supports_check_mode=True,
    )
    tools = kafka_tools.Tools(module)

    def asked(*command: str) -> str:
        return tools.run(*command)[1]

    described = asked("kafka-topics", "--describe", "--exclude-internal")
    configs = asked("kafka-configs", "--describe", "--entity-type", "topics")
    users = asked("kafka-configs", "--describe", "--entity-type", "users")
    status, allowed, failure = tools.run("kafka-acls", "--list", check=False)
    open_to_all = NO_ACLS in allowed + failure
    if status != 0 and not open_to_all:
        module.fail_json(msg=f"kafka-acls: {failure.strip() or allowed.strip()}")
    there = kafka_tools.acls(allowed)
    # A broker that lets everybody in takes none.
    todo = [] if open_to_all else [acl for acl in module.params["acls"] if acl not in there]
    commands = [added(acl) for acl in todo]
    if not module.check_mode:
        for command in commands:
            asked(*command)
    state = {
        "topics": topics(described, configs),
        "users": sorted(kafka_tools.users(users)),
        "acls": there,
    }
    module.exit_json(
        changed=bool(commands), commands=[" ".join(line) for line in commands], state=state
    )


if __name__ == "__main__":
    main()
