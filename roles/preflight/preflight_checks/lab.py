"""Hosts and groups that contradict each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import broker, cameras, cluster, kafka_topics, said, services, topics
from .properties import whole
from .types import nearest
from .values import address

SESSION = 10000  # the image's session.timeout.ms by default
OF_GROUPS = ("hosts", "vars", "children")
# Words that people put behind the name of a group.
OF_HOSTS = re.compile(r"_(hosts?|nodes?|servers?|machines?)$")
# Groups that people make for what ours are called.
SYNONYMS = {
    **dict.fromkeys(("broker", "brokers", "zookeeper", "zookeepers"), "kafka"),
    **dict.fromkeys(("gpu", "gpus", "gpu_hosts", "pose", "worker", "workers"), "openpose"),
    **dict.fromkeys(("cam", "cams", "sensor", "sensors"), "camera"),
    **dict.fromkeys(("web", "dashboard", "display"), "viewer"),
    **dict.fromkeys(("prometheus", "monitor", "metrics"), "monitoring"),
}


@dataclass(frozen=True)
class Lab:
    """The inventory as a host sees it: `values` gives a variable of any host, or None."""

    host: str
    groups: dict[str, list[str]]
    value: Callable[[str, str], Any]

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """Return the catalogue of services."""
        return self.own("posestream_services") or {}

    def hosts(self, *groups: str) -> list[str]:
        """Return the hosts of groups, in their order, each once."""
        return list(dict.fromkeys(host for group in groups for host in self.groups.get(group, [])))

    def served(self) -> list[str]:
        """Return the hosts with a service."""
        return self.hosts(*self.services)

    def clients(self) -> list[str]:
        """Return the hosts whose services talk to a broker."""
        return self.hosts(*services.clients({"posestream_services": self.services}))

    def own(self, name: str) -> Any:
        """Return a variable of the host itself."""
        return self.value(self.host, name)


def builders_for_gpus(lab: Lab) -> dict[str, str]:
    """Return the host that builds the image of an engine on GPUs, as playbooks/images.yml finds it.

    Engines that no worker is known to have are not there.
    """
    first: dict[str, str] = {}
    for host in lab.hosts("openpose"):
        first.setdefault(lab.value(host, "workers_engine"), host)
    built_by = lab.own("posestream_build_host")
    return {
        engine: built_by or host
        for engine, host in first.items()
        if engine not in (None, "openvino")
    }


def group_problems(lab: Lab) -> Iterator[str]:
    """Yield what is wrong with the groups; it is the same for every host."""
    for group in ("kafka", "openpose"):
        if not lab.hosts(group):
            yield f"group {group}: has no host; write one below {group}: in the inventory"
    if len(lab.hosts("monitoring")) > 1:
        hosts = ", ".join(lab.hosts("monitoring"))
        yield f"group monitoring: is for one host, and has {hosts}; leave one of them"
    for group, hosts in lab.groups.items():
        word = OF_HOSTS.sub("", group.lower().replace("-", "_"))
        near = SYNONYMS.get(word) or next(
            iter(difflib.get_close_matches(word, lab.services, 1, 0.8)), None
        )
        if group in lab.services or not near:
            continue
        if strangers := [host for host in hosts if host not in lab.hosts(near)]:
            yield (
                f"group {group}: nothing is done on its hosts ({', '.join(strangers)}); "
                f"did you mean {near}?"
            )


def unread(groups: Any) -> Iterator[str]:
    """Yield what an inventory's file says of groups where Ansible does not read it."""
    if not isinstance(groups, dict) or "plugin" in groups:
        return
    for group, body in groups.items():
        entries = body if isinstance(body, dict) else {}
        for key in entries.keys() - set(OF_GROUPS):
            hint = nearest(str(key), OF_GROUPS) or "; write a group below children"
            yield f"group {group}: Ansible reads no {key} in a group{hint}"
        yield from unread(entries.get("children"))


def problems(lab: Lab) -> Iterator[str]:
    """Yield what contradicts between the host and the others."""
    if lab.host in lab.served():
        yield from _twins(lab)
        yield from _metrics(lab)
    if lab.host in lab.hosts("kafka"):
        yield from cluster.problems(lab)
        yield from _brokers(lab)
        yield from _topics(lab)
        yield from sessions(lab)
    elif lab.host in lab.clients():
        yield from _broker_of(lab)
    yield from _differing(lab)
    yield from _security(lab)
    yield from _cameras(lab)
    yield from _build_host(lab)


def _metrics(lab: Lab) -> Iterator[str]:
    """Yield figures that Prometheus, on another host, cannot reach."""
    others = [host for host in lab.hosts("monitoring") if host != lab.host]
    here = [entry for name, entry in lab.services.items() if others and lab.host in lab.hosts(name)]
    metrics = [each for entry in here for each in entry.get("metrics", [])]
    for bind in dict.fromkeys(each["bind"] for each in metrics if "bind" in each):
        at, _, port = str(lab.own(bind) or "").rpartition(":")
        found = address(at.strip("[]"))
        if found and found.is_loopback:
            yield (
                f"{bind}: {lab.own(bind)} is reached from this host alone, and Prometheus is on "
                f"{others[0]}; write an address that it reaches, for example 0.0.0.0:{port}"
            )


def problems_of_workers(lab: Lab) -> Iterator[str]:
    """Yield too few partitions for the workers, whose number is known with their hosts' GPUs."""
    if lab.host not in lab.hosts("kafka"):
        return
    workers = lab.hosts("openpose")
    count = sum(len(lab.value(host, "workers_devices") or [0]) for host in workers)
    source = lab.own("posestream_source_topic")
    for topic in lab.own("kafka_topics"):
        there = topic.get("partitions", 1)
        if topic["name"] == source and there < count:
            yield (
                f"kafka_topics: {source} has {there} partitions, and there are "
                f"{count} workers, each of which reads its own: the others would have nothing to "
                f"do; write {count} (kafka_source_partitions)"
            )


def _twins(lab: Lab) -> Iterator[str]:
    """Yield another name of the same machine."""
    place = [lab.own("ansible_host"), lab.own("ansible_port")]
    others = [host for host in lab.served() if host != lab.host]
    same = [
        host
        for host in others
        if [lab.value(host, "ansible_host"), lab.value(host, "ansible_port")] == place
    ]
    if place[0] and same and lab.own("ansible_connection") != "local":
        yield (
            f"ansible_host: {place[0]} is that of {', '.join(same)} too, and one machine would be "
            "set up as several at once; give it one name, in as many groups as it needs"
        )


def _cameras(lab: Lab) -> Iterator[str]:
    """Yield the names of cameras that another host's have too, for the same topic."""
    if lab.host not in lab.hosts("camera"):
        return
    topic = lab.own("posestream_source_topic")
    others = {
        camera.said.get("name"): host
        for host in reversed(lab.hosts("camera"))
        if host != lab.host and lab.value(host, "posestream_source_topic") == topic
        for camera in cameras.of(partial(lab.value, host))
    }
    for camera in cameras.of(lab.own):
        name = camera.said.get("name")
        if name in others:
            yield (
                f"{camera.place('name')}: {name!r} is the name of a camera of {others[name]} too, "
                "and names are keys of pictures; give each camera of the lab its own"
            )


def _build_host(lab: Lab) -> Iterator[str]:
    """Yield a host that cannot build images for the others."""
    build_host = lab.own("posestream_build_host")
    if not build_host or build_host in ("localhost", *lab.served()):
        return
    everyone = lab.hosts(*lab.groups)
    if build_host in everyone:
        groups = ", ".join(lab.services)
        yield (
            f"posestream_build_host: {build_host!r} is in none of the groups {groups}, so that "
            "nothing installs Docker on it; name one of their hosts, or localhost"
        )
        return
    hint = nearest(build_host, everyone)
    yield f"posestream_build_host: {build_host!r} is no host of the inventory{hint}"


def _brokers(lab: Lab) -> Iterator[str]:
    """Yield a broker out of its clients' reach."""
    bind = address(str(lab.own("kafka_bind_address")))
    others = [host for host in lab.hosts("kafka") if host != lab.host]
    if bind and bind.is_loopback and (others or lab.clients()):
        yield (
            f"kafka_bind_address: containers and other hosts cannot reach the broker at {bind}; "
            "for example '0.0.0.0'"
        )


def _group_of(lab: Lab, host: str) -> str | None:
    """Return the consumer group of a host's workers, whichever place says it."""
    client = said.client_of("openpose", "source", partial(lab.value, host))
    return client.get("group.id") or lab.value(host, "openpose_group_id")


def own_broker(lab: Lab) -> broker.Broker:
    """Return the broker that the host's own variables make."""
    return broker.of({name: lab.own(name) for name in broker.SAID_BY})


def sessions(lab: Lab) -> Iterator[str]:
    """Yield workers whose sessions the broker would not take."""
    own = own_broker(lab)
    ends = [f"group.{end}.session.timeout.ms" for end in ("min", "max")]
    least, most = (own.or_default(end) for end in ends)
    for host in lab.clients():
        client = said.client_of("openpose", "source", partial(lab.value, host))
        session = whole(client.get("session.timeout.ms", SESSION))
        known = host in lab.hosts("openpose") and None not in (session, least, most)
        if known and not least <= session <= most:
            yield (
                f"kafka_properties: {ends[0]} {least} and {ends[1]} {most} do not take the "
                f"workers of {host}, whose session.timeout.ms is {session}; leave them out"
            )


def _topics(lab: Lab) -> Iterator[str]:
    """Yield topics that are missing, and messages larger than the clients take."""
    made = lab.own("kafka_topics")
    if not isinstance(made, list) or not all(isinstance(topic, dict) for topic in made):
        return
    clients = lab.clients()
    limits = [(lab.value(host, "broker_message_max_bytes"), host) for host in clients]
    fetched, client = min((limit for limit in limits if limit[0]), default=(None, None))
    for name, limit in kafka_topics.limits(made).items():
        if fetched and limit > fetched:
            yield (
                f"kafka_topics: {name}: max.message.bytes {limit} is above "
                f"broker_message_max_bytes {fetched}, which consumers on {client} fetch; set "
                f"broker_message_max_bytes: {limit}"
            )
    if own_broker(lab).makes_topics():
        return
    there = {str(topic.get("name")) for topic in made}
    # A topic may be read before it is written, and named in several places: said once.
    wanted = {
        topic.name: f"{topic.place}{'' if host == lab.host else f' of {host}'}"
        for service, entry in reversed(lab.services.items())
        for host in reversed(clients)
        if host in lab.hosts(service)
        for topic in topics.of_service(service, entry, partial(lab.value, host))
    }
    for name, place in sorted(wanted.items()):
        if name not in there:
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


def _security(lab: Lab) -> Iterator[str]:
    """Yield a client that comes to the broker in another way than it is let in."""
    holder = next(iter(lab.hosts("kafka")), None)
    if holder is None or lab.host not in lab.served():
        return
    own, other = (lab.value(host, "broker_security") for host in (lab.host, holder))
    same = lab.value(holder, "broker_hostname") == lab.own("broker_hostname")
    if same and own and other and own != other:
        yield (
            f"broker_security: {own} here and {other} on {holder}, the Kafka host; write it once, "
            "for all hosts"
        )


def _differing(lab: Lab) -> Iterator[str]:
    """Yield what has to be alike on all hosts, and is not."""
    if lab.host not in lab.hosts("openpose"):
        return
    topic = lab.own("posestream_source_topic")
    peers = [
        host
        for host in lab.hosts("openpose")
        if lab.value(host, "posestream_source_topic") == topic
    ]
    own, other = (_group_of(lab, host) for host in (lab.host, peers[0]))
    if own and other and own != other:
        yield (
            f"openpose_group_id: {own!r} here and {other!r} on {peers[0]}: two groups work on "
            "every picture twice; write it once, for all hosts"
        )
    for holder in lab.hosts("kafka"):
        own, takes = (lab.value(host, "broker_message_max_bytes") for host in (lab.host, holder))
        if own and takes and own > takes:
            yield (
                f"broker_message_max_bytes: {own} is above that of {holder}, {takes}, which would "
                "refuse such messages; write it once, for all hosts"
            )
