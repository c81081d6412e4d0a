"""What engines, systemd and a worker have said, as a table and a list of what is not well."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
ONE_OFF = "com.docker.compose.oneoff"  # of `docker compose run`: somebody's, and no service
NAME = "posestream.name"  # what a person calls a service, where that is not the service's name
WORD = 300  # characters of a log's line that are shown
SOON_SECONDS = 14 * 86400  # before its end a certificate is not well
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


def in_containers(projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the projects that are containers, and not units of systemd."""
    return [project for project in projects if "units" not in project]


def project_of(container: dict[str, Any]) -> str | None:
    """Return the name of the project whose service a container is, None for other containers."""
    labels = container["Labels"]
    return None if labels.get(ONE_OFF) == "True" else labels.get(PROJECT)


def status_unwell(
    found: list[dict[str, Any]], projects: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the containers of the projects that are not well."""
    names = [project["name"] for project in in_containers(projects)]
    return [
        container
        for container in found
        if project_of(container) in names and not is_well(container)
    ]


def last_word(answer: dict[str, Any]) -> str:
    """Return the last line of a log that says of something wrong, else the last, cut where long."""
    texts = (answer.get("stdout", ""), answer.get("stderr", ""))
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"\b(WARN(ING)?|ERROR|CRITICAL|FATAL)\b", line)]
    return (wrong or lines or [""])[-1][:WORD]


def containers(host: dict[str, Any]) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Return the host's containers as (project, service, what the engine says of it).

    A service without a container has None.
    """
    projects = in_containers(host["projects"])
    there = [
        (name, container["Labels"].get(SERVICE, ""), container)
        for container in host["containers"]
        if (name := project_of(container)) in [project["name"] for project in projects]
    ]
    found = {entry[:2] for entry in there}
    missing = [
        (project["name"], service, None)
        for project in projects
        for service in project["services"]
        if (project["name"], service) not in found
    ]
    return sorted(there + missing, key=lambda entry: entry[:2])


def status_container(hosts: list[dict[str, Any]], wanted: str) -> dict[str, str]:
    """Return the first host where a service runs, and its container; both empty where none does."""
    for host in hosts:
        for _, service, container in containers(host):
            if service == wanted and container and container["State"] == "running":
                return {"host": host["name"], "container": container["Id"]}
    return {"host": "", "container": ""}


def host_rows(host: dict[str, Any], now: float, problems: list[str]) -> list[list[str]]:
    """Return the table's rows of a host; what is not well goes to `problems`."""
    if host["trouble"]:
        problems.append(f"{host['name']}: {host['trouble']}")
        return [[host["name"], "no answer", "", "", "", "", ""]]
    contained = in_containers(host["projects"])
    return [
        *(container_rows(host, now, problems) if contained else []),
        *unit_rows(host, now, problems),
    ]


def container_rows(host: dict[str, Any], now: float, problems: list[str]) -> list[list[str]]:
    """Return the rows of a host's containers."""
    name = host["name"]
    built = {image["Id"]: image["Created"] for image in host["images"]}
    rows = [[name, f"Docker {host['engine']}", "", "", "", "", ""]]
    for project, service, container in containers(host):
        what = f"{project}/{container['Labels'].get(NAME, service) if container else service}"
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


def unit_rows(host: dict[str, Any], now: float, problems: list[str]) -> list[list[str]]:
    """Return the rows of a host's units of systemd."""
    name, units = host["name"], host.get("units") or []
    named = {
        service: f"{project['name']}/{unit['name']}"
        for project in host["projects"]
        for service, unit in project.get("units", {}).items()
    }
    rows = [[name, "systemd", "", "", "", "", ""]] if units else []
    for unit in units:
        what = named[unit["service"]]
        since = age(now - unit["since"]) if unit["since"] else "-"
        well = "healthy" if unit["healthy"] else "unhealthy"
        if not unit["healthy"]:
            word = last_word({"stdout": unit["words"]})
            heard = f"; the last line of its log: {word}" if word else ""
            problems.append(f"{name}: {what} is {unit['state']}, {well}{heard}")
        rows.append([name, what, unit["state"], well, since, "-", "-"])
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
    certificates = certificate_lines(said.get("certificates") or {}, time.time(), problems)
    return [*table(rows), f"The group {said['group']} {behind}.", *certificates]


def certificate_lines(ends: dict[str, float], now: float, problems: list[str]) -> list[str]:
    """Return the lines on the brokers' certificates; those that end soon go to `problems`."""
    lines = []
    for broker, end in sorted(ends.items()):
        date = time.strftime("%Y-%m-%d", time.gmtime(end))
        lines.append(f"The certificate of {broker} ends on {date}, in {age(max(0, end - now))}.")
        if end - now < SOON_SECONDS:
            problems.append(
                f"{lines[-1].rstrip('.')}: ansible-playbook playbooks/kafka.yml renews it, or a "
                "file of the lab's own is due (broker_certificate, broker_keystore)"
            )
    return lines


def firing(answer: dict[str, Any]) -> Iterator[str]:
    """Yield the alerts that fire, by Prometheus's answer; nothing where it was not asked."""
    if not answer:
        return
    if answer.get("rc") != 0:
        why = last_word(answer) or answer.get("msg") or "no answer"
        yield f"alerts are not known: {why}"
        return
    for alert in json.loads(answer["stdout"])["data"]["alerts"]:
        if alert["state"] == "firing":
            said = alert["annotations"]
            yield f"alert {alert['labels']['alertname']}: {said['summary']} ({said['runbook']})"


def status_report(
    hosts: list[dict[str, Any]],
    answer: dict[str, Any],
    alerts: dict[str, Any],
    max_age: float,
    max_lag: int,
) -> dict[str, Any]:
    """Return `table`, a text for a terminal, and `problems`, a list of what is not well.

    Args:
        hosts: per host its name, projects, trouble, engine, containers, images (the engine's own),
            words (by container what `docker logs` answered), units (as unit_look returns them).
        answer: what came of `posestream status`: rc, stdout, stderr; empty where none was asked.
        alerts: what came of Prometheus's list of alerts, likewise.
        max_age: seconds that the newest result may be old while pictures come in.
        max_lag: pictures that the worker may be behind without catching up.
    """
    problems: list[str] = []
    rows = [["HOST", "SERVICE", "STATE", "HEALTH", "SINCE", "IMAGE", "BUILT"]]
    for host in hosts:
        rows += host_rows(host, time.time(), problems)
    lines = table(rows)
    if any("openpose" in project["services"] for host in hosts for project in host["projects"]):
        lines += ["", *stream_lines(answer, max_age, max_lag, problems)]
    return {"table": "\n".join(lines), "problems": [*problems, *firing(alerts)]}


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {
            "status_container": status_container,
            "status_report": status_report,
            "status_unwell": status_unwell,
        }
