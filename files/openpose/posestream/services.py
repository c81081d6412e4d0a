"""SINETStream services: the variables that say them, and what makes them wrong.

A service's parameters are variables with its prefix, after those with `SS_`, which all services
share (`parameters` has the rule); what a service says itself wins.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from . import librdkafka
from .client_settings import (
    NULLABLE,
    OWNED,
    PASSWORD_FILE,
    SETTINGS,
    TLS,
    Setting,
    is_own_name,
    line_of,
)
from .parameters import Layers, Params, merge

# A check returns what the value should be where it is wrong, else "".
Check = Callable[[Any], str]

BROKER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:,\[\]]+)(:(?P<port>[0-9]{1,5}))?")
TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")  # Kafka's own rule
# What holds passwords and keys, or may: no message repeats it. And where the value itself is one.
SECRET_VALUE = re.compile(r"(?!.*(file|location)$).*(password|secret|[._]pem|_data)|key")
SECRET = re.compile(r"crypto|tls|type_spec|.*(password|secret|oauthbearer|[._]pem|_data).*")


def _shown(key: str, value: Any) -> str:
    return "what is there" if SECRET.fullmatch(key) else repr(value)


def _is_file(name: Any) -> bool:
    try:
        return Path(str(name)).is_file()
    except OSError:  # a folder that is closed, or a name of any length
        return False


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
_mapping = _a("a mapping, or variables with `__` before each of its parameters", dict)
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
    "value_type": _one_of("byte_array", "image", "text"),  # pictures travel as bytes all the same
}

# The layers of those that have some, as SINETStream 1.10's source reads them.
LAYERS: dict[Layers, dict[str, Check]] = {
    ("compression",): {
        "algorithm": _one_of("gzip", "zstd"),
        "gzip": _mapping,
        "level": _whole,
        "zstd": _mapping,
    },
    ("crypto",): {
        "_keys": _mapping,
        "algorithm": _one_of("AES"),
        "key": _a("the bytes of a key", bytes),
        "key_derivation": _mapping,
        "key_length": _one_of(128, 192, 256),
        "mode": _one_of("CBC", "CFB", "CTR", "EAX", "GCM", "OFB", "OPENPGP", "OPENPGPCFB"),
        "padding": _one_of(None, "none", "NoPadding", "pkcs7"),
        "password": _a("a text, or made of value or path", str, dict),
    },
    ("crypto", "key_derivation"): {
        "algorithm": _one_of("pbkdf2", "PBKDF2WithHmacSHA256"),
        "iteration": _whole,
        "prf": _one_of("HMAC-SHA256", "HMAC-SHA384", "HMAC-SHA512"),
        "salt_bytes": _whole,
    },
    ("crypto", "password"): {"path": _text, "value": _text},
    ("tls",): {
        name + suffix: _boolean if name == "check_hostname" else _text
        for name in TLS
        for suffix in ("", "_data")
    },
}

# Parameters that name files; the Kafka client would take a missing one for a broker that is away.
FILES: tuple[Layers, ...] = (
    *(("tls", key) for key in ("ca_certs", "certfile", "keyfile")),
    *(("type_spec", key) for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile")),
)


def _whole_text(name: Any) -> str:
    """Return what a file holds, a last newline too: SINETStream takes all of it for the password.

    Raises OSError, or ValueError where that is nothing.
    """
    text = Path(str(name)).read_text(encoding="utf-8")
    if not text:
        raise ValueError("is empty")
    return text


# Those that hold a password, and what takes it out: what is wrong with one is said at the start.
SECRET_FILES: dict[Layers, Callable[[Any], str]] = {
    ("type_spec", PASSWORD_FILE): line_of,
    ("crypto", "password", "path"): _whole_text,
}

_KAFKA_CHECKS: dict[str, Check] = {
    "boolean": _boolean,
    "file": _a("a file's path", str),
    "whole": _whole,
    "number": _number,
    "text": _text,
    "names": _a("a name, or a list of names", str, list),
}


def kafka_check(setting: Setting) -> Check:
    """Return the check for a setting of the Kafka client."""
    if isinstance(setting.kind, tuple):
        return _one_of(*setting.kind)
    return lambda value: "" if value is None else _KAFKA_CHECKS[setting.kind](value)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ", did you mean X?" for the most similar of `names`, or ""."""
    close = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return f", did you mean {close[0]}?" if close else ""


def lift_kafka_settings(params: Params) -> Params:
    """Return `params` with the Kafka client's settings of the first layer under `type_spec`.

    The manual's `SSSRC_GROUP_ID` is from before SINETStream's third configuration format, which
    keeps them apart.
    """
    lifted = {
        key: value
        for key, value in params.items()
        if (key in SETTINGS or is_own_name(key)) and key not in PARAMETERS
    }
    rest = {key: value for key, value in params.items() if key not in lifted}
    spec = rest.get("type_spec", {})
    if not lifted or not isinstance(spec, dict):
        return rest
    return rest | {"type_spec": merge(lifted, spec)}


def check(params: Params, named: Callable[[Layers], str]) -> list[str]:
    """Return what is wrong with a service, a line each; `named` names a parameter for its user."""
    problems = [*missing(params, named), *check_parameters(params, named)]
    problems += [
        f"{named(path)}: there is no file {value!r}"
        for path in FILES
        if (value := _at(params, path)) is not None and not _is_file(value)
    ]
    return problems + [
        f"{named(path)}: {problem}"
        for path, read in SECRET_FILES.items()
        if (value := _at(params, path)) is not None
        and (problem := _secret_file_problem(value, read))
    ]


def secrets(params: Params) -> set[str]:
    """Return the passwords and keys in a service's parameters, and in the files that they name."""
    found = set()
    for path, read in SECRET_FILES.items():
        with contextlib.suppress(OSError, ValueError):
            found.add(read(_at(params, path)).strip())
    for key, value in params.items():
        if isinstance(value, dict):
            found |= secrets(value)
        elif isinstance(value, (str, bytes)) and SECRET_VALUE.fullmatch(str(key)):
            found.add(value if isinstance(value, str) else value.hex())
    crypto = params.get("crypto")
    password = crypto.get("password") if isinstance(crypto, dict) else None
    value = password.get("value") if isinstance(password, dict) else None
    return found | ({value} if isinstance(value, str) else set())


def _at(params: Params, path: Layers) -> Any:
    """Return the value at a place, None where there is none."""
    return _layer(params, path[:-1]).get(path[-1])


def _secret_file_problem(name: Any, read: Callable[[Any], str]) -> str:
    """Return what is wrong with a file that should hold a password, or "".

    Where a file to mount is missing on the host, Docker makes a folder of its name.
    """
    shown = repr(name)
    try:
        if Path(str(name)).is_dir():
            return f"{shown} is a folder, and should be a file with the password: it was missing"
        read(name)
    except FileNotFoundError:
        return f"there is no file {shown}; it should hold the password"
    except OSError as error:
        return f"{shown} cannot be read ({error.strerror}): it should be this user's to read"
    except ValueError as error:
        what = "is no text in UTF-8" if isinstance(error, UnicodeError) else str(error)
        return f"{shown} {what}; it should hold the password, a line of text"
    return ""


def missing(params: Params, named: Callable[[Layers], str]) -> list[str]:
    """Return which parameters a service lacks, a line each."""
    return [
        f"{named((key,))}: missing; it should be {PARAMETERS[key](None)}"
        for key in ("brokers", "topic")
        if key not in params and not (key == "topic" and "topics" in params)
    ]


def check_parameters(params: Params, named: Callable[[Layers], str]) -> list[str]:
    """Return what is wrong with those parameters that are there, wherever they are to be used."""
    found = {(key,): _parameter_problem(key, value) for key, value in params.items()}
    for layers, checks in LAYERS.items():
        for key, value in _layer(params, layers).items():
            found[(*layers, str(key))] = _inner_problem(layers, str(key), value, checks)
    for key, value in _layer(params, ("type_spec",)).items():
        found[("type_spec", str(key))] = _kafka_problem(str(key), value)
    return [f"{named(path)}: {problem}" for path, problem in found.items() if problem]


def _layer(params: Params, layers: Layers) -> Params:
    """Return the mapping at a place, an empty one where there is none."""
    inner: Any = params
    for key in layers:
        inner = inner.get(key) if isinstance(inner, dict) else None
    return inner if isinstance(inner, dict) else {}


def _parameter_problem(key: str, value: Any) -> str:
    if key not in PARAMETERS and (key in SETTINGS or is_own_name(str(key))):
        return f"{key} is the Kafka client's: write it into type_spec"
    if key not in PARAMETERS:
        hint = nearest(str(key), PARAMETERS.keys() | SETTINGS.keys())
        return f"SINETStream has no parameter {key}{hint}"
    should = PARAMETERS[key](value)
    return f"{_shown(key, value)} should be {should}" if should else ""


def _inner_problem(layers: Layers, key: str, value: Any, checks: dict[str, Check]) -> str:
    if key not in checks:
        return f"SINETStream's {layers[-1]} has no {key}{nearest(key, checks)}"
    should = checks[key](value)
    return f"{_shown(layers[0], value)} should be {should}" if should else ""


def _kafka_problem(key: str, value: Any) -> str:
    """Return what is wrong with a setting of the Kafka client, by either of its names; or ""."""
    if is_own_name(key):
        if key in OWNED:
            return f"{key} is not to be set: {OWNED[key]}"
        if key not in librdkafka.PROPERTIES:
            return f"the Kafka client has no setting {key}{nearest(key, librdkafka.PROPERTIES)}"
        should = librdkafka.should_be(key, value)
        return f"{_shown(key, value)} should be {should}" if should else ""
    if key not in SETTINGS:
        return f"the Kafka client has no setting {key}{nearest(key, SETTINGS)}"
    setting = SETTINGS[key]
    if not setting.name:
        return f"librdkafka, the Kafka client, has no {key}: {setting.instead}"
    should = kafka_check(setting)(value)
    if not should and setting.kind != "file" and (value is not None or key in NULLABLE):
        should = librdkafka.should_be(setting.name, setting.value(value))
    return f"{_shown(key, value)} should be {should}" if should else ""


def topics(params: Mapping[str, Any]) -> set[str]:
    """Return the topics that a service reads or writes."""
    named = params.get("topics", params.get("topic", []))
    return set(named if isinstance(named, list) else [named])
