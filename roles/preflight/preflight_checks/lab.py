"""Hosts and groups that contradict each other."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import kafka, streams
from .services import CLIENTS, GROUPS
from .values import address

AUTOMATIC = "auto.create.topics.enable"


@dataclass(frozen=True)
class Lab:
    """The inventory as a host sees it: `values` gives a variable of any host, or None."""

    host: str
    groups: dict[str, list[str]]
    value: Callable[[str, str], Any]

    def hosts(self, *groups: str) -> list[str]:
        """Return the hosts of groups, in their order, each once."""
        return list(dict.fromkeys(host for group in groups for host in self.groups.get(group, [])))

    def clients_of_own_broker(self) -> list[str]:
        """Return the hosts whose broker is the one on this host."""
        name = self.own("broker_hostname")
        clients = self.hosts(*CLIENTS)
        return [host for host in clients if self.value(host, "broker_hostname") == name]

    def own(self, name: str) -> Any:
        """Return a variable of the host itself."""
        return self.value(self.host, name)


def builder_for_gpus(lab: Lab) -> str | None:
    """Return the host that builds the image of workers on GPUs, as playbooks/images.yml finds it.

    None where no worker is known to need it.
    """
    on_gpus = [
        host for host in lab.hosts("openpose") if lab.value(host, "worker_engine") == "pyopenpose"
    ]
    return (lab.own("posestream_build_host") or on_gpus[0]) if on_gpus else None


def group_problems(lab: Lab) -> Iterator[str]:
    """Yield what is wrong with the groups; it is the same for every host."""
    for group in ("kafka", "openpose"):
        if not lab.hosts(group):
            yield f"group {group}: has no host; write one below {group}: in the inventory"
    for group, hosts in lab.groups.items():
        near = difflib.get_close_matches(group, GROUPS, 1, 0.8)
        if group in GROUPS or not near:
            continue
        if strangers := [host for host in hosts if host not in lab.hosts(near[0])]:
            yield (
                f"group {group}: nothing is done on its hosts ({', '.join(strangers)}); "
                f"did you mean {near[0]}?"
            )


def problems(lab: Lab) -> Iterator[str]:
    """Yield what contradicts between the host and the others."""
    if lab.host in lab.hosts("kafka"):
        yield from _brokers(lab)
        yield from _topics(lab)
    elif lab.host in lab.hosts(*CLIENTS):
        yield from _broker_of(lab)
    build_host = lab.own("posestream_build_host")
    everyone = lab.hosts(*lab.groups)
    if build_host and build_host not in ("localhost", *everyone):
        near = difflib.get_close_matches(build_host, everyone, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"posestream_build_host: {build_host!r} is no host of the inventory{hint}"


def _brokers(lab: Lab) -> Iterator[str]:
    """Yield what two Kafka hosts cannot share, and a broker out of its clients' reach."""
    others = [host for host in lab.hosts("kafka") if host != lab.host]
    for name, why in (
        ("kafka_broker_id", "give each Kafka host its own"),
        ("broker_hostname", "clients would reach one of the two; give each Kafka host its own"),
    ):
        own = lab.own(name)
        same = [host for host in others if own is not None and lab.value(host, name) == own]
        if same:
            yield f"{name}: {own!r} is that of {', '.join(same)} too; {why}"
    bind = address(str(lab.own("kafka_bind_address")))
    if bind and bind.is_loopback and lab.hosts(*CLIENTS):
        yield (
            f"kafka_bind_address: containers and other hosts cannot reach the broker at {bind}; "
            "for example '0.0.0.0'"
        )


def _topics(lab: Lab) -> Iterator[str]:
    """Yield topics that are missing, and messages larger than the clients take."""
    topics = lab.own("kafka_topics")
    if not topics:
        return
    clients = lab.clients_of_own_broker()
    limits = [(lab.value(host, "broker_message_max_bytes"), host) for host in clients]
    fetched, client = min((limit for limit in limits if limit[0]), default=(None, None))
    for name, limit in kafka.topic_limits(topics).items():
        if fetched and limit > fetched:
            yield (
                f"kafka_topics: {name}: max.message.bytes {limit} is above "
                f"broker_message_max_bytes {fetched}, which consumers on {client} fetch; set "
                f"broker_message_max_bytes: {limit}"
            )
    if str((lab.own("kafka_properties") or {}).get(AUTOMATIC, False)).lower() == "true":
        return
    made = {str(topic["name"]) for topic in topics}
    wanted = {
        name: place
        for host in clients
        if host in lab.hosts("openpose")
        for place, names in streams.topics(partial(lab.value, host)).items()
        for name in names
    }
    for name, place in wanted.items():
        if name not in made:
            yield (
                f"kafka_topics: has no topic {name} ({place}), and the broker makes none by "
                f"itself; add {{name: {name}}}"
            )


def _broker_of(lab: Lab) -> Iterator[str]:
    """Yield a broker's name or port that no Kafka host has."""
    brokers = lab.hosts("kafka")
    names = {lab.value(host, "broker_hostname"): host for host in brokers}
    name, port = lab.own("broker_hostname"), lab.own("broker_port")
    if None in (name, port, *names) or not brokers:
        return
    if name not in names:
        known = ", ".join(f"{name} ({host})" for name, host in names.items())
        yield f"broker_hostname: {name!r} is that of no Kafka host; there is {known}"
    elif port != (right := lab.value(names[name], "broker_port")):
        yield f"broker_port: {port} here and {right} on {names[name]}; write it once, for all hosts"
