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
# Where a client of a closed broker finds its files; a unit of systemd has its own such folder.
BROKER = "/run/broker/"
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
    unit: str = "",
    broker: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return for each camera name, service, user, source, kind, environment, metrics' address.

    Args:
        cameras: the entries of the variable `cameras`.
        defaults: what they leave out.
        metrics_bind: ADDRESS:PORT of the first one's metrics; the others' follow.
        unit: the template of systemd's units, where the program itself listens, without its
            ending; "" for containers, whose ports are published there.
        broker: the variables that name a closed broker's files, as a container has them.
    """
    address, _, port = metrics_bind.rpartition(":")
    entries = []
    for number, (entry, camera) in enumerate(
        zip(cameras, whole(cameras, defaults), strict=True), int(port)
    ):
        listens = {"CAMERA_METRICS_ADDRESS": address.strip("[]"), "CAMERA_METRICS_PORT": number}
        told = {f"CAMERA_{key.upper()}": value for key, value in camera.items()}
        user = user_of(camera["name"])
        folder = f"/run/credentials/{unit}@{service_of(entry)}.service/" if unit else BROKER
        told |= _of_broker(broker or {}, user, folder)
        entries.append(
            {
                "name": camera["name"],
                "service": service_of(entry),
                "user": user,
                "file": file_of(service_of(entry)),
                "source": camera["source"],
                "kind": forms.kind_of(camera["source"]),
                "environment": told | (listens if unit else {}),
                "address": address,
                "port": number,
            }
        )
    return entries


def user_of(name: str) -> str:
    """Return the broker's user of a camera."""
    return f"camera-{service_of({'name': name})}"


def _of_broker(broker: Mapping[str, str], user: str, folder: str) -> dict[str, str]:
    """Return the variables by which a camera gets at a closed broker, whose files lie there."""
    told = {name: path.replace(BROKER, folder) for name, path in broker.items()}
    has_users = any(name.endswith("PASSWORD_FILE") for name in broker)
    return told | ({"SS_TYPE_SPEC__SASL_PLAIN_USERNAME": user} if has_users else {})


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
            **_needs(entry["kind"], entry["source"], _mounts(files, entry["service"])),
        }
        for entry in entries
    }


def _mounts(files: Iterable[str], service: str) -> list[str]:
    """Return the mounts of a closed broker's files: of the passwords the camera's own alone."""
    own = PASSWORD + service
    inner = {
        name: "password" if name == own else name.removeprefix("broker-")
        for name in files
        if name == own or not name.startswith(PASSWORD)
    }
    return [f"./{name}:{BROKER}{place}:ro" for name, place in inner.items()]


def _needs(kind: str, source: str, mounts: list[str]) -> dict[str, Any]:
    """Return what gives a container its source: a device and its group, or a file of the host."""
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
            "camera_units": camera_units,
        }
