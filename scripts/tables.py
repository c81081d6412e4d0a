#!/usr/bin/env python3
"""Writes the tables of the properties that Kafka's broker, its topics and librdkafka have.

    scripts/tables.py            both
    scripts/tables.py kafka      roles/preflight/preflight_checks/tables/kafka.json, by the image of
                                 the broker, which has to be on this machine: it runs the two
                                 programs of Kafka's that print its documentation
    scripts/tables.py librdkafka files/openpose/posestream/librdkafka.json, by the library that the
                                 package confluent-kafka brings, which prints what it knows

A property has a `type`, and where they are known a `default`, a `range` (least, most), and `values`
beside it or in its place; a topic's has the `broker` property that is its default, librdkafka's the
`client` whose alone it is.
"""

from __future__ import annotations

import ctypes
import html
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KAFKA = ROOT / "roles/preflight/preflight_checks/tables/kafka.json"
LIBRDKAFKA = ROOT / "files/openpose/posestream/librdkafka.json"
IMAGE = "posestream-kafka:3.9"
JARS = "/usr/share/java/kafka"
PROGRAMS = {
    "broker": "kafka.server.KafkaConfig",
    "topic": "org.apache.kafka.storage.internals.log.LogConfig",
}
# What librdkafka takes, and does not print, beside the range.
UNPRINTED = {"acks": ["all"], "request.required.acks": ["all"]}

Property = dict[str, Any]


def written(about: str, sections: dict[str, dict[str, Property]]) -> str:
    """Return a table's text: JSON, a property a line."""
    parts = [f'"about": {json.dumps(about)}']
    for section, properties in sections.items():
        pairs = sorted(properties.items())
        lines = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in pairs]
        parts.append(f'"{section}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def number(text: str) -> int | float:
    """Return the number that a text is."""
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


# -- Kafka ------------------------------------------------------------------------------------


def kafka() -> str:
    """Return the table of the broker's and the topics' properties."""
    inside = ["docker", "run", "--rm", "--network=none", "--entrypoint"]
    printed = {
        section: _output(*inside, "java", IMAGE, "-cp", f"{JARS}/*", program)
        for section, program in PROGRAMS.items()
    }
    jars = _output(*inside, "ls", IMAGE, JARS)
    version = re.search(r"^kafka-clients-(.*)\.jar$", jars, re.MULTILINE)[1]
    programs = " and ".join(PROGRAMS.values())
    return written(
        f"Kafka {version}: what its {programs} print; made by scripts/tables.py kafka",
        {section: described(text) for section, text in printed.items()},
    )


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def described(page: str) -> dict[str, Property]:
    """Return the properties in a page of Kafka's documentation."""
    entries = re.findall(r'<h4><a id="([^"]+)">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return {name: _described(cells) for name, cells in entries}


def _described(table: str) -> Property:
    rows = re.findall(r"<th>(.*?):</th><td>(.*?)</td>", table, re.DOTALL)
    cells = {head: html.unescape(re.sub(r"<[^>]+>", "", cell)) for head, cell in rows}
    default = cells["Default"]
    if cells["Type"] in ("int", "long", "short", "double"):  # with the unit in brackets, for people
        default = default.split(" ")[0]
    found: Property = {"type": cells["Type"]}
    if default not in ("", "null", '""'):
        found["default"] = default
    found |= _allowed(cells["Valid Values"])
    server = cells.get("Server Default Property", "null")
    return found | ({} if server == "null" else {"broker": server})


def _allowed(text: str) -> Property:
    """Return what a validator of Kafka's allows, by what it says of itself."""
    if span := re.fullmatch(r"\[([-\d.]+),\.\.\.(?:,([-\d.]+))?\](?: or (-?\d+))?", text):
        least, most, also = (number(part) if part else None for part in span.groups())
        return {"range": [least, most]} | ({} if also is None else {"values": [also]})
    if text in ("non-empty string", "non-empty list"):
        return {"filled": True}
    listed = re.fullmatch(r"\[([\w.-]+(?:, [\w.-]+)*)\]", text)
    if not listed:
        return {}
    values = listed[1].split(", ")
    # A release stands for its last version: 3.9 for 3.9-IV0.
    releases = [value.partition("-IV")[0] for value in values if "-IV" in value]
    return {"values": list(dict.fromkeys(values + releases))}


# -- librdkafka -------------------------------------------------------------------------------


def librdkafka() -> str:
    """Return the table of librdkafka's properties."""
    package = importlib.metadata.distribution("confluent-kafka")
    (path,) = [file.locate() for file in package.files if re.match(r"librdkafka.*\.so", file.name)]
    library = ctypes.CDLL(str(path))
    library.rd_kafka_version_str.restype = ctypes.c_char_p
    version = library.rd_kafka_version_str().decode()
    return written(
        f"librdkafka {version}, of confluent-kafka {package.version}: what its "
        "rd_kafka_conf_properties_show prints; made by scripts/tables.py librdkafka",
        {"properties": _listed(_printed(library.rd_kafka_conf_properties_show))},
    )


def _printed(show: Callable[[ctypes.c_void_p], None]) -> str:
    """Return what a function of C's writes to the FILE that it is given."""
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = ctypes.c_void_p
    libc.fclose.argtypes = show.argtypes = [ctypes.c_void_p]
    reading, writing = os.pipe()
    text: list[str] = []

    def read() -> None:
        with os.fdopen(reading) as pipe:
            text.append(pipe.read())

    reader = threading.Thread(target=read)  # it prints more than a pipe holds
    reader.start()
    file = libc.fdopen(writing, b"w")
    show(file)
    libc.fclose(file)
    reader.join()
    return text[0]


def _listed(page: str) -> dict[str, Property]:
    """Return the properties in librdkafka's list; one that stands there twice as it does first."""
    found: dict[str, Property] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|", maxsplit=5)]
        kind = re.search(r"\*Type: (.+)\*$", line)
        if not kind or cells[0] in found:
            continue
        name, client, allowed = cells[:3]
        entry: Property = {"type": kind[1]}
        if client != "*":
            entry["client"] = {"C": "reader", "P": "writer"}[client]
        if span := re.fullmatch(r"(-?\d+) \.\. (-?\d+)", allowed):
            entry["range"] = [number(span[1]), number(span[2])]
            entry |= {"values": UNPRINTED[name]} if name in UNPRINTED else {}
        elif allowed and kind[1] != "boolean":
            entry["values"] = allowed.split(", ")
        found[name] = entry
    return found


if __name__ == "__main__":
    tables = {"kafka": (KAFKA, kafka), "librdkafka": (LIBRDKAFKA, librdkafka)}
    for wanted in sys.argv[1:] or tables:
        file, table = tables[wanted]
        file.write_text(table())
