"""A host's cameras: what each is told, and what it needs of the host."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# What a source is, the program says.
sys.path.insert(0, str(Path(__file__).parents[3] / "files/openpose"))
from posestream import forms

STREET = "/usr/share/posestream/video/vtest.avi"  # in the image, and nowhere else
METRICS_PORT = 9195  # inside of a container


def service_of(camera: Mapping[str, Any]) -> str:
    """Return the name of the service of an entry, of characters that Compose and systemd take.

    It is made of the camera's name; one that has none of its own is `camera`. Where letters of
    another script are lost, digits of the name's SHA-256 tell it from others.
    """
    name = camera.get("name", "camera")
    fit = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if name.isascii() and fit:
        return fit
    return f"{fit or 'camera'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def file_of(service: str) -> str:
    """Return the name of the file with a camera's own environment."""
    return f"camera-{service}.env"


def whole(cameras: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]) -> list[dict]:
    """Return the entries of `cameras`, what they leave out by the host's variables."""
    return [{**defaults, **camera} for camera in cameras]


def camera_entries(
    cameras: Sequence[Mapping[str, Any]],
    defaults: Mapping[str, Any],
    metrics_bind: str,
    way: str,
) -> list[dict[str, Any]]:
    """Return for each camera its name, service, source, kind, environment and metrics' address.

    Args:
        cameras: the entries of the variable `cameras`.
        defaults: what they leave out.
        metrics_bind: ADDRESS:PORT of the first one's metrics; the others' follow.
        way: "container", whose port is published there, or "systemd", where the program listens.
    """
    address, _, port = metrics_bind.rpartition(":")
    entries = []
    for number, (entry, camera) in enumerate(
        zip(cameras, whole(cameras, defaults), strict=True), int(port)
    ):
        listens = {"CAMERA_METRICS_ADDRESS": address.strip("[]"), "CAMERA_METRICS_PORT": number}
        told = {f"CAMERA_{key.upper()}": value for key, value in camera.items()}
        entries.append(
            {
                "name": camera["name"],
                "service": service_of(entry),
                "file": file_of(service_of(entry)),
                "source": camera["source"],
                "kind": forms.kind_of(camera["source"]),
                "environment": told | (listens if way == "systemd" else {}),
                "address": address,
                "port": number,
            }
        )
    return entries


def camera_services(
    entries: Iterable[Mapping[str, Any]], base: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return Compose's services for entries of `camera_entries`; `base` is what all have."""
    return {
        entry["service"]: {
            **base,
            # The last file wins: what the inventory says of the environment goes over the rest.
            "env_file": [entry["file"], ".env"],
            "ports": [f"{entry['address']}:{entry['port']}:{METRICS_PORT}"],
            "labels": {"posestream.name": entry["name"].replace("$", "$$")},
            **_needs(entry["kind"], entry["source"]),
        }
        for entry in entries
    }


def _needs(kind: str, source: str) -> dict[str, Any]:
    """Return what gives a container its source: a device and its group, or a file of the host."""
    if kind == "device":
        return {"devices": [f"{source}:{source}"], "group_add": ["video"]}
    if kind == "file" and source != STREET:
        return {"volumes": [f"{source}:{source}:ro"]}
    return {}


def camera_units(
    entries: Iterable[Mapping[str, Any]], unit: str, program: str
) -> dict[str, dict[str, Any]]:
    """Return of each camera `name` and `unit`, and a command that says whether it is `healthy`.

    Args:
        entries: of `camera_entries`.
        unit: the name of the template, as posestream-camera for posestream-camera@.service.
        program: the folder of the virtual environment that it runs from.
    """
    return {
        entry["service"]: {
            "name": entry["name"],
            "unit": f"{unit}@{entry['service']}.service",
            "healthy": [
                *("env", f"TMPDIR=/run/{unit}/{entry['service']}"),
                *(f"{program}/bin/posestream", "healthy"),
            ],
        }
        for entry in entries
    }


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {
            "camera_entries": camera_entries,
            "camera_services": camera_services,
            "camera_units": camera_units,
        }
