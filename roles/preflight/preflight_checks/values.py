"""What single values look like: a check returns what is wrong with one, or None."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Check = Callable[[Any], "str | None"]

HEAP_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Folders of the system: the project's own lies in or beside them, and is not one of them.
SYSTEM_FOLDERS = {
    "/",
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root"),
    *("/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/local", "/var", "/var/lib"),
}
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_IMAGE = re.compile(
    r"([A-Za-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text is, or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def matches(pattern: str, otherwise: str) -> Check:
    """Return a check for texts of one form."""
    form = re.compile(pattern)
    return lambda value: None if form.fullmatch(str(value)) else otherwise


def empty_or(check: Check) -> Check:
    """Return a check that lets the empty text pass."""
    return lambda value: None if value == "" else check(value)


def each(check: Check) -> Check:
    """Return a check of every entry of a list, or every value of a mapping."""

    def check_all(value: Any) -> str | None:
        entries = value.values() if isinstance(value, dict) else value
        found = ((entry, check(entry)) for entry in entries)
        return next((f"has {entry!r}, which {text}" for entry, text in found if text), None)

    return check_all


def between(low: float, high: float) -> Check:
    """Return a check for numbers in a range, both ends included."""
    return lambda value: None if low <= value <= high else f"is not between {low} and {high}"


def not_empty(value: str) -> str | None:
    """Check that there is something in a text."""
    return None if value.strip() else "is empty"


def ip_address(value: str) -> str | None:
    """Check that a text is an IP address."""
    return None if address(str(value)) else "is not an IP address, as 192.168.1.100 is"


def broker_name(value: str) -> str | None:
    """Check the name that clients reach the broker by."""
    found = address(value)
    alone = value.rsplit("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].split(":", maxsplit=1)[0]
    own = "write the Kafka host's own name or address"
    wrong = {
        "is empty; write the name or the address of the Kafka host, as kafka.example.org": (
            not value.strip()
        ),
        f"is more than a name; write {alone} alone, the port is broker_port": (
            "://" in value or re.fullmatch(r"[^:]+:\d+", value)
        ),
        f"means each client itself; {own}": (value == "localhost" or (found and found.is_loopback)),
        f"is no address that a client can reach; {own}": found and found.is_unspecified,
        "is an IPv6 address, which its clients cannot be told; write a name or an IPv4 address": (
            found and found.version == 6
        ),
        "is neither a name nor an IP address": not found and re.fullmatch(r"[\d.]+", value),
        "is not the name of a host; letters, digits, hyphens and dots make one": (
            not found and not (len(value) <= 253 and _HOST_NAME.fullmatch(value))
        ),
    }
    return next((text for text, is_so in wrong.items() if is_so), None)


def topic_name(value: str) -> str | None:
    """Check a topic's name by Kafka's own rule."""
    if re.fullmatch(r"[A-Za-z0-9._-]{1,249}", value) and value not in (".", ".."):
        return None
    return (
        "is not a topic's name: Kafka allows letters, digits, dots, hyphens and "
        "underscores, 249 at most"
    )


def file(value: str) -> str | None:
    """Check the path of a file on a host."""
    if not value.startswith("/"):
        return "is not an absolute path"
    if odd := re.search(r"[^\w./@%+=, ~-]", value):
        return f"has {odd[0]!r} in it, which Compose or a shell takes for more; write a plain path"
    return "goes back with `..`; write the place itself" if ".." in value.split("/") else None


def folder(value: str) -> str | None:
    """Check a folder that the project makes on a host."""
    if text := file(value):
        return text
    path = "/" + "/".join(part for part in value.split("/") if part)
    return "is a folder of the system; write one of its own" if path in SYSTEM_FOLDERS else None


def folder_here(value: str) -> str | None:
    """Check a folder on the control machine."""
    return None if Path(value).expanduser().is_dir() else "is no folder on this machine"


def volume(value: str) -> str | None:
    """Check what a container's data lies in: a volume or a folder of the host."""
    if value.startswith("/"):
        return folder(value)
    if VOLUME.fullmatch(value):
        return None
    return "is neither the name of a volume nor an absolute path"


def heap_bytes(text: str) -> int:
    """Return a Java heap in bytes, 0 where it is none."""
    found = re.fullmatch(r"([1-9]\d*)([kmg]?)", text.lower())
    return int(found[1]) * HEAP_UNITS[found[2]] if found else 0


def heap(least: str) -> Check:
    """Return a check for a Java heap of at least so much."""

    def check(value: str) -> str | None:
        if not heap_bytes(value):
            return "is not a Java heap: digits and k, m or g"
        if heap_bytes(value) >= heap_bytes(least):
            return None
        in_mega = value.isdigit() and heap_bytes(f"{value}m") >= heap_bytes(least)
        meant = f"; write {value}m" if in_mega else ""
        return f"is less than {least}, with which it cannot work{meant}"

    return check


def net_resolution(value: str) -> str | None:
    """Check OpenPose's net_resolution."""
    sides = re.fullmatch(r"(-1|\d+)x(-1|\d+)", value)
    given = [int(side) for side in sides.groups() if side != "-1"] if sides else []
    if given and all(side and side % 16 == 0 for side in given):
        return None
    return "is not WIDTHxHEIGHT, each a multiple of 16, or one of them -1 to follow the picture's"


def square_resolution(value: str) -> str | None:
    """Check OpenPose's net_resolution of faces and hands."""
    sides = re.fullmatch(r"(\d+)x\1", value)
    if sides and int(sides[1]) and int(sides[1]) % 16 == 0:
        return None
    return "is not WIDTHxHEIGHT, both the same multiple of 16"


def gpu_choice(value: Any) -> str | None:
    """Check which GPUs get a worker."""
    if value == "all":
        return None
    remedy = "; write all, or a list of their numbers, for example [0, 1]"
    if not isinstance(value, list) or not value:
        return f"is neither all nor a list of GPUs{remedy}"
    numbers = [number for number in value if isinstance(number, int) and number >= 0]
    if len(numbers) != len(value):
        return f"has something that is no number of a GPU{remedy}"
    return f"has a GPU twice{remedy}" if len(set(numbers)) != len(numbers) else None


def source_archive(value: str) -> str | None:
    """Check where a source comes from: an address, or a file on the control machine."""
    if web_address(value) is None or Path(value).expanduser().is_file():
        return None
    return "is neither an http address nor a file on this machine"


def address_and_port(value: str) -> str | None:
    """Check ADDRESS:PORT of the host."""
    host, _, port = value.rpartition(":")
    if address(host.strip("[]")) and port.isdigit() and 0 < int(port) < 65536:
        return None
    return "is not ADDRESS:PORT"


def host_and_port(value: str) -> str | None:
    """Check HOST:PORT, with a path behind it or without."""
    host, _, port = value.split("/", maxsplit=1)[0].rpartition(":")
    if "://" in value:
        return f"is an address with a scheme; write {value.split('://')[1]}"
    if _HOST_NAME.fullmatch(host) and port.isdigit() and 0 < int(port) < 65536:
        return None
    return "is not HOST:PORT"


def proxy(value: str) -> str | None:
    """Check a proxy's address."""
    if re.fullmatch(r"(https?|socks5h?)://([^@/\s]+@)?[^:/@\s]+(:\d{1,5})?/?", value):
        return None
    if value.count("@") > 1 or re.search(r"/.*@", value.partition("://")[2]):
        return "has a user or a password with @ or / in it; write %40 for @ and %2F for /"
    # It may hold a password: not repeated here.
    return "is not http://HOST:PORT"


def web_address(value: str) -> str | None:
    """Check an http address."""
    return (
        None if re.fullmatch(r"https?://[^/\s]+(/\S*)?", str(value)) else "is not an http address"
    )


def registry(value: str) -> str | None:
    """Check a registry as Docker lists it: HOST, HOST:PORT or a network."""
    return "is more than HOST:PORT" if "://" in value or " " in value else None


def address_pool(pool: dict[str, Any]) -> str | None:
    """Check a network that others are cut out of."""
    try:
        base = ipaddress.ip_network(pool["base"])
    except ValueError:
        return "has no network as its base; for example {base: 10.210.0.0/16, size: 24}"
    if not base.prefixlen <= pool["size"] <= base.max_prefixlen - 2:
        return "is too small to be cut; for example {base: 10.210.0.0/16, size: 24}"
    return None


def image(value: str) -> str | None:
    """Check the name of a container image."""
    if _IMAGE.fullmatch(value):
        return None
    return "is not an image's name: small letters and digits, and a tag after a colon"


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return "; did you mean X?" for the most similar of `names`, or ""."""
    near = difflib.get_close_matches(name, names, 1, cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def plain_values(pairs: dict[str, Any], *, lists: bool) -> Iterable[tuple[str, str]]:
    """Yield the names whose value is not a text, a number or a boolean, and what it is instead."""
    for name, value in pairs.items():
        if value is None:
            yield str(name), "has no value"
        elif isinstance(value, dict):
            yield str(name), "is a mapping"
        elif isinstance(value, (list, tuple)):
            if not lists:
                yield str(name), "is a list"
            elif any(isinstance(entry, (list, dict)) or entry is None for entry in value):
                yield str(name), "is a list of lists or mappings"
