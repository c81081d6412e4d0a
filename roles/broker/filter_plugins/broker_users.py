"""The broker's users: one for each camera, and those of services and of other clients."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DOCUMENTATION = """
name: broker_users
short_description: the names of the broker's users
description:
  - Returns C(worker), C(viewer), C(reader), C(admin), C(verify), which sends a test picture and
    looks for what comes of it, one for each camera of the lab, C(camera-NAME), and one for each
    further client, C(KIND-NAME).
  - What comes before the first hyphen is what the user may do.
positional: _input, clients
options:
  _input:
    description: The variables of the hosts with cameras, C(cameras) and C(camera_name) among them.
    type: list
    elements: dict
    required: true
  clients:
    description: The further clients, each with C(name) and C(kind).
    type: list
    elements: dict
    required: true
author: posestream maintainers
"""

EXAMPLES = """
# ['admin', 'camera-street', 'reader', 'reader-pi1', 'verify', 'viewer', 'worker']
users: "{{ [{'cameras': [{}], 'camera_name': 'street'}]
  | broker_users([{'name': 'pi1', 'kind': 'reader'}]) }}"
"""

RETURN = """
_value:
  description: The names, sorted.
  type: list
  elements: str
"""

# What a name becomes, the cameras' services say.
sys.path.insert(0, str(Path(__file__).parents[2] / "camera/filter_plugins"))
from cameras import service_of  # noqa: E402 (within reach by the line above)

SERVICES = ("admin", "reader", "verify", "viewer", "worker")


def broker_user(name: str, kind: str = "camera") -> str:
    """Return the user of a client, of characters that a principal and a file's name may have."""
    return f"{kind}-{service_of({'name': name})}"


def broker_users(
    hosts: Iterable[Mapping[str, Any]], clients: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return the names of all users.

    Args:
        hosts: the variables of the hosts with cameras.
        clients: further clients: name and kind.
    """
    cameras = {
        broker_user(str(camera.get("name") or host["camera_name"]))
        for host in hosts
        for camera in host["cameras"]
    }
    others = {broker_user(str(client["name"]), str(client["kind"])) for client in clients}
    return sorted({*SERVICES, *cameras, *others})


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {"broker_user": broker_user, "broker_users": broker_users}
