"""What the project puts on a host: its services, their folders and their ports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

GROUPS = ("kafka", "openpose", "camera", "viewer")
CLIENTS = ("openpose", "camera", "viewer")

Values = dict[str, Any]


@dataclass(frozen=True)
class Port:
    """A port of the host that a service is published on, and the variable that says so."""

    variable: str
    address: str
    number: int


def ports(values: Values, groups: Collection[str]) -> list[Port]:
    """Return the ports of the services on a host; those whose variables are wrong are left out."""
    address, _, number = str(values.get("openpose_metrics_bind") or "").rpartition(":")
    workers = values.get("worker_devices") or [""]
    published = {
        "kafka": ("broker_port", values.get("kafka_bind_address"), values.get("broker_port"), 1),
        "openpose": ("openpose_metrics_bind", address.strip("[]"), number, len(workers)),
        "viewer": ("viewer_port", values.get("viewer_bind_address"), values.get("viewer_port"), 1),
    }
    return [
        Port(variable, str(address), int(number) + following)
        for group, (variable, address, number, count) in published.items()
        if group in groups and address and number
        for following in range(count)
    ]


def projects(values: Values, groups: Collection[str]) -> dict[str, str]:
    """Return the Compose projects of a host, by the variable that names each."""
    names = {
        f"{group}_project": values.get(f"{group}_project") for group in GROUPS if group in groups
    }
    return {variable: name for variable, name in names.items() if name}


def meet(one: Port, other: Port) -> bool:
    """Say whether two ports are the same one on at least one address of the host."""
    everywhere = {"0.0.0.0", "::"}
    addresses = {one.address, other.address}
    return one.number == other.number and (len(addresses) == 1 or bool(addresses & everywhere))
