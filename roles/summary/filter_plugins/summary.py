"""What a deployment has come to, as a text for a terminal."""

from __future__ import annotations

from typing import Any


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Return lines with aligned columns, somewhat indented."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return [f"  {'   '.join(row)}".rstrip() for row in cells]


def what(project: dict[str, Any]) -> str:
    """Return a project's name, and its services where they are not the same."""
    services = ", ".join(project["services"])
    return services if services == project["name"] else f"{project['name']}: {services}"


def published(project: dict[str, Any]) -> str:
    """Return where a project is to be reached on its host, without ports inside of containers."""
    return ", ".join(port.rpartition(":")[0] for port in project.get("ports", []))


def summary_text(
    hosts: list[dict[str, Any]], broker: dict[str, Any], commands: dict[str, str]
) -> str:
    """Return what runs, where to look and what comes next.

    Args:
        hosts: per host its name, its projects (as the entry point note of compose_project notes
            them) and its pages (title → address).
        broker: `address`, under which clients reach it, and `names`, which a machine of the lab
            does not resolve by itself, with their addresses.
        commands: how this lab is asked for its `status`, and how it is told to `stop`.
    """
    runs = [
        (host["name"], what(project), project["dir"], published(project))
        for host in hosts
        for project in host["projects"]
    ]
    pages = [
        (title, address if len(hosts) == 1 else f"{address} ({host['name']})")
        for host in hosts
        for title, address in host["pages"].items()
    ]
    hint = [
        (f"to resolve {name}", f"{address} {name}, a line for other machines' /etc/hosts")
        for name, address in broker["names"].items()
    ]
    places = [*pages, ("Kafka, for clients", broker["address"]), *hint]
    then = [
        ("is all well?", commands["status"]),
        ("a camera of your own", "docs/operating.md#add-a-camera"),
        ("results in your program", "docs/results.md"),
        ("something is wrong", "docs/troubleshooting.md"),
        ("stop it", commands["stop"]),
    ]
    return "\n".join(
        [
            "WHAT RUNS",
            *columns([("host", "services", "folder", "published"), *runs]),
            "",
            "WHERE TO LOOK",
            *columns(places),
            "",
            "WHAT NEXT",
            *columns(then),
        ]
    )


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {"summary_text": summary_text}
