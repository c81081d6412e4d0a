#!/usr/bin/python
"""What a host has of a broker already, and whether it can become what the inventory says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_there
short_description: See which broker a host has
description:
  - Looks at the data, the folder of the Compose project and its containers; changes nothing.
options:
  chdir: {type: path, required: true, description: The folder of the Compose project.}
  project: {type: str, required: true, description: The Compose project's name.}
  data: {type: str, required: true, description: Where the broker keeps its messages.}
  host: {type: str, required: true, description: "The host's name, for messages."}
  mode: {type: str, required: true, description: The mode that it is to have.}
  mode_change: {type: bool, default: false, description: Whether data of another mode may go.}
  broker_id: {type: int, required: true, description: The number that it is to have.}
  quorum:
    type: list
    elements: str
    required: true
    description: The members of the quorum that it is to have, by name; a single one without others.
  inner:
    type: str
    required: true
    description: By which protocol and address the brokers are to reach each other, C(PROTOCOL://HOST:PORT).
author: posestream maintainers
"""

EXAMPLES = """
- name: See what there is
  kafka_there:
    chdir: /opt/posestream/kafka
    project: kafka
    data: broker-data
    host: kafka01
    mode: kraft
    broker_id: 1001
    quorum: [kafka01.example.org]
    inner: PLAINTEXT://kafka01.example.org:9094
"""

RETURN = """
mode: {type: str, returned: always, description: The mode of the data, or an empty text.}
broker_id: {type: int, returned: always, description: "The broker's number by the data, or none."}
cluster_id: {type: str, returned: always, description: "The cluster's id by the data, or empty."}
quorum:
  type: list
  elements: str
  returned: always
  description: The quorum's members by the folder, none where it is not known.
inner: {type: str, returned: always, description: How brokers reach each other by the folder.}
runs: {type: bool, returned: always, description: Whether the broker's container runs.}
rolls:
  type: bool
  returned: always
  description: >-
    Whether it runs, and the others go on to understand it, so that it can be changed while they
    stay as they are.
changes_mode: {type: bool, returned: always, description: Whether data of another mode are to go.}
problems:
  type: list
  elements: str
  returned: always
  description: Why it cannot become what it is to be.
"""

# Of docker-compose.yml, the line that names the quorum's members, by mode.
MEMBERS = {
    "zookeeper": re.compile(r"^ +ZOOKEEPER_SERVERS: '?([^'\s]+)", re.MULTILINE),
    "kraft": re.compile(r"^ +KAFKA_CONTROLLER_QUORUM_VOTERS: '?([^'\s]+)", re.MULTILINE),
}
PROTOCOL = re.compile(r"^ +KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: '?INTERNAL:(\w+)", re.MULTILINE)
ADDRESS = re.compile(r"^ +KAFKA_ADVERTISED_LISTENERS: '?INTERNAL://([^,\s]+)", re.MULTILINE)
# Members without any peers are said otherwise, or not at all.
ALONE = {"zookeeper": re.compile(r"^  zookeeper:$", re.MULTILINE), "kraft": re.compile("(?!)")}


class There(NamedTuple):
    """What a host has."""

    mode: str = ""
    broker_id: int | None = None
    cluster_id: str = ""
    quorum: tuple[str, ...] = ()
    inner: str = ""
    runs: bool = False


def of_data(text: str) -> There:
    """Return what a file `meta.properties` says, in which the modes have different keys."""
    said = dict(
        line.strip().split("=", 1)
        for line in text.splitlines()
        if "=" in line and not line.startswith("#")
    )
    mode = "kraft" if "node.id" in said else "zookeeper" if "cluster.id" in said else ""
    number = said.get("node.id", said.get("broker.id"))
    return There(mode, int(number) if number else None, said.get("cluster.id", ""))


def members(mode: str, compose: str) -> list[str]:
    """Return the quorum's members by name in a docker-compose.yml, none where it says none.

    A member that is alone is an empty name: its service's is not that of its host.
    """
    if mode not in MEMBERS:
        return []
    found = MEMBERS[mode].search(compose)
    if not found:
        return [""] if ALONE[mode].search(compose) else []
    servers = [re.sub(r"^\d+@", "", server) for server in re.split("[;,]", found[1])]
    names = [re.sub(r"(:\d+)+$", "", server).strip("[]") for server in servers]
    return ["" if name == "controller" else name for name in names]


def inner_listener(compose: str) -> str:
    """Return how brokers reach each other by a docker-compose.yml, as PROTOCOL://HOST:PORT."""
    protocol, address = PROTOCOL.search(compose), ADDRESS.search(compose)
    return f"{protocol[1]}://{address[1]}" if protocol and address else ""


def problems(there: There, want: dict[str, Any]) -> Iterator[str]:
    """Yield why a host cannot become what the inventory says without harm."""
    host, mode = want["host"], want["mode"]
    if there.mode and there.mode != mode:
        if not want["mode_change"]:
            yield (
                f"kafka_mode: {mode}, and {host} holds data of a broker with kafka_mode: "
                f"{there.mode}. They are not carried over: the cluster begins anew, without its "
                "topics and their messages. To lose them, run this once more with "
                f"-e kafka_mode_change=true; to keep them, write kafka_mode: {there.mode}"
            )
        return
    if there.broker_id is not None and there.broker_id != want["broker_id"]:
        yield (
            f"kafka_broker_id: {want['broker_id']}, and {host} holds the data of broker "
            f"{there.broker_id}; numbers go by the place in group kafka, from 1001, and hosts "
            "before it may have left or come. Write which it has, as a variable of the host: "
            f"kafka_broker_id: {there.broker_id}"
        )
    if there.mode and there.quorum:
        yield from quorum_problems(list(there.quorum), want["quorum"], host)


def quorum_problems(old: list[str], new: list[str], host: str) -> Iterator[str]:
    """Yield a change of members after which those that know nothing could outvote the others."""
    if len(new) == 1 == len(old) or old == new:
        return
    names = ", ".join(name or host for name in old)
    places = [number for number, pair in enumerate(zip(old, new, strict=False)) if len({*pair}) > 1]
    if len(old) == len(new) and len(places) == 1:
        return
    if len(old) == 1:
        yield (
            f"kafka_quorum_hosts: {', '.join(new)}, and {host} holds the topics of a quorum of its "
            "own, which new members could outvote and lose; leave it that of one host, and let "
            f"the other brokers join it: kafka_quorum_hosts: [{host}]. docs/kafka.md says how to "
            "come to three"
        )
    else:
        yield (
            f"kafka_quorum_hosts: the quorum has been {names} and would become {', '.join(new)}; "
            "one member at a time can be another one, in the same place of the list, else members "
            "that know nothing could outvote the others. Write the hosts in the places that they "
            "had"
        )


def look(module: AnsibleModule) -> There:
    """Return what the host has."""
    given = module.params
    docker = module.get_bin_path("docker")

    def ask(*arguments: str) -> str:
        if not docker:
            return ""
        status, output, _ = module.run_command([docker, *arguments])
        return output.strip() if status == 0 else ""

    folder = given["data"]
    if not folder.startswith("/"):
        volume = f"{given['project']}_{folder}"
        folder = ask("volume", "inspect", "--format", "{{.Mountpoint}}", volume)
    properties = Path(folder, "meta.properties") if folder else None
    there = of_data(properties.read_text()) if properties and properties.is_file() else There()
    compose = Path(given["chdir"], "docker-compose.yml")
    text = compose.read_text() if compose.is_file() else ""
    labels = [f"project={given['project']}", "service=broker"]
    filters = [f"--filter=label=com.docker.compose.{label}" for label in labels]
    return there._replace(
        quorum=tuple(members(there.mode, text)),
        inner=inner_listener(text),
        runs=bool(ask("ps", "--quiet", *filters)),
    )


def main() -> None:
    """Run as an Ansible module."""
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        {
            "chdir": {"type": "path", "required": True},
            "project": text,
            "data": text,
            "host": text,
            "mode": text,
            "mode_change": {"type": "bool", "default": False},
            "broker_id": {"type": "int", "required": True},
            "inner": text,
            "quorum": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    there = look(module)
    other = there.mode not in ("", module.params["mode"])
    module.exit_json(
        changed=False,
        **there._asdict(),
        rolls=there.runs and not other and there.inner == module.params["inner"],
        changes_mode=other,
        problems=list(problems(there, module.params)),
    )


if __name__ == "__main__":
    main()
