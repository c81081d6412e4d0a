"""What is wrong on all hosts, and what will be open to whom, as texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

STAGES = ("preflight_reached", "preflight_host", "kafka_there", "broker_found")
FEW = 3  # hosts that are named; of more, the rest is counted


def problems_of(host: Mapping[str, Any]) -> list[str]:
    """Return what the checks have found on a host."""
    name = host["inventory_hostname"]
    stages = (host.get(stage) or {} for stage in STAGES)
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


COLUMNS = ("service", "port", "address", "to_whom", "protected_by")
HEAD = ("hosts", "service", "port", "address", "open to", "protected by")


def preflight_openings(hosts: Iterable[Mapping[str, Any]]) -> str:
    """Return what will be open to whom as a table; hosts that are alike are in one line."""
    found: dict[tuple[str, ...], list[str]] = {}
    hosts = list(hosts)
    for host in hosts:
        for opening in (host.get("preflight_host") or {}).get("opens", []):
            row = tuple(str(opening[column]) for column in COLUMNS)
            found.setdefault(row, []).append(host["inventory_hostname"])
    if not found:
        return ""
    rows = [HEAD, *((who(names, len(hosts)), *row) for row, names in found.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return it."""
        return {
            "preflight_report": preflight_report,
            "preflight_openings": preflight_openings,
        }
