"""The broker's properties and its environment, by name and value; `broker` has the sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from . import broker, kafka_topics
from .properties import BROKER, OF_LISTENER, TOPIC, of_broker, wrong_values
from .services import Values
from .sources import KAFKA_SETTINGS, kafka_variables
from .types import nearest

ITSELF = ""  # nothing else says it
# Properties that the role sets, and what to use in their place.
OWNED = {
    "advertised.listeners": "broker_hostname and broker_port",
    "broker.id": "kafka_broker_id",
    "broker.id.generation.enable": "kafka_broker_id",
    "control.plane.listener.name": ITSELF,
    "controller.listener.names": ITSELF,
    "controller.quorum.voters": ITSELF,
    "early.start.listeners": ITSELF,
    "inter.broker.listener.name": ITSELF,
    "listener.security.protocol.map": ITSELF,
    "listeners": "kafka_bind_address and broker_port",
    "log.dir": "kafka_broker_data",
    "log.dirs": "kafka_broker_data",
    "node.id": "kafka_broker_id",
    "process.roles": ITSELF,
    "reserved.broker.max.id": "kafka_broker_id",
    "security.inter.broker.protocol": ITSELF,
    "zookeeper.connect": ITSELF,
    "zookeeper.metadata.migration.enable": ITSELF,
}
# Ports in the broker's container.
INNER_PORTS = dict.fromkeys((9092, 29092), "is a port of the broker's own; write another one")
OWNED_ENVIRONMENT = {kafka_variables.variable(name): instead for name, instead in OWNED.items()} | {
    "BROKER_HOSTNAME": "broker_hostname",
    "COMPOSE_PROJECT_NAME": "kafka_project",
    "KAFKA_HEAP_OPTS": "kafka_heap",
    "CLUSTER_ID": "kafka_cluster_id",
    "ZOOKEEPER_CLIENT_PORT": ITSELF,
}
LEVELS = ["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"]
LEVELS += [level.lower() for level in LEVELS]
# The image's variables that are no properties: what they may be, where it is not a list of words.
SETTINGS: dict[str, dict[str, Any]] = {name: {} for name in KAFKA_SETTINGS} | {
    "KAFKA_JMX_PORT": {"type": "int", "range": [1, 65535], "not": INNER_PORTS},
    "KAFKA_LOG4J_ROOT_LOGLEVEL": {"type": "string", "values": LEVELS},
}
VARIABLES = [*SETTINGS, *OWNED_ENVIRONMENT, *map(kafka_variables.variable, BROKER)]


def problems(values: Values, groups: Collection[str] = ("kafka",)) -> Iterator[str]:
    """Yield what is wrong with a host's variables of the broker.

    What follows from defaults is said of hosts in the group kafka alone.
    """
    checked, unchecked, environment = (
        {str(name): value for name, value in (values.get(f"kafka_{said}") or {}).items()}
        for said in ("properties", "properties_unchecked", "environment")
    )
    for name in checked:
        text = _name(name, environment) or ("" if of_broker(name) is not None else _unknown(name))
        yield from [f"kafka_properties: {text}"] * bool(text)
    for name in unchecked:
        text = _name(name, environment)
        yield from [f"kafka_properties_unchecked: {text}"] * bool(text)
    for name in checked.keys() & unchecked.keys():
        yield f"kafka_properties_unchecked: {name} is said by kafka_properties too; leave one out"
    for text in wrong_values(checked, of_broker):
        yield f"kafka_properties: {text}"
    for text in wrong_values(unchecked, lambda _: {}):
        yield f"kafka_properties_unchecked: {text}"
    for text in filter(None, map(_variable, environment)):
        yield f"kafka_environment: {text}"
    for text in wrong_values(
        environment, _of_variable, lists=False, property_of=kafka_variables.property_of
    ):
        yield f"kafka_environment: {text}"
    version = str(values.get("kafka_confluent_version", ""))
    if version[:1] in ("8", "9") and values.get("kafka_mode") == "zookeeper":
        yield (
            f"kafka_confluent_version: {version} has no ZooKeeper any more; write 7.9.11, or "
            "kafka_mode: kraft"
        )
    yield from broker.orders(values)
    yield from broker.sizes(values, groups)
    if "kafka_topics" in values:
        yield from kafka_topics.problems(values["kafka_topics"], values)


def _instead(variable: str) -> str:
    return f"; use {variable}" if variable else ", as its docker-compose.yml needs it; leave it out"


def _name(name: str, environment: dict[str, Any]) -> str:
    """Return why a property cannot be said by this name, or ""."""
    if name.startswith("KAFKA_"):
        return f"{name} is an environment variable; write it into kafka_environment"
    if name in OWNED:
        return f"{name} is set by this role{_instead(OWNED[name])}"
    if name != name.lower() and name.lower() not in BROKER:
        return (
            f"{name} cannot be said to Kafka's image: it makes the properties from environment "
            f"variables and writes their names in small letters; leave {name} out"
        )
    if not re.fullmatch(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*", name):
        return f"{name!r} is not a property's name, as message.max.bytes is"
    if (variable := kafka_variables.variable(name)) in environment:
        return f"{name} is said by kafka_environment too, as {variable}; leave one of the two out"
    return ""


def _unknown(name: str) -> str:
    if name in TOPIC:
        return f"{name} is a property of a topic; {_of_topic(name, str)}"
    return f"{name} is no property of Kafka's broker{_or_unchecked(_near(name.lower()))}"


def _of_topic(name: str, written: Callable[[str], str]) -> str:
    default = TOPIC[name].get("broker")
    return f"the broker's is {written(default)}" if default else "write it into kafka_topics"


def _near(name: str) -> str:
    of_listener = OF_LISTENER.fullmatch(name)
    return nearest(of_listener["name"] if of_listener else name, BROKER)


def _or_unchecked(near: str) -> str:
    return (near + " A" if near else "; a") + " plugin's goes into kafka_properties_unchecked"


def _variable(name: str) -> str:
    """Return what is wrong with a variable by its name, or ""; others' are nobody's business."""
    if name in OWNED_ENVIRONMENT:
        return f"{name} is set by this role{_instead(OWNED_ENVIRONMENT[name])}"
    if name.startswith("ZOOKEEPER_"):
        return f"{name} is ZooKeeper's, and this is the broker's environment; leave it out"
    if not name.startswith("KAFKA_"):
        near = nearest(name.upper(), VARIABLES, 0.88)
        return f"{name} is no variable of Kafka's image{near}" if near else ""
    if name in SETTINGS or _of_variable(name) is not None:
        return ""
    meant = kafka_variables.property_of(name)
    if meant in TOPIC:
        right = _of_topic(meant, kafka_variables.variable)
        return f"{name} sets {meant}, a property of a topic; {right}"
    near = _or_unchecked(nearest(name, VARIABLES))
    return f"{name} sets {meant}, which is no property of Kafka's broker{near}"


def _of_variable(name: str) -> dict[str, Any] | None:
    """Return what is known of a variable's values, None where nothing is."""
    if name in SETTINGS or not name.startswith("KAFKA_"):
        return SETTINGS.get(name)
    return of_broker(kafka_variables.property_of(name))
