"""The rights of the broker's users, by what their names begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DOCUMENTATION = """
name: kafka_rights_of_users
short_description: what each user may do, for the module kafka_users
description:
  - Gives every user the rights of its kind, which is what its name begins with, up to a hyphen.
  - Rights to a topic without a name, which is not wanted, are left out.
positional: _input, kinds
options:
  _input:
    description: The users' names.
    type: list
    elements: str
    required: true
  kinds:
    description: By kind, a list of C(operation), C(kind), C(name) and C(prefix).
    type: dict
    required: true
author: posestream maintainers
"""

EXAMPLES = """
# [{'user': 'camera-street', 'operation': 'Write', 'kind': 'topic', 'name': 'pictures'}]
rights: "{{ ['camera-street'] | kafka_rights_of_users(
  {'camera': [{'operation': 'Write', 'kind': 'topic', 'name': 'pictures'}]}) }}"
"""

RETURN = """
_value:
  description: The rights, each with its C(user).
  type: list
  elements: dict
"""


def kafka_rights_of_users(
    users: Iterable[str], kinds: Mapping[str, Iterable[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the rights of all users, each with `user`."""
    return [
        {"user": user, **right}
        for user in users
        for right in kinds[user.partition("-")[0]]
        if right["name"]
    ]


class FilterModule:
    """The filter, by name."""

    def filters(self) -> dict[str, Any]:
        """Return it."""
        return {"kafka_rights_of_users": kafka_rights_of_users}
