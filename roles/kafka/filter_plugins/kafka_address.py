"""Where a host of the cluster is reached by the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = """
name: kafka_address
short_description: a Kafka host's name, with one or several of its ports
description:
  - C(NAME:PORT), or C(NAME:PORT:PORT), of a host of the cluster, by what the inventory says of it.
positional: _input, ports
options:
  _input:
    description: The host's variables.
    type: dict
    required: true
  ports:
    description: The variables that say its ports.
    type: list
    elements: str
    required: true
author: posestream maintainers
"""

EXAMPLES = """
# kafka01.example.org:2181
server: "{{ hostvars['kafka01'] | kafka_address('kafka_zookeeper_port') }}"
"""

RETURN = """
_value:
  description: The address.
  type: str
"""

CONTROLLER = 2000  # what the number of a host's controller is above that of its broker


def kafka_address(host: Mapping[str, Any], *ports: str) -> str:
    """Return a host's name with its ports, an IPv6 address in brackets."""
    name = str(host["broker_hostname"])
    return ":".join([f"[{name}]" if ":" in name else name, *(str(host[port]) for port in ports)])


def kafka_voter(host: Mapping[str, Any], port: str) -> str:
    """Return a host's controller as `controller.quorum.voters` has it."""
    return f"{int(host['kafka_broker_id']) + CONTROLLER}@{kafka_address(host, port)}"


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by their names."""
        return {"kafka_address": kafka_address, "kafka_voter": kafka_voter}
