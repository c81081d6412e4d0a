"""SINETStream services in environment variables, both ways, and what makes them wrong.

The rule, for `type_spec: {fetch_max_bytes: 1}` of service `image-src`:

    SSSRC_TYPE_SPEC__FETCH_MAX_BYTES=1

that is, the service's prefix (`SS_` for what all services share; what a service says itself
wins), the parameter in upper case, and `__` between the layers. Values are YAML scalars, so
numbers and booleans arrive as such; so do flow lists and mappings (`[a, b]`, `{a: 1}`). What YAML
does not read as one of those is text, as it stands; the parameters in `TEXT` always are. An empty
value is no value.

A name can only say parameters made of small letters, digits and single underscores. Any other
parameter (dots, hyphens, capitals, `__`) is said inside a mapping one layer further up, which is
merged with the variables of the layers below:

    SSSRC_TYPE_SPEC={some.odd-name: 1}
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaConsumer, KafkaProducer

COMMON_PREFIX = "SS_"
PREFIXES = {"image-src": "SSSRC_", "image-dest": "SSDST_", "keypoints-dest": "SSKPT_"}

Params = dict[str, Any]
Layers = tuple[str, ...]  # a parameter's place, for example ("type_spec", "client_id")

# Parameters that are text even where they look like a number, a boolean or a mapping.
TEXT = frozenset(
    {
        "client_id",
        "group_id",
        "group_instance_id",
        "password",
        "sasl_plain_password",
        "sasl_plain_username",
        "ssl_password",
        "topic",
    }
)
NULLS = ("null", "Null", "NULL", "~")
NAMEABLE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


# -- values -----------------------------------------------------------------------------------


def read_value(key: str, text: str) -> Any:
    """Return what an environment variable's `text` means for the parameter `key`."""
    if key in TEXT:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    # YAML 1.1 reads 12:30 as a number in base 60; a person means a time or an address.
    number = isinstance(value, (int, float)) and ":" not in text
    flow = isinstance(value, (list, dict)) and text.lstrip()[0] in "[{"
    quoted = isinstance(value, str) and text.lstrip()[0] in "'\""
    nothing = value is None and text.strip() in NULLS
    return value if number or flow or quoted or nothing else text


def write_value(key: str, value: Any) -> str:
    """Return the text that `read_value` turns back into `value`."""
    if isinstance(value, str) and value and (key in TEXT or read_value(key, value) == value):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


# -- names ------------------------------------------------------------------------------------


def variable(prefix: str, path: Iterable[str]) -> str:
    """Return the name of the variable for the parameter at `path`."""
    return prefix + "__".join(path).upper()


def to_environment(prefix: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that say `params`; the reverse of `from_environment`.

    Raises ValueError for a parameter of the first layer that no variable's name can say.
    """
    variables = {}
    for key, value in params.items():
        if not NAMEABLE.fullmatch(key):
            raise ValueError(f"no environment variable can be named after the parameter {key!r}")
        variables |= _variables(prefix, (key,), value)
    return variables


def _variables(prefix: str, path: Layers, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        return {variable(prefix, path): write_value(path[-1], value)}
    variables, unnameable = {}, {}
    for key, inner in value.items():
        if isinstance(key, str) and NAMEABLE.fullmatch(key):
            variables |= _variables(prefix, (*path, key), inner)
        else:
            unnameable[key] = inner
    if unnameable:
        variables[variable(prefix, path)] = write_value(path[-1], unnameable)
    return variables


def from_environment(
    environ: Mapping[str, str], prefix: str, problems: list[str] | None = None
) -> Params:
    """Return the parameters that the variables with `prefix` say.

    Names that cannot be understood are added to `problems`, or raise ValueError without it.
    """
    found = problems if problems is not None else []
    params: Params = {}
    names = [name for name, text in environ.items() if name.startswith(prefix) and text]
    # Upper layers first: a mapping there is merged with what the variables below it say.
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        path = tuple(name.removeprefix(prefix).lower().split("__"))
        if not all(path):
            found.append(
                f"{name}: one `__` goes between two layers, as in {prefix}TYPE_SPEC__CLIENT_ID"
            )
        elif not _insert(params, path, read_value(path[-1], environ[name])):
            found.append(f"{name}: a variable for an upper layer of it already gives a plain value")
    if problems is None and found:
        raise ValueError("; ".join(found))
    return params


def _insert(params: Params, path: Layers, value: Any) -> bool:
    for key in path[:-1]:
        params = params.setdefault(key, {})
        if not isinstance(params, dict):
            return False
    params[path[-1]] = value
    return True


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Params:
    """Return both mappings as one, layer by layer; where both say something, `upper` wins."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = merge(below, value) if both else value
    return merged


# -- what makes a service wrong ---------------------------------------------------------------

# A check returns what the value should be where it is wrong, else "".
Check = Callable[[Any], str]

BROKER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:,\[\]]+)(:(?P<port>\d+))?")
TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")  # Kafka's own rule


def _is_broker(text: Any) -> bool:
    match = BROKER.fullmatch(text.strip()) if isinstance(text, str) else None
    return bool(match) and 0 < int(match["port"] or 9092) < 65536


def _brokers(value: Any) -> str:
    brokers = value.split(",") if isinstance(value, str) else value
    right = isinstance(brokers, list) and brokers and all(map(_is_broker, brokers))
    return "" if right else "host:port, or several with commas, for example kafka.example.org:9092"


def _topic(value: Any) -> str:
    right = isinstance(value, str) and TOPIC.fullmatch(value)
    return "" if right else "a Kafka topic's name, for example sinetstream.image.openpose"


def _topics(value: Any) -> str:
    topics = value if isinstance(value, list) else [value]
    return "" if topics and not any(map(_topic, topics)) else "a list of Kafka topics' names"


def _one_of(*choices: Any) -> Check:
    return lambda value: "" if value in choices else "one of " + ", ".join(map(str, choices))


def _a(what: str, *types: type) -> Check:
    def check(value: Any) -> str:
        right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        return "" if right else what

    return check


_boolean = _a("true or false", bool)
_mapping = _a("made of parameters of its own, with `__` before each", dict)
_whole = _a("a whole number", int)
_number = _a("a number", int, float)
_text = _a("a text", str)

# SINETStream's own parameters of a service (its manual, and sinetstream 1.10's source).
PARAMETERS: dict[str, Check] = {
    "brokers": _brokers,
    "client_id": _text,
    "compression": _mapping,
    "consistency": _one_of("AT_LEAST_ONCE", "AT_MOST_ONCE", "EXACTLY_ONCE"),
    "crypto": _mapping,
    "data_compression": _boolean,
    "data_encryption": _boolean,
    "message_format": _one_of(2, 3),
    "receive_timeout_ms": _number,
    "tls": _a("true, false or made of parameters such as TLS__CA_CERTS", bool, dict),
    "topic": _topic,
    "topics": _topics,
    "type": _one_of("kafka"),
    "type_spec": _mapping,
    "user_data_only": _boolean,
    "value_type": lambda _: "",  # pictures travel as bytes, whatever this says
}

# Parameters that name files; the Kafka client would take a missing one for a broker that is away.
FILES = (
    *(("tls", key) for key in ("ca_certs", "certfile", "keyfile")),
    *(("type_spec", key) for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile")),
)

# The Kafka client's own settings (kafka-python), consumer's and producer's: name → default.
KAFKA = {
    name: default
    for client in (KafkaConsumer, KafkaProducer)
    for name, default in client.DEFAULT_CONFIG.items()
    if default is None or isinstance(default, (bool, int, float, str))
}
_KAFKA_CHECKS: dict[type, Check] = {
    bool: _boolean,
    int: _whole,
    float: _number,
    str: _text,
    type(None): lambda _: "",
}


def kafka_check(name: str) -> Check:
    """Return the check for a setting of the Kafka client, from the type of its default."""
    if name == "acks":
        return _one_of(0, 1, -1, "all")
    return _KAFKA_CHECKS[type(KAFKA[name])]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ", did you mean X?" for the most similar of `names`, or ""."""
    close = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return f", did you mean {close[0]}?" if close else ""


def lift_kafka_settings(params: Params) -> Params:
    """Return `params` with the Kafka client's settings of the first layer under `type_spec`.

    The manual's `SSSRC_GROUP_ID` is from before SINETStream's third configuration format, which
    keeps them apart.
    """
    lifted = {key: value for key, value in params.items() if key in KAFKA.keys() - PARAMETERS}
    rest = {key: value for key, value in params.items() if key not in lifted}
    spec = rest.get("type_spec", {})
    if not lifted or not isinstance(spec, dict):
        return rest
    return rest | {"type_spec": merge(lifted, spec)}


def check(params: Params, named: Callable[[Layers], str]) -> list[str]:
    """Return what is wrong with a service, a line each; `named` names a parameter for its user."""
    problems = [
        f"{named((key,))}: missing; it should be {PARAMETERS[key](None)}"
        for key in ("brokers", "topic")
        if key not in params and not (key == "topic" and "topics" in params)
    ]
    for key, value in params.items():
        if key not in PARAMETERS:
            hint = nearest(key, PARAMETERS.keys() | KAFKA.keys())
            problems.append(f"{named((key,))}: SINETStream has no parameter {key}{hint}")
        elif should := PARAMETERS[key](value):
            problems.append(f"{named((key,))}: {value!r} should be {should}")
    problems += [
        f"{named((layer, key))}: there is no file {value!r}"
        for layer, key in FILES
        if isinstance(params.get(layer), dict)
        and (value := params[layer].get(key)) is not None
        and not Path(str(value)).is_file()
    ]
    spec = params.get("type_spec")
    for key, value in spec.items() if isinstance(spec, dict) else ():
        name = named(("type_spec", key))
        if key not in KAFKA:
            problems.append(f"{name}: the Kafka client has no setting {key}{nearest(key, KAFKA)}")
        elif should := kafka_check(key)(value):
            problems.append(f"{name}: {value!r} should be {should}")
    return problems


def topics(params: Mapping[str, Any]) -> set[str]:
    """Return the topics that a service reads or writes."""
    named = params.get("topics", params.get("topic", []))
    return set(named if isinstance(named, list) else [named])
