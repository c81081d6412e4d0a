"""Properties of Kafka's broker and topics, by the table that scripts/tables.py makes of Kafka."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .specs import in_plain_numbers
from .types import nearest
from .values import plain_values

TABLE = json.loads((Path(__file__).parent / "tables/kafka.json").read_text())
BROKER: dict[str, dict[str, Any]] = TABLE["broker"]
TOPIC: dict[str, dict[str, Any]] = TABLE["topic"]

NO_TIME = {0: "is no time, and Kafka does not start; write 1 or more, or -1 for no limit"}
# Where Kafka itself checks no more than the type, and then does not start, or serves nobody.
STRICTER: dict[str, dict[str, Any]] = {
    "log.cleaner.dedupe.buffer.size": {"range": [1048577, None]},
    **{f"log.retention.{unit}": {"not": NO_TIME} for unit in ("hours", "minutes", "ms")},
    "max.connections": {"range": [1, None]},
    "zookeeper.session.timeout.ms": {"range": [1, None]},
}
for _name, _about in STRICTER.items():
    BROKER[_name] = BROKER[_name] | _about

WHOLE = {"short": 2**15, "int": 2**31, "long": 2**63}
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?")
SECRET = re.compile(r"password|secret|jaas|credential")
# There is one broker: a second copy has no place to be.
ONE_COPY = re.compile(r"(.*\.)?replication\.factor|(.*\.)?min\.(isr|insync\.replicas)")
# A property for one listener, for some of them for one mechanism of SASL too.
OF_LISTENER = re.compile(
    r"listener\.name\.[^.]+\.((gssapi|oauthbearer|plain|scram-sha-(256|512))\.)?(?P<name>.+)"
)
# What Kafka hands on to its own plugins, and its table does not have.
HANDED_ON = re.compile(
    r"super\.users|allow\.everyone\.if\.no\.acl\.found|authorizer\.zookeeper\..+"
    r"|config\.providers\..+|rsm\.config\..+|rlmm\.config\..+"
)


def whole(value: Any) -> int | None:
    """Return a property's value as the whole number it is, or None."""
    return int(value) if re.fullmatch(r"-?[0-9]+", str(value)) else None


def of_broker(name: str) -> dict[str, Any] | None:
    """Return what is known of a broker's property, nothing of one of a plugin, None if unknown."""
    of_listener = OF_LISTENER.fullmatch(name)
    if HANDED_ON.fullmatch(name):
        return {}
    return BROKER.get(of_listener["name"] if of_listener else name)


def wrong_values(
    said: dict[str, Any],
    known: Callable[[str], dict[str, Any] | None],
    *,
    lists: bool = True,
    property_of: Callable[[str], str] = str,
) -> Iterator[str]:
    """Yield what is wrong with the values that names have, by what is `known` of each.

    `property_of` returns the property behind a name.
    """
    odd = dict(plain_values(said, lists=lists))
    for name, text in odd.items():
        yield f"{name} {text}; write a text, a number, true or false"
    for name, value in said.items():
        about = None if name in odd else known(name)
        if ONE_COPY.fullmatch(property_of(name)) and (whole(value) or 0) > 1:
            yield f"{name}: {value} copies need as many brokers, and there is one; write 1"
        elif about and (text := wrong(property_of(name), about, value)):
            yield f"{name}: {text}"


def wrong(name: str, about: dict[str, Any], value: Any) -> str | None:
    """Return what is wrong with a property's value: a text, a number, a boolean or a list."""
    kind = about.get("type")
    secret = kind == "password" or SECRET.search(name)
    plain = str(value).lower() if isinstance(value, bool) else repr(value)
    shown = "its value" if secret else plain
    text = None
    if kind == "boolean":
        text = None if _is_boolean(value) else "is neither true nor false"
    elif kind in WHOLE or kind == "double":
        text = _wrong_number(name, about, value)
    elif kind:
        text = _wrong_text(about, value)
    return f"{shown} {text}" if text else None


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or value in ("true", "false")


def _wrong_number(name: str, about: dict[str, Any], value: Any) -> str | None:
    kind, choices = about["type"], about.get("values", [])
    text = str(value)
    if not NUMBER.fullmatch(text) or (kind in WHOLE and whole(value) is None):
        meant = in_plain_numbers(name, text)
        what = "a whole number" if kind in WHOLE else "a number"
        return f"is not {what}" + (f"; {meant}" if meant else "")
    number = float(text) if kind == "double" else int(text)
    if text := about.get("not", {}).get(number):
        return text
    least, most = about.get("range", [-1, None])  # -1 says no limit to many
    most = WHOLE.get(kind, 0) - 1 if most is None and kind in WHOLE else most
    if number in choices or (
        (least is None or least <= number) and (most is None or number <= most)
    ):
        return None
    also = "".join(f"; {choice} is allowed too" for choice in choices)
    if least is not None and number < least:
        limit = ", where -1 means no limit" if least == -1 else ""
        return f"is below {least}{limit}{also}"
    return f"is above {most}{also}"


def _wrong_text(about: dict[str, Any], value: Any) -> str | None:
    """Return what is wrong with a text, or with a list, which a text says with commas."""
    is_list = about["type"] == "list"
    entries = value if isinstance(value, list) else str(value).split(",") if is_list else [value]
    choices = about.get("values")
    if isinstance(value, bool) or (isinstance(value, list) and not is_list):
        return "is not a text" + (f"; one of {_listed(choices)} is" if choices else "")
    if about.get("filled") and not str(value).strip("[]"):
        return "is empty"
    strange = [entry for entry in map(str, entries) if choices and entry.strip() not in choices]
    if not strange:
        return None
    none = "has something that is none of" if len(entries) > 1 else "is none of"
    return f"{none} {_listed(choices)}{nearest(strange[0], choices)}"


def _listed(choices: list[str]) -> str:
    short = choices if len(choices) <= 16 else [choices[0], "…", choices[-1]]
    return ", ".join(short)
