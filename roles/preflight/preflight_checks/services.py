"""What the project puts on a host: the services of the catalogue, with their ports and folders.

The catalogue is the variable `posestream_services`; playbooks/group_vars/all/services.yml describes
its keys. What it names are variables, whose values are here by their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Port:
    """A port of the host that a service is published on, and the variable that says so."""

    variable: str
    address: str
    number: int


@dataclass(frozen=True)
class Metrics:
    """Where a process of a service shows its figures.

    Attributes:
        job: what Prometheus calls such processes.
        port: where it shows them.
        entry: what the process is for, of a service that has one for each entry of a list: the
            entry's own name, or its number from 0; None of other services.
    """

    job: str
    port: Port
    entry: str | int | None


def catalogue(values: Values) -> dict[str, dict[str, Any]]:
    """Return the services by their groups."""
    return values.get("posestream_services") or {}


def clients(values: Values) -> list[str]:
    """Return the services that are clients of the broker."""
    return [name for name, entry in catalogue(values).items() if "reads" in entry]


def on_host(values: Values, groups: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the services of a host that is in `groups`."""
    return {name: entry for name, entry in catalogue(values).items() if name in groups}


def ports(values: Values, groups: Collection[str]) -> list[Port]:
    """Return the ports of the services on a host; those whose variables are wrong are left out."""
    return [
        port
        for entry in on_host(values, groups).values()
        for published in [*entry.get("ports", []), *entry.get("metrics", [])]
        for port in _ports(values, published)
    ]


def metrics(values: Values, service: str) -> Iterator[Metrics]:
    """Yield where the processes of a service show their figures."""
    for published in catalogue(values)[service].get("metrics", []):
        jobs, entries = published["jobs"], values.get(published.get("each", "")) or []
        for number, port in enumerate(_ports(values, published)):
            if "each" not in published:
                yield Metrics(jobs[number], port, None)
                continue
            entry = entries[number] if entries else None
            name = entry.get("name") if isinstance(entry, dict) else None
            yield Metrics(jobs[0], port, name or number)


def _ports(values: Values, published: dict[str, str]) -> Iterator[Port]:
    """Yield an entry's ports: of `bind`, or `port` and `address`; for `each`, or all `jobs`."""
    if "where" in published and not values.get(published["where"]):
        return
    if "bind" in published:
        variable = published["bind"]
        address, _, number = str(values.get(variable) or "").rpartition(":")
    else:
        variable = published["port"]
        address, number = values.get(published["address"]), values.get(variable)
    if address and number:
        several = values.get(published["each"]) if "each" in published else published.get("jobs")
        count = len(several or [""])
        for following in range(count):
            yield Port(variable, str(address).strip("[]"), int(number) + following)


def conditions(services: dict[str, dict[str, Any]]) -> set[str]:
    """Return the variables that say whether a host has a port of a service."""
    return {
        published["where"]
        for entry in services.values()
        for published in [*entry.get("ports", []), *entry.get("metrics", [])]
        if "where" in published
    }


def projects(values: Values, groups: Collection[str]) -> dict[str, str]:
    """Return the Compose projects of a host, by the variable that names each."""
    names = {f"{service}_project" for service in on_host(values, groups)}
    return {name: values[name] for name in sorted(names) if values.get(name)}


def meet(one: Port, other: Port) -> bool:
    """Say whether two ports are the same one on at least one address of the host."""
    everywhere = {"0.0.0.0", "::"}
    addresses = {one.address, other.address}
    return one.number == other.number and (len(addresses) == 1 or bool(addresses & everywhere))
