"""The hosts of the group kafka, which are one cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .properties import whole
from .types import nearest

if TYPE_CHECKING:
    from .lab import Lab

MIN_IN_SYNC = "min.insync.replicas"
CONTROLLER = 2000  # what a controller's number is above that of its host's broker
# What each Kafka host has to have for itself, and why.
OWN = (
    ("kafka_broker_id", "give each Kafka host its own"),
    ("broker_hostname", "clients would reach one of the two; give each Kafka host its own"),
)
# What all of them have to have alike.
ALIKE = ("kafka_mode", "kafka_quorum_hosts", "kafka_cluster_id", "broker_security")


def problems(lab: Lab) -> Iterator[str]:
    """Yield what keeps the Kafka host from being one of the cluster."""
    hosts = lab.hosts("kafka")
    if len(hosts) == 2 and lab.host == hosts[0]:
        yield (
            f"group kafka: has two hosts, {' and '.join(hosts)}, and a cluster of two stands still "
            "when either is lost; leave one of them, or write a third"
        )
    others = [host for host in hosts if host != lab.host]
    for name, why in OWN:
        own = lab.own(name)
        same = [host for host in others if own is not None and lab.value(host, name) == own]
        if same:
            yield f"{name}: {own!r} is that of {', '.join(same)} too; {why}"
    for name in ALIKE:
        own, first = lab.own(name), lab.value(hosts[0], name)
        if own is not None and first is not None and own != first:
            yield (
                f"{name}: {own!r} here and {first!r} on {hosts[0]}, and the two are of one "
                "cluster; write it once, for all hosts"
            )
    yield from _addresses(lab, others)
    yield from _controllers(lab, others)
    yield from _quorum(lab, hosts)
    yield from _closed(lab, hosts)
    yield from _replicas(lab, hosts)


def _addresses(lab: Lab, others: list[str]) -> Iterator[str]:
    """Yield one address for two brokers, as where it is written for all hosts."""
    place = ("broker_address", "broker_port")
    own = [lab.own(name) for name in place]
    same = [host for host in others if [lab.value(host, name) for name in place] == own]
    if own[0] and same:
        yield (
            f"broker_address: {own[0]} is that of {', '.join(same)} too, at the same broker_port; "
            "write each as a variable of its host"
        )


def _controllers(lab: Lab, others: list[str]) -> Iterator[str]:
    """Yield a broker that has the number of another host's controller."""
    own = lab.own("kafka_broker_id")
    taken = [
        host
        for host in others
        if own is not None and lab.value(host, "kafka_broker_id") == own - CONTROLLER
    ]
    if taken and lab.own("kafka_mode") == "kraft":
        yield (
            f"kafka_broker_id: {own} is the number of the controller on {taken[0]}, whose broker's "
            f"it is and {CONTROLLER}; write another one, below {CONTROLLER}"
        )


def _quorum(lab: Lab, hosts: list[str]) -> Iterator[str]:
    """Yield a quorum that is none; it is the same for all Kafka hosts, and said of the first."""
    members = lab.own("kafka_quorum_hosts")
    if members is None or lab.host != hosts[0]:
        return
    for member in members:
        if member not in hosts:
            hint = nearest(member, hosts) or f"; there is {', '.join(hosts)}"
            yield f"kafka_quorum_hosts: {member} is no host of the group kafka{hint}"
    twice = sorted({member for member in members if members.count(member) > 1})
    if twice:
        yield f"kafka_quorum_hosts: {', '.join(twice)} stands there twice; leave one out"
    elif len(members) % 2 == 0:
        yield (
            f"kafka_quorum_hosts: has {len(members)} hosts, and an even number bears no more "
            "losses than the odd one below it; write 1, 3 or 5 of the Kafka hosts"
        )


def _closed(lab: Lab, hosts: list[str]) -> Iterator[str]:
    """Yield brokers that would ask a closed cluster's ZooKeeper from another host."""
    security = lab.own("broker_security")
    if security in (None, "none") or lab.own("kafka_mode") != "zookeeper" or len(hosts) == 1:
        return
    guests = [host for host in hosts if host not in (lab.own("kafka_quorum_hosts") or [])]
    if guests and lab.host == hosts[0]:
        yield (
            f"broker_security: {security}, and brokers on {', '.join(guests)} would ask ZooKeeper "
            "on another host, which is not encrypted; write kafka_mode: kraft, or all Kafka hosts "
            "into kafka_quorum_hosts, an odd number"
        )


def _replicas(lab: Lab, hosts: list[str]) -> Iterator[str]:
    """Yield topics with more replicas than there are brokers, or with too few to be written."""
    made = lab.own("kafka_topics")
    if not isinstance(made, list) or lab.host != hosts[0]:
        return
    said = whole((lab.own("kafka_properties") or {}).get(MIN_IN_SYNC))
    least = said or max(1, min(len(hosts), 3) - 1)
    for topic in [topic for topic in made if isinstance(topic, dict)]:
        count = whole(topic.get("replication_factor"))
        own = whole((topic.get("config") or {}).get(MIN_IN_SYNC)) or least
        has = min(len(hosts), 3) if count is None else count
        place = f"kafka_topics: {topic.get('name')}"
        if count is not None and not 1 <= count <= len(hosts):
            yield (
                f"{place}: replication_factor {count} is not between 1 and the number of Kafka "
                f"hosts, {len(hosts)}; leave it out for {min(len(hosts), 3)}"
            )
        elif own > has:
            yield (
                f"{place}: {MIN_IN_SYNC} is {own}, and it has {has} "
                f"replica{'s' if has > 1 else ''}: nothing could be written; write "
                f"{MIN_IN_SYNC}: {max(1, has - 1)}, or a larger replication_factor"
            )
