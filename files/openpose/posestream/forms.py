"""What a setting may be: each takes a text and returns the value that it says.

Where it says none, they raise ValueError with what it should be, as the end of a sentence.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return what takes a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if re.fullmatch(r"[+-]?\d+", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"a whole number from {low} to {high}")

    return parse


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """Return what takes a number from `low` to `high`."""
    span = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if low <= number <= high and math.isfinite(number):
            return number
        raise ValueError(f"a number {span}")

    return parse


def net_resolution(text: str) -> tuple[int, int]:
    """Take OpenPose's net_resolution: (width, height) in pixels, -1 for the picture's shape."""
    match = re.fullmatch(r"(-1|\d+)x(-1|\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if size != (-1, -1) and all(side == -1 or (side > 0 and side % 16 == 0) for side in size):
        return size
    raise ValueError("WIDTHxHEIGHT, each a multiple of 16, one of them -1 to follow the picture's")


def square(text: str) -> tuple[int, int]:
    """Take the size of a square net: (width, height) in pixels."""
    match = re.fullmatch(r"(\d+)x\1", text)
    if match and int(match[1]) > 0 and int(match[1]) % 16 == 0:
        return int(match[1]), int(match[1])
    raise ValueError("WIDTHxHEIGHT, both the same multiple of 16")


def boolean(text: str) -> bool:
    """Take yes or no."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() in words:
        return words[text.lower()]
    raise ValueError("true or false")


def folder(text: str) -> str:
    """Take the absolute path of a folder."""
    if text.startswith("/"):
        return text
    raise ValueError("the absolute path of a folder")


def name(text: str) -> str:
    """Take a name, of a camera for example."""
    if text.isprintable() and len(text.encode()) <= 200:
        return text
    raise ValueError("a name of at most 200 bytes")


def instance(text: str) -> str:
    """Take a name in a consumer group: Kafka's group.instance.id."""
    if re.fullmatch(r"[A-Za-z0-9._-]{0,249}", text):
        return text
    raise ValueError(
        "made of at most 249 letters, digits, dots, underscores and hyphens, as gpu01-openpose"
    )


def ip_address(text: str) -> str:
    """Take an IP address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("an IP address of this machine's") from None


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what takes one of these."""

    def parse(text: str) -> str:
        if text in choices:
            return text
        raise ValueError("one of " + ", ".join(filter(None, choices)))

    return parse


port = integer(1, 65535)

_ADDRESS = re.compile(r"(rtsps?|https?)://", re.IGNORECASE)
# Up to the host, what may be a name and a password; behind the path, what may be one, too.
_SECRETS = re.compile(r"(\w+://)(?:[^\s'\"]*@)?([^\s?'\"]*)(\?[^\s'\"]*)?")


def redacted(text: str) -> str:
    """Return a text without what may be secret in the addresses in it."""
    return _SECRETS.sub(lambda found: found[1] + found[2] + ("?…" if found[3] else ""), text)


def is_address(source: str) -> bool:
    """Say whether a camera's source is a network's: rtsp://…, rtsps://…, http://…, https://…."""
    return _ADDRESS.match(source) is not None


def is_device(source: str) -> bool:
    """Say whether a camera's source is a V4L2 device: /dev/video0."""
    return source.startswith("/dev/")


def is_picamera(source: str) -> bool:
    """Say whether a camera's source is a Raspberry Pi's own: picamera, picamera:1."""
    return re.fullmatch(r"picamera(:\d+)?", source) is not None


def kind_of(source: str) -> str:
    """Return what a source is: "picamera", "device", "file" (or a folder) or "address"."""
    kinds = {"picamera": is_picamera, "device": is_device, "address": is_address}
    return next((kind for kind, is_so in kinds.items() if is_so(source)), "file")


def source(text: str) -> str:
    """Take what a camera's pictures come from."""
    if is_picamera(text) or text.startswith("/"):
        return text
    if is_address(text):
        # Throws on a port that is none, on brackets that do not close.
        try:
            parts = urlsplit(text)
            if parts.hostname and parts.port != 0:
                return text
        except ValueError:
            pass
    raise ValueError(
        "a device as /dev/video0, picamera or picamera:1, an address as rtsp://camera.example/live "
        "or http://camera.example/video.mjpg, or the absolute path of a video or of a folder of "
        "pictures"
    )


def size(text: str) -> tuple[int, int] | None:
    """Take a picture's size in pixels, (width, height); None for its own."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match and all(16 <= int(side) <= 16384 for side in match.groups()):
        return int(match[1]), int(match[2])
    raise ValueError("WIDTHxHEIGHT in pixels, as 1280x720, each from 16 to 16384")


def v4l2_format(text: str) -> str:
    """Take a device's format by its name in FFmpeg; empty for the device's own."""
    if re.fullmatch(r"[a-z0-9_]*", text.lower()):
        return text.lower()
    raise ValueError("a format of the device's, as mjpeg, yuyv or h264")


def secret(least: int) -> Callable[[str], str]:
    """Return what takes a password of at least so many characters, or none."""

    def parse(text: str) -> str:
        if not text or (least <= len(text) <= 1000 and text.isprintable() and text == text.strip()):
            return text
        raise ValueError(f"of at least {least} characters, on one line and without spaces around")

    return parse


def file(text: str) -> str:
    """Take the absolute path of a file, or none."""
    if not text or text.startswith("/"):
        return text
    raise ValueError("the absolute path of a file")


def hosts(text: str) -> tuple[str, ...]:
    """Take names and addresses with commas."""
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    if all(
        re.fullmatch(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*)|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?", host)
        for host in hosts
    ):
        return hosts
    raise ValueError("names and addresses with commas, as viewer.example.org,192.0.2.10")


def address(text: str) -> str:
    """Take an address of http or https, or none."""
    if not text or re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        return text
    raise ValueError("an address, as http://192.0.2.10:9090")
