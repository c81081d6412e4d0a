"""Broker properties as the environment variables of Kafka's images, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = """
name: kafka_variables
short_description: broker properties as the environment of Kafka's images
description:
  - Names the variable for each property, C(KAFKA_) and its name in capitals, with C(_) for a dot,
    C(__) for an underscore and C(___) for a hyphen.
  - Confluent's page has the last two the other way round; this is what its images do, and ours.
positional: _input
options:
  _input:
    description: Values by the properties' names, which have to be in small letters.
    type: dict
    required: true
author: posestream maintainers
"""

EXAMPLES = """
# {'KAFKA_MESSAGE_MAX_BYTES': 20971520}
environment: "{{ {'message.max.bytes': 20971520} | kafka_variables }}"
"""

RETURN = """
_value:
  description: The same values by the names of the variables.
  type: dict
"""


def variable(name: str) -> str:
    """Return the variable that sets a property."""
    return "KAFKA_" + name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def property_of(variable: str) -> str:
    """Return the property that a variable sets."""
    name = variable.removeprefix("KAFKA_").lower()
    return name.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def kafka_variables(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by the names of their variables."""
    return {variable(name): value for name, value in properties.items()}


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by its name."""
        return {"kafka_variables": kafka_variables}
