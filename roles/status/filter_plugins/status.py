"""What the engines and a worker have said, as a table and as a list of what is not well."""

from __future__ import annotations

import json
import re
import time
from typing import Any

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
WORD = 300  # characters of a log's line that are shown
AGES = ((86400 * 2, "days", 86400), (3600 * 2, "hours", 3600), (120, "minutes", 60))


def age(seconds: float) -> str:
    """Return a time span as a person says it."""
    for least, unit, size in AGES:
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def table(rows: list[list[str]]) -> list[str]:
    """Return the lines of a table with aligned columns; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def health(container: dict[str, Any]) -> str:
    """Return "healthy", "unhealthy" or "starting"; "-" where there is no health check."""
    said = re.search(r"\((?:health: )?(healthy|unhealthy|starting)\)", container["Status"])
    return said[1] if said else "-"


def is_well(container: dict[str, Any]) -> bool:
    """Return whether a container runs, and is healthy where it has a health check."""
    return container["State"] == "running" and health(container) in ("healthy", "-")


def status_unwell(
    found: list[dict[str, Any]], projects: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the containers of the projects that are not well."""
    names = [project["name"] for project in projects]
    return [
        container
        for container in found
        if container["Labels"].get(PROJECT) in names and not is_well(container)
    ]


def last_word(answer: dict[str, Any]) -> str:
    """Return the last line of what `docker logs` wrote, cut where it is long."""
    lines = [line for line in (answer.get("stdout", ""), answer.get("stderr", "")) if line.strip()]
    return lines[-1].strip().splitlines()[-1][:WORD] if lines else ""


def containers(host: dict[str, Any]) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Return the host's containers as (project, service, what the engine says of it).

    A service without a container has None.
    """
    there = [
        (container["Labels"][PROJECT], container["Labels"].get(SERVICE, ""), container)
        for container in host["containers"]
        if container["Labels"].get(PROJECT) in [project["name"] for project in host["projects"]]
    ]
    found = {entry[:2] for entry in there}
    missing = [
        (project["name"], service, None)
        for project in host["projects"]
        for service in project["services"]
        if (project["name"], service) not in found
    ]
    return sorted(there + missing, key=lambda entry: entry[:2])


def status_worker(hosts: list[dict[str, Any]]) -> dict[str, str]:
    """Return the first host with a worker that runs, and its container; empty where none does."""
    for host in hosts:
        for _, service, container in containers(host):
            if service == "openpose" and container and container["State"] == "running":
                return {"host": host["name"], "container": container["Id"]}
    return {"host": "", "container": ""}


def host_rows(host: dict[str, Any], now: float, problems: list[str]) -> list[list[str]]:
    """Return the table's rows of a host; what is not well goes to `problems`."""
    name = host["name"]
    if host["trouble"]:
        problems.append(f"{name}: {host['trouble']}")
        return [[name, "no answer", "", "", "", "", ""]]
    built = {image["Id"]: image["Created"] for image in host["images"]}
    rows = [[name, f"Docker {host['engine']}", "", "", "", "", ""]]
    for project, service, container in containers(host):
        what = f"{project}/{service}"
        if container is None:
            problems.append(f"{name}: {what} has no container")
            rows.append([name, what, "missing", "", "", "", ""])
            continue
        said = container["Status"]
        since = re.sub(r"^(Up|Exited|Restarting)|\(.*?\)|\bago$", "", said).strip()
        image = container["Image"].removeprefix("sha256:")
        old = built.get(container["ImageID"])
        state, well = container["State"], health(container)
        if not is_well(container):
            word = last_word(host["words"].get(container["Id"], {}))
            heard = f"; the last line of its log: {word}" if word else ""
            problems.append(f"{name}: {what} is {state}, {said}{heard}")
        rows.append([name, what, state, well, since, image[:40], age(now - old) if old else "-"])
    return rows


def stream_lines(
    answer: dict[str, Any], max_age: float, max_lag: int, problems: list[str]
) -> list[str]:
    """Return the lines on the streams; what is not well goes to `problems`."""
    if answer.get("rc") != 0:
        why = answer.get("stderr") or answer.get("msg") or "there is no worker that could be asked"
        problems.append(f"streams: {why.strip().splitlines()[-1]}")
        return ["The streams are not known."]
    said = json.loads(answer["stdout"])
    rows = [["TOPIC", "MESSAGES/S", "NEWEST"]]
    for stream in said["topics"].values():
        newest = stream.get("age_seconds")
        rate = f"{stream['rate']:10.1f}" if stream["there"] else "   missing"
        rows.append([stream["topic"], rate, "-" if newest is None else f"{newest:.1f} s old"])
        if not stream["there"]:
            problems.append(f"streams: there is no topic {stream['topic']}")
    source, result = said["topics"]["image-src"], said["topics"]["image-dest"]
    newest = result.get("age_seconds")
    if source.get("rate") and result["there"] and (newest is None or newest > max_age):
        what = "there is none" if newest is None else f"the newest is {newest:.0f} s old"
        problems.append(f"streams: pictures come in, but of results {what} (at most {max_age:g} s)")
    before, lag = said["lag_before"], said["lag"]
    if lag is not None and before is not None and lag > max_lag and lag > before:
        problems.append(f"streams: {said['group']} is {lag} pictures behind, and falls back")
    behind = (
        "has read nothing yet" if lag is None else f"is {lag} pictures behind ({before} before)"
    )
    return [*table(rows), f"The group {said['group']} {behind}."]


def status_report(
    hosts: list[dict[str, Any]], answer: dict[str, Any], max_age: float, max_lag: int
) -> dict[str, Any]:
    """Return `table`, a text for a terminal, and `problems`, a list of what is not well.

    Args:
        hosts: per host its name, projects, trouble, engine, containers, images (the engine's own),
            words (by container what `docker logs` answered).
        answer: what came of `posestream status`: rc, stdout, stderr; empty where none was asked.
        max_age: seconds that the newest result may be old while pictures come in.
        max_lag: pictures that the worker may be behind without catching up.
    """
    problems: list[str] = []
    rows = [["HOST", "CONTAINER", "STATE", "HEALTH", "SINCE", "IMAGE", "BUILT"]]
    for host in hosts:
        rows += host_rows(host, time.time(), problems)
    lines = table(rows)
    if any("openpose" in project["services"] for host in hosts for project in host["projects"]):
        lines += ["", *stream_lines(answer, max_age, max_lag, problems)]
    return {"table": "\n".join(lines), "problems": problems}


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {
            "status_report": status_report,
            "status_unwell": status_unwell,
            "status_worker": status_worker,
        }
