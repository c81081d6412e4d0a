"""The cameras of a host, and those of the lab: entries of `cameras` and what they leave out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from .services import Values
from .sources import cameras as program
from .sources import flags, forms
from .types import shown

# The keys of an entry, by the program's settings of the same ends.
KEYS = [name.removeprefix("CAMERA_").lower() for name in flags.TABLE if name.startswith("CAMERA_")]
# What does something with sources of one kind alone, and what it needs.
OF_KIND = {
    "format": ("device", "a device, as /dev/video0"),
    "username": ("address", "an address, as rtsp://camera.example/live"),
    "password": ("address", "an address, as rtsp://camera.example/live"),
}


@dataclass(frozen=True)
class Camera:
    """A camera as it will be: an entry, with what it leaves out, and where each is said."""

    number: int
    entry: dict[str, Any]
    said: dict[str, Any]

    def place(self, key: str) -> str:
        """Return what a person calls one of its values."""
        return f"cameras[{self.number}].{key}" if key in self.entry else f"camera_{key}"

    @property
    def kind(self) -> str:
        """The kind of its source: device, picamera, address or file."""
        return forms.kind_of(str(self.said.get("source", "")))


def of(value: Callable[[str], Any]) -> list[Camera]:
    """Return the cameras of a host; `value` gives a variable of it."""
    defaults = {key: value(f"camera_{key}") for key in KEYS}
    entries = value("cameras") or []
    whole = program.whole(
        entries, {key: said for key, said in defaults.items() if said is not None}
    )
    return [
        Camera(number, dict(entry), said)
        for number, (entry, said) in enumerate(zip(entries, whole, strict=True))
    ]


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the cameras of a host that is in `groups`."""
    found = of(values.get)
    for camera in found:
        yield from _wrong(camera)
    if "camera" in groups:
        if values.get("cameras") == []:
            yield (
                "cameras: is empty, and the host is in the group camera; take it out of that, or "
                "leave cameras out"
            )
        for camera in found:
            yield from _useless(camera)
        yield from _of_containers(values, found)
        yield from _twice(found)


def password_in(source: str, prefix: str = "") -> str | None:
    """Say that an address has a password in it, which is not repeated here.

    `prefix` is what the names of the variables to write begin with, where it is no entry.
    """
    if forms.is_address(source) and forms.redacted(source) != source:
        return (
            "has a name or a password in it, which others could read; write "
            f"{forms.redacted(source)}, and {prefix}username: and {prefix}password: beside it"
        )
    return None


def _wrong(camera: Camera) -> Iterator[str]:
    """Yield the values of an entry that the program would not take."""
    for key, value in camera.entry.items():
        place = camera.place(key)
        if key == "source" and (text := password_in(value)):
            yield f"{place}: {text}"
            continue
        if key == "name" and not str(value).strip():
            yield f"{place}: is empty; for example 'street'"
            continue
        about = flags.TABLE[f"CAMERA_{key.upper()}"].metadata
        try:
            about["parse"](str(value))
        except ValueError as error:
            known = "its value" if key == "password" else shown(value)
            yield f"{place}: {known} is not {error}"


def _useless(camera: Camera) -> Iterator[str]:
    """Yield what an entry says that does nothing with its source."""
    for key, (kind, needs) in OF_KIND.items():
        if camera.entry.get(key) and camera.kind != kind:
            yield (
                f"{camera.place(key)}: does nothing with the source {camera.said['source']}; it is "
                f"for {needs}; leave it out"
            )


def _of_containers(values: Values, found: list[Camera]) -> Iterator[str]:
    """Yield what containers cannot read."""
    for camera in found:
        if camera.kind == "picamera" and values.get("camera_runs") == "container":
            yield (
                f"{camera.place('source')}: {camera.said['source']} is out of reach of containers; "
                "write camera_runs: systemd"
            )


def _twice(found: list[Camera]) -> Iterator[str]:
    """Yield names, services and devices that two cameras of the host have."""
    names: dict[str, Camera] = {}
    fit: dict[str, Camera] = {}
    devices: dict[str, Camera] = {}
    for camera in found:
        name, source = str(camera.said.get("name", "")), str(camera.said.get("source", ""))
        first = names.setdefault(name, camera)
        service = program.service_of(camera.entry)
        other = fit.setdefault(service, camera)
        if first is not camera:
            yield (
                f"cameras[{camera.number}].name: {shown(name)} is the name of "
                f"cameras[{first.number}] too, and names are keys of pictures; give each its own"
            )
        elif other is not camera:
            yield (
                f"cameras[{camera.number}].name: {shown(name)} would be the service {service}, as "
                f"{shown(other.said['name'])} of cameras[{other.number}] is; write another name"
            )
        if camera.kind in ("device", "picamera"):
            holder = devices.setdefault(source, camera)
            if holder is not camera:
                yield (
                    f"cameras[{camera.number}].source: {source} is that of "
                    f"cameras[{holder.number}] too, and a device has one reader; leave one out"
                )
