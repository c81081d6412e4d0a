"""SINETStream's parameters, and the environment of the containers that read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import misplaced, topics
from .properties import whole
from .said import (
    PREFIXES,
    SERVICES,
    Said,
    client_of,
    in_environment,
    in_file,
    nested,
    of_section,
    services_of,
    texts_of,
    variables_of,
    version_of,
)
from .services import Values, catalogue, clients
from .sources import flags, parameters, services
from .types import nearest
from .values import plain_values

OWNED = {
    "openpose": {
        "COMPOSE_PROJECT_NAME": "openpose_project",
        "OPENPOSE_MODEL_FOLDER": "openpose_models_dir",
        "OPENPOSE_MODEL_POSE": "openpose_model_pose",
        "WORKER_METRICS_PORT": "openpose_metrics_bind",
    },
    "camera": {
        "CAMERA_METRICS_ADDRESS": "camera_metrics_bind",
        "CAMERA_METRICS_PORT": "camera_metrics_bind",
        "CAMERA_NAME": "camera_name, or name in cameras",
        "CAMERA_SOURCE": "camera_source, or source in cameras",
        "COMPOSE_PROJECT_NAME": "camera_project",
    },
    "viewer": {
        "COMPOSE_PROJECT_NAME": "viewer_project",
        "VIEWER_HOSTS": "viewer_hosts",
        "VIEWER_METRICS_PORT": "viewer_metrics_bind",
        "VIEWER_PASSWORD": "viewer_password",
        "VIEWER_PASSWORD_FILE": "viewer_password",
        "VIEWER_PORT": "viewer_port",
        "VIEWER_PROMETHEUS_URL": "viewer_prometheus_url",
        "VIEWER_TLS_CERTIFICATE": "viewer_tls_certificate",
        "VIEWER_TLS_KEY": "viewer_tls_key",
        "VIEWER_TOKEN": "viewer_token",
        "VIEWER_TOKEN_FILE": "viewer_token",
    },
}
# What the image reads, for names that are almost one of these.
VARIABLES = [
    *flags.TABLE,
    *(prefix + name.upper() for prefix in PREFIXES.values() for name in services.PARAMETERS),
]
# What each worker has of its own.
NAMES = {"WORKER_NAME", "SSSRC_GROUP_INSTANCE_ID", "SSSRC_TYPE_SPEC__GROUP_INSTANCE_ID"}
# Settings of the client that may be at most as large as another, with the image's defaults.
AT_MOST = {
    ("heartbeat.interval.ms", 3000): ("session.timeout.ms", 10000),
    ("session.timeout.ms", 10000): ("max.poll.interval.ms", 120000),
}
# What clients have above the largest message by default, for the message's own frame.
FRAME_BYTES = 1024 * 1024
# The client's limits, by librdkafka's names.
FETCH_LIMITS = ("fetch.max.bytes", "max.partition.fetch.bytes")
SEND_LIMIT = "message.max.bytes"


def problems(values: Values) -> Iterator[str]:
    """Yield what is wrong with what the containers of a host are told."""
    for role in catalogue(values):
        variable = f"{role}_environment"
        for name in values.get(variable) or {}:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
                hint = (
                    "; Kafka's properties belong into kafka_properties" if role == "kafka" else ""
                )
                yield f"{variable}: {str(name)!r} is not the name of an environment variable{hint}"
    for role in clients(values):
        yield from _client(role, values)
        for said in (*nested(role, values), *in_environment(role, values)):
            yield from services.check_parameters(said.params, said.named)
            yield from _limits(said, values)
        yield from _file(role, values)
        yield from _sections(role, values)
    yield from _loops(values)


def _client(role: str, values: Values) -> Iterator[str]:
    """Yield what is wrong with a container's environment, and with saying a thing twice."""
    variable = f"{role}_environment"
    environment = values.get(variable) or {}
    for name, text in plain_values(environment, lists=False):
        yield f"{variable}: {name} {text}; write a text, a number, true or false"
    texts = texts_of(environment)
    for name, instead in OWNED.get(role, {}).items():
        if name in environment:
            yield f"{variable}: {name} is set by this role; use {instead}"
    yield from (f"{variable}: {text}" for text in _strange(texts))
    yield from (f"{variable}: {text}" for text in _of_others(role, texts, values))
    engine, chosen = texts.get("WORKER_ENGINE"), values.get("openpose_engine")
    if role == "openpose" and chosen and engine in flags.ENGINES and engine != chosen:
        yield (
            f"{variable}: WORKER_ENGINE {engine} is not openpose_engine {chosen}, which chooses "
            f"the image; write openpose_engine: {engine}"
        )
    sections = values.get(f"{role}_sinetstream") or {}
    for section, params in sections.items():
        for key in params or {}:
            if not parameters.NAMEABLE.fullmatch(str(key)) and services.is_own_name(str(key)):
                yield f"{role}_sinetstream: {section}.{key} belongs into type_spec"
    for name in sorted(set(texts) & set(variables_of(sections))):
        yield f"{variable}: {name} is said by {role}_sinetstream too; leave one of the two out"


def _of_others(role: str, texts: dict[str, str], values: Values) -> Iterator[str]:
    """Yield variables that the containers of a service do not read, and others' do."""
    entry = catalogue(values)[role]
    unread = {
        prefix: section
        for section, prefix in PREFIXES.items()
        if section != "common" and section not in {**entry["reads"], **entry.get("writes", {})}
    }
    for name in texts:
        service = misplaced.service_of(name)
        if service not in (None, role):
            yield f"{name} is read by {service} alone; write it into {service}_environment"
        elif role == "openpose" and name in NAMES:
            yield f"{name}: each worker has a name of its own, set by this role; leave it out"
        for prefix, section in unread.items():
            if name.startswith(prefix):
                yield f"{name}: {role} has no {section}, and does not read it; leave it out"


def _sections(role: str, values: Values) -> Iterator[str]:
    """Yield what contradicts in the parameters of a section, wherever they are said."""
    entry = catalogue(values)[role]
    said = ("_sinetstream_config", "_sinetstream", "_environment")
    place = next((role + name for name in said if values.get(role + name)), role)
    for section in {**entry["reads"], **entry.get("writes", {})}:
        params = of_section(role, section, values.get)
        client = client_of(role, section, values.get)
        if params.get("data_encryption") is True and not params.get("crypto"):
            yield (
                f"{place}: {section} has data_encryption, and no crypto, which says with what; "
                "write it too, for example {algorithm: AES, password: …}"
            )
        for (lesser, least), (greater, most) in AT_MOST.items():
            low, high = whole(client.get(lesser, least)), whole(client.get(greater, most))
            if {lesser, greater} & {*client} and None not in (low, high) and low > high:
                yield (
                    f"{place}: {section} has {lesser} {low}, which has to be at most {greater} "
                    f"{high}; write both so, or leave them out"
                )
        limit, largest = whole(client.get(SEND_LIMIT)), values.get("broker_message_max_bytes")
        if role == "openpose" and section == "destination" and limit and limit < (largest or 0):
            yield (
                f"{place}: {section} has {SEND_LIMIT} {limit} (max_request_size), and a result "
                f"may have {largest} (broker_message_max_bytes); leave it out"
            )
        if role == "openpose" and section == "source" and "group.instance.id" in client:
            name = "group.instance.id (group_instance_id)"
            if values.get(f"{role}_sinetstream_config") or values.get(f"{role}_sinetstream"):
                yield f"{place}: {name} is each worker's own, set by this role; leave it out"


def _strange(texts: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with the variables that the image reads, and almost its names."""
    found: list[str] = []
    flags.read(texts, found)
    ours = tuple(PREFIXES.values())
    for prefix in PREFIXES.values():
        parameters.from_environment(texts, prefix, found)
    yield from found
    known = (*ours, *(f"{name.upper()}_" for name in flags.GROUPS))
    for name in texts:
        near = "" if name.startswith(known) else nearest(name.upper(), VARIABLES, 0.88)
        if near:
            yield f"{name} is no variable of the image{near}"


def _file(role: str, values: Values) -> Iterator[str]:
    """Yield what is wrong with a whole .sinetstream_config.yml."""
    variable = f"{role}_sinetstream_config"
    config = values.get(variable)
    if not config:
        return
    if any((values.get(f"{role}_sinetstream") or {}).values()):
        yield f"{variable}: {role}_sinetstream says the same a second way; leave one of the two out"
    prefixes = tuple(PREFIXES.values())
    environment = values.get(f"{role}_environment") or {}
    if said := [name for name in environment if str(name).startswith(prefixes)]:
        yield (
            f"{variable}: {role}_environment has {', '.join(said)} beside it; leave one of "
            "the two out"
        )
    version = version_of(config)
    if version not in (1, 2, 3):
        yield f"{variable}: header.version {version!r} is not 2 or 3"
    there = services_of(config)
    for service in (SERVICES["source"], SERVICES["destination"]):
        if service not in there:
            yield f"{variable}: has no service {service}, which it needs"
    for service, params in there.items():
        if service not in SERVICES.values():
            near = nearest(str(service), SERVICES.values(), 0.8)
            yield from [f"{variable}: {service} is no service of the worker's{near}"] * bool(near)
        elif not isinstance(params, dict):
            yield f"{variable}: {service} has no parameters"
        else:
            said = in_file(f"{variable}: {service}", params, version)
            yield from services.missing(said.params, said.named)
            yield from services.check_parameters(said.params, said.named)
            yield from _limits(said, values)


def _loops(values: Values) -> Iterator[str]:
    """Yield topics of the worker that are written and read, or written twice."""
    seen: dict[str, topics.Topic] = {}
    for topic in topics.of_service("openpose", catalogue(values).get("openpose", {}), values.get):
        first = seen.setdefault(topic.name, topic)
        if first.place != topic.place:
            loop = ", and the worker would read its own results in an endless loop"
            yield (
                f"{topic.place}: is {topic.name}, as {first.place} is"
                f"{'' if first.written else loop}; give each its own topic"
            )


def _limits(said: Said, values: Values) -> Iterator[str]:
    """Yield fetch and send limits that a person set against the largest message of the lab."""
    largest, spec = values.get("broker_message_max_bytes"), said.params.get("type_spec")
    if not largest or not isinstance(spec, dict):
        return
    for key in spec:
        limit, place = whole(spec[key]), said.named(("type_spec", key))
        name = services.SETTINGS[key].name if key in services.SETTINGS else key
        if limit is not None and name in FETCH_LIMITS and limit < largest:
            yield (
                f"{place}: {limit} is less than a message may have, broker_message_max_bytes "
                f"{largest}; write {largest} or more, or leave it out"
            )
        if limit is not None and name == SEND_LIMIT and limit > largest + FRAME_BYTES:
            yield (
                f"{place}: {limit} is more than the broker takes, broker_message_max_bytes "
                f"{largest}; raise that one, the rest follows"
            )
