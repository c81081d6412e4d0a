"""Whether a version is new enough."""

from __future__ import annotations

import re
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load


def parts(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version, for comparing: 26.1.5+dfsg1 is (26, 1, 5)."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"v?([\d.]*)", version)[1])))


def core(version: str, roles: Path) -> list[str]:
    """Return what is wrong with the version of ansible-core on the control machine."""
    meta = yaml_load((roles / "preflight/meta/main.yml").read_text())
    minimum = meta["galaxy_info"]["min_ansible_version"]
    if parts(version) >= parts(minimum):
        return []
    return [
        f"ansible-core: {version} runs here, and {minimum} or newer is needed; "
        "`pip install -r requirements.txt` in a virtual environment has it"
    ]
