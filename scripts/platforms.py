#!/usr/bin/env python3
"""Prints docs/platforms.md: what a host may run, from the files in roles/platform/vars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DRIVERS = ["`nvidia_driver_source`", "platform", "machines", "branches", "modules"]
PLATFORMS = Path(__file__).parents[1] / "roles/platform/vars"
HEAD = """# Platforms

What a host may run. `make docs` writes this page from `roles/platform/vars`, one file for each
platform. To add one is to add a file: what the roles and preflight do on it follows.

Hosts of groups `kafka`, `camera` and `viewer`, and workers on the CPU, may be of each machine that
is named. Workers on a GPU are for x86_64 alone, as ONNX Runtime's packages for CUDA are; the image
with OpenPose itself was built nowhere else.
"""
NOTES = """
- **Raspberry Pi OS** (64 bit) says of itself that it is Debian, and is treated as the Debian
  release that it is made of, but that its cameras run without Docker ([cameras.md](cameras.md)).
  Its form of 32 bit is refused: there is no OpenVINO for it.
- **Debian 12** packages Compose v1 alone. For the time of the installation apt sees the release
  that is named, from the host's own mirrors, and may take Compose from it and nothing else.
- **Docker's repository** is the folder that is named of `download.docker.com/linux/`, or a mirror
  of it (`docker_repository_url`).
- **aarch64** can be tried by `make arm64` in an emulator. The worker's locked wheels, those
  of OpenVINO among them, are all there for it.
- **Ubuntu** needs its component `universe`, which its server images have.
- **A bundle** (`posestream_bundle`) has packages for Debian alone, of the kind of machine that made
  it.
- **NVIDIA's repositories** are by platform and machine (`x86_64`, or `sbsa` for aarch64). From
  branch 590 on their packages for Ubuntu have no branch in their names. Ubuntu's and NVIDIA's
  packages, repositories and keys are as both publish them; they could not be read here.

## Any other platform

Nothing is installed on it, and preflight refuses it, also where Docker was installed by hand: what
works there is for its owner to say, for each host, by `docker_source: none`. The host is then used
as it is, where it has all that is needed: Docker engine 19.03 or newer, Compose 1.27.1 or newer as
a plugin of its client, and Python's module requests; for workers on a GPU also a driver that works,
and NVIDIA's container toolkit.
"""


def read() -> Iterator[dict[str, Any]]:
    """Yield what is known of each platform, without the prefix of the names."""
    for file in sorted(PLATFORMS.glob("*.yml")):
        known = yaml.safe_load(file.read_text())
        if known["platform_name"]:
            yield {name.removeprefix("platform_"): value for name, value in known.items()}


def table(*rows: list[str]) -> str:
    """Return a table; the first row is its head."""
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(names: list[str]) -> str:
    """Return names as code."""
    return ", ".join(f"`{name}`" for name in names)


def docker(platform: dict[str, Any]) -> list[str]:
    """Return the row of a platform in the table of Docker's packages."""
    known = platform["docker"]
    newer = f" of {known['compose_release']}" if known["compose_release"] else ""
    return [
        platform["name"],
        code(known["engine"]),
        code(known["compose"]) + newer,
        f"`{known['repository']}`, `{platform['release']}`",
    ]


def driver(platform: dict[str, Any], source: str) -> list[str]:
    """Return the row of a platform in the table of NVIDIA's drivers."""
    known = platform["nvidia"][source]
    later = f", or any from {known['any_branch_from']}" if "any_branch_from" in known else ""
    signed = "built and signed by the distribution" if known["signed"] else "built on the host"
    place = f"`{known['repository']}`, " if "repository" in known else ""
    return [
        f"`{source}`",
        platform["name"],
        place + ", ".join(known["machines"]),
        ", ".join(known["branches"]) + later,
        f"{' or '.join(known['modules'])}, {signed}",
    ]


def page() -> str:
    """Return the whole page."""
    known = list(read())
    tried = [[each["name"], ", ".join(each["machines"]), each["tried"]] for each in known]
    drivers = [driver(each, source) for source in ("distribution", "nvidia") for each in known]
    return "\n".join(
        [
            HEAD,
            table(["platform", "machines", "how far it was tried"], *tried),
            "## Docker and Compose\n",
            table(
                ["platform", "engine", "Compose", "in Docker's repository: folder, suite"],
                *map(docker, known),
            ),
            "## NVIDIA's driver\n",
            "The first branch is taken where `nvidia_driver_branch` is empty.\n",
            table(DRIVERS, *drivers) + NOTES,
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
