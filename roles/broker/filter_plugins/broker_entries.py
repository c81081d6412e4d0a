"""What is known of each broker's name before a host is asked what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTATION = """
name: broker_entries
short_description: the brokers' names, with what the inventory and their hosts say of them
positional: _input, by_hand, given
options:
  _input:
    description: The variables of the Kafka hosts, facts among them.
    type: list
    elements: dict
    required: true
  by_hand:
    description: Addresses by name, which the inventory says for containers.
    type: dict
    required: true
  given:
    description:
      - The address that stands for a broker that is alone; none where there are several, each of
        which has its own.
    type: str
author: posestream maintainers
"""

EXAMPLES = """
# [{'name': 'kafka.example.org', 'address': '', 'kafka': 'kafka01', …}]
brokers: "{{ groups['kafka'] | map('extract', hostvars) | broker_entries({}, '') }}"
"""

RETURN = """
_value:
  description: The brokers, as find_broker takes them.
  type: list
  elements: dict
"""


def broker_entries(
    hosts: Iterable[Mapping[str, Any]], by_hand: Mapping[str, str], given: str | None
) -> list[dict[str, Any]]:
    """Return the brokers, each with its name, a given address or "", and its host's facts."""
    entries = []
    for host in hosts:
        name = host["broker_hostname"]
        own = host.get("broker_address", "") if given is None else given
        entries.append(
            {
                "name": name,
                "address": own or by_hand.get(name, ""),
                "kafka": host["inventory_hostname"],
                "facts": dict(host.get("ansible_facts", {})),
                "bind_address": host.get("kafka_bind_address", "0.0.0.0"),
            }
        )
    return entries


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by its name."""
        return {"broker_entries": broker_entries}
