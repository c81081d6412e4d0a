"""Whether a version is new enough."""

from __future__ import annotations

import re


def parts(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version, for comparing: 26.1.5+dfsg1 is (26, 1, 5)."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"v?([\d.]*)", version)[1])))


def core(version: str, minimum: str) -> list[str]:
    """Return what is wrong with the version of ansible-core on the control machine."""
    if parts(version) >= parts(minimum):
        return []
    return [
        f"ansible-core: {version} runs here, and {minimum} or newer is needed; "
        "`pip install -r requirements.txt` in a virtual environment has it"
    ]
