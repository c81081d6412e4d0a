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
BROKER = "/run/broker/"  # where a client of a closed broker finds its files
PASSWORD = "broker-password-"  # and the camera's service: the file in the project's folder


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
    listens: bool = False,
    users: bool = False,
) -> list[dict[str, Any]]:
    """Return for each camera name, service, user, source, kind, environment, metrics' address.

    Args:
        cameras: the entries of the variable `cameras`.
        defaults: what they leave out.
        metrics_bind: ADDRESS:PORT of the first one's metrics; the others' follow.
        listens: whether the program itself listens there, as a unit of systemd; the ports of
            containers are published there.
        users: whether the broker knows each camera by a user of its own.
    """
    address, _, port = metrics_bind.rpartition(":")
    entries = []
    for number, (entry, camera) in enumerate(
        zip(cameras, whole(cameras, defaults), strict=True), int(port)
    ):
        told = {f"CAMERA_{key.upper()}": value for key, value in camera.items()}
        user = user_of(camera["name"])
        if listens:
            told |= {"CAMERA_METRICS_ADDRESS": address.strip("[]"), "CAMERA_METRICS_PORT": number}
        if users:
            told |= {"SS_TYPE_SPEC__SASL_PLAIN_USERNAME": user}
        entries.append(
            {
                "name": camera["name"],
                "service": service_of(entry),
                "user": user,
                "file": file_of(service_of(entry)),
                "source": camera["source"],
                "kind": forms.kind_of(camera["source"]),
                "environment": told,
                "address": address,
                "port": number,
            }
        )
    return entries


def user_of(name: str) -> str:
    """Return the broker's user of a camera."""
    return f"camera-{service_of({'name': name})}"


def camera_services(
    entries: Iterable[Mapping[str, Any]], base: Mapping[str, Any], files: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return Compose's services for entries of `camera_entries`.

    Args:
        entries: the cameras.
        base: what all have.
        files: the names of a closed broker's files in the project's folder.
    """
    return {
        entry["service"]: {
            **base,
            # The last file wins: what the inventory says of the environment goes over the rest.
            "env_file": [entry["file"], ".env"],
            "ports": [f"{entry['address']}:{entry['port']}:{METRICS_PORT}"],
            "labels": {"posestream.name": entry["name"].replace("$", "$$")},
            **_needs(entry["kind"], entry["source"], camera_shown(files, entry["service"])),
        }
        for entry in entries
    }


def camera_shown(files: Iterable[str], service: str) -> list[str]:
    """Return NAME:PATH of the files of a closed broker that a camera is shown.

    Args:
        files: the names of those in the project's folder; of the passwords, the camera's own alone
            is shown.
        service: the camera's, or systemd's %i in its place.
    """
    names = list(files)
    for_all = [name for name in names if not name.startswith(PASSWORD)]
    own = [f"{PASSWORD}{service}:{BROKER}password"] if len(for_all) < len(names) else []
    return [f"{name}:{BROKER}{name.removeprefix('broker-')}" for name in for_all] + own


def _needs(kind: str, source: str, shown: Iterable[str]) -> dict[str, Any]:
    """Return what gives a container its source: a device and its group, or a file of the host.

    Args:
        kind: the source's.
        source: a path, or an address.
        shown: what it is shown beside that, of `camera_shown`.
    """
    mounts = [f"./{mount}:ro" for mount in shown]
    if kind == "file" and source != STREET:
        mounts = [*mounts, f"{source}:{source}:ro"]
    volumes = {"volumes": mounts} if mounts else {}
    if kind == "device":
        return {"devices": [f"{source}:{source}"], "group_add": ["video"], **volumes}
    return volumes


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
            "camera_shown": camera_shown,
            "camera_units": camera_units,
        }
