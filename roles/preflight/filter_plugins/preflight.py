"""What is wrong on all hosts, as one text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FEW = 3  # hosts that are named; of more, the rest is counted


def problems_of(host: Mapping[str, Any]) -> list[str]:
    """Return what the checks have found on a host."""
    name = host["inventory_hostname"]
    stages = (
        host.get(stage) or {} for stage in ("preflight_reached", "preflight_host", "broker_found")
    )
    return [
        *host["preflight_inventory"]["problems"].get(name, []),
        *(problem for stage in stages for problem in stage.get("problems", [])),
    ]


def who(names: list[str], total: int) -> str:
    """Return hosts in words."""
    if len(names) == total > 1:
        return f"all {total} hosts"
    rest = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + rest


def preflight_report(hosts: Iterable[Mapping[str, Any]]) -> str:
    """Return what is wrong as a text, empty where nothing is."""
    hosts = list(hosts)
    found: dict[str, list[str]] = {}
    for host in hosts:
        for problem in problems_of(host):
            found.setdefault(problem, []).append(host["inventory_hostname"])
    if not found:
        return ""
    lines = [
        problem if problem.startswith(f"{names[0]} ") else f"{who(names, len(hosts))}: {problem}"
        for problem, names in found.items()
    ]
    count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
    return "\n  - ".join([f"{count}, nothing was changed", *lines])


class FilterModule:
    """The filter, by its name."""

    def filters(self) -> dict[str, Any]:
        """Return it."""
        return {"preflight_report": preflight_report}
