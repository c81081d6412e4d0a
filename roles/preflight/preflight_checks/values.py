"""What single values look like: a check returns what is wrong with one, or None."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .types import shown

Check = Callable[[Any], "str | None"]

HEAP_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Folders of the system: the project's own lies in or beside them, and is not one of them.
SYSTEM_FOLDERS = {
    "/",
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root"),
    *("/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/local", "/var", "/var/lib"),
}
# What the kernel shows as files, where nothing can be kept.
_NO_DISK = re.compile(r"/(proc|sys|dev(?!/shm/))/")
# Kafka's own, which it makes by itself.
_TOPICS_OF_KAFKA = ("__consumer_offsets", "__transaction_state", "__share_group_state")
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


def is_port(text: str) -> bool:
    """Say whether a text is a port's number."""
    return bool(re.fullmatch(r"[0-9]{1,5}", text)) and 0 < int(text) < 65536


def empty_or(check: Check) -> Check:
    """Return a check that lets the empty text pass."""
    return lambda value: None if value == "" else check(value)


def each(check: Check) -> Check:
    """Return a check of every entry of a list, or every value of a mapping."""

    def check_all(value: Any) -> str | None:
        entries = value.values() if isinstance(value, dict) else value
        found = ((entry, check(entry)) for entry in entries)
        return next((f"has {shown(entry)}, which {text}" for entry, text in found if text), None)

    return check_all


def between(low: float, high: float) -> Check:
    """Return a check for numbers in a range, both ends included."""
    return lambda value: None if low <= value <= high else f"is not between {low} and {high}"


def not_empty(value: str) -> str | None:
    """Check that there is something in a text."""
    return None if value.strip() else "is empty"


def ip_address(value: Any) -> str | None:
    """Check that a text is an IP address."""
    return None if address(str(value)) else "is not an IP address, as 192.168.1.100 is"


def is_of_many(found: Any) -> bool:
    """Say whether an address is that of many hosts."""
    return found.is_multicast or str(found) == "255.255.255.255"


def address_of_host(value: str) -> str | None:
    """Check that a text is the IP address of one host."""
    return ip_address(value) or (
        "is an address of many hosts; write that of one" if is_of_many(address(value)) else None
    )


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
        f"means each client itself; {own}": (
            value.lower().split(".")[0] == "localhost" or (found and found.is_loopback)
        ),
        f"is no address that a client can reach; {own}": found
        and (found.is_unspecified or is_of_many(found)),
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
    if value in _TOPICS_OF_KAFKA:
        return "is a topic of Kafka's own; write another name"
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
    if _NO_DISK.match(f"{path}/"):
        return "is not on a disk; write a folder that is"
    return "is a folder of the system; write one of its own" if path in SYSTEM_FOLDERS else None


def folder_here(value: str) -> str | None:
    """Check a folder on the control machine."""
    return None if Path(value).expanduser().is_dir() else "is no folder on this machine"


def file_here(value: str) -> str | None:
    """Check a file on the control machine."""
    return None if Path(value).expanduser().is_file() else "is no file on this machine"


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
    if isinstance(value, str) and value.startswith("["):
        return "is a text; write a list, on a command line -e '{\"openpose_gpus\": [0, 1]}'"
    if not isinstance(value, list) or not value:
        return f"is neither all nor a list of GPUs{remedy}"
    numbers = [
        number
        for number in value
        if isinstance(number, int) and not isinstance(number, bool) and number >= 0
    ]
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
    if address(host.strip("[]")) and is_port(port):
        return None
    return "is not ADDRESS:PORT"


def host_and_port(value: str) -> str | None:
    """Check HOST:PORT, with a path behind it or without."""
    place, _, path = value.partition("/")
    host, _, port = place.rpartition(":")
    if "://" in value:
        return f"is an address with a scheme; write {value.split('://')[1]}"
    plain = path.strip("/").lower().replace(" ", "-")
    if path != plain or value == f"{place}/":
        return f"has a path that no image's name can have; write {place}/{plain}".rstrip("/")
    if _HOST_NAME.fullmatch(host) and is_port(port):
        return image(f"{value}/image") and f"has a path that no image's name can have: {path!r}"
    return "is not HOST:PORT"


def proxy(value: str) -> str | None:
    """Check a proxy's address."""
    found = re.fullmatch(r"(https?|socks5h?)://([^@/\s]+@)?[^:/@\s]+(:(?P<port>[^:/@]+))?/?", value)
    if found and is_port(found["port"] or "80"):
        return None
    if value.count("@") > 1 or re.search(r"/.*@", value.partition("://")[2]):
        return "has a user or a password with @ or / in it; write %40 for @ and %2F for /"
    # It may hold a password: not repeated here.
    return "is not http://HOST:PORT"


def web_address(value: str) -> str | None:
    """Check an http address."""
    found = re.fullmatch(
        r"https?://([^/@\s]+@)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[^/\s]*))?(/\S*)?", str(value)
    )
    return None if found and is_port(found["port"] or "80") else "is not an http address"


def mirrors(value: list[str]) -> str | None:
    """Check mirrors of Docker Hub by dockerd's own rule."""
    if any("@" in entry for entry in value):  # it may hold a password: not repeated here
        return "has an address with a user in it, which dockerd refuses; leave the user out"
    odd = "has a query in it, which dockerd refuses"
    return each(lambda entry: web_address(entry) or (odd if re.search("[?#]", entry) else None))(
        value
    )


def registry(value: str) -> str | None:
    """Check a registry as Docker lists it: HOST, HOST:PORT or a network."""
    if network(value) is None:
        return None
    if re.search(r"://|[/\s]", value):
        return "is more than HOST:PORT"
    found = re.fullmatch(r"(?P<host>\[.+\]|[^:]+)(:(?P<port>.*))?", value)
    host, port = (found["host"], found["port"]) if found else ("", None)
    named = _HOST_NAME.fullmatch(host) or address(host.strip("[]"))
    return None if named and (port is None or is_port(port)) else "is not HOST:PORT"


def host_or_address(value: Any) -> str | None:
    """Check the name or the address of a host."""
    named = _HOST_NAME.fullmatch(str(value)) or address(str(value))
    return None if named else "is neither the name of a host nor an address"


def network(value: str) -> str | None:
    """Check a network, of which any address may be said."""
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return "is not a network, as 10.210.0.0/16 is"
    return None if "/" in value else "is an address; write its network, as 10.210.0.0/16"


def no_proxy(value: str) -> str | None:
    """Check the hosts, domains and networks that are reached without a proxy."""
    entries = [entry.strip() for entry in value.split(",")]
    odd = [entry for entry in entries if not re.fullmatch(r"[\w.*:\[\]-]*(/\d{1,3})?", entry)]
    if not odd:
        return None
    return f"has {odd[0]!r}, which is no host, domain or network; put commas between them"


def extra_hosts(value: dict[str, Any]) -> str | None:
    """Check names that a container is told, with their addresses."""
    odd = [name for name in value if not _HOST_NAME.fullmatch(str(name))]
    return f"has {odd[0]!r}, which is not the name of a host" if odd else each(ip_address)(value)


def arguments(value: dict[str, Any]) -> str | None:
    """Check the arguments of a build."""
    odd = plain_values(value, lists=False)
    return next((f"has {name}, which {text}; write a text" for name, text in odd), None)


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
