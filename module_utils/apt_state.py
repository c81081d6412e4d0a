"""What apt and dpkg know on a host; nothing of it where there is neither."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FIELDS = "${Package} ${db:Status-Want} ${db:Status-Status} ${Version}\n"


def installed(listing: str) -> dict[str, dict]:
    """Return the installed packages of lines of FIELDS: {name: {version, held}}."""
    lines = [line.split() for line in listing.splitlines()]
    return {
        line[0]: {"version": line[3], "held": line[1] == "hold"}
        for line in lines
        if line[2:3] == ["installed"]
    }


def packages(module: Any, names: list[str]) -> dict[str, dict]:
    """Return those of the packages that are installed; a name may be a pattern."""
    program = module.get_bin_path("dpkg-query")
    if not program:
        return {}
    command = [program, "--show", f"--showformat={FIELDS}", *names]
    return installed(module.run_command(command)[1])


def has_lists(root: Path = Path("/")) -> bool:
    """Say whether apt has any lists of packages."""
    return any((root / "var/lib/apt/lists").glob("*_Packages*"))


def recorded(path: str) -> list[str]:
    """Return the packages that a role has noted as its own."""
    return Path(path).read_text().split() if Path(path).exists() else []


def mirrors(root: Path = Path("/")) -> list[dict]:
    """Return where apt takes the component main from: `uri`, `suite` and `signed_by` of each.

    apt refuses two entries of one repository with different keys, so the key has to be known.
    """
    found = []
    folder = root / "etc/apt/sources.list.d"
    for file in [root / "etc/apt/sources.list", *sorted(folder.glob("*.list"))]:
        for line in text(file).splitlines():
            entry = re.fullmatch(r"deb\s+(?:\[(.*?)\]\s*)?(\S+)\s+(\S+)\s+(.*)", line.strip())
            if entry and "main" in entry[4].split():
                key = re.search(r"signed-by=(\S+)", entry[1] or "")
                found.append((entry[2], entry[3], key[1] if key else ""))
    for file in sorted(folder.glob("*.sources")):
        lines = [line for line in text(file).splitlines() if not line.startswith("#")]
        for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
            fields = {
                name.lower(): value.strip()
                for name, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
            }
            if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no":
                found += [
                    (uri, suite, fields.get("signed-by", ""))
                    for uri in fields.get("uris", "").split()
                    for suite in fields.get("suites", "").split()
                    if "main" in fields.get("components", "").split()
                ]
    return [
        {"uri": uri, "suite": suite, "signed_by": key} for uri, suite, key in dict.fromkeys(found)
    ]


def text(path: Path) -> str:
    """Return a file's content without the last line's end; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
