"""Prometheus's own tool, out of Debian's package: nothing is installed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

TOOL = Path(__file__).parents[1] / ".cache" / "promtool"
PACKAGE, MEMBER = "prometheus", "./usr/bin/promtool"


def path() -> Path:
    """Return where the tool is; fetched when it is first asked for."""
    if TOOL.exists():
        return TOOL
    TOOL.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOL.parent) as work:
        download = ["apt-get", "download", PACKAGE]
        if subprocess.run(download, cwd=work, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update"], capture_output=True, check=True)
            subprocess.run(download, cwd=work, capture_output=True, check=True)
        (package,) = Path(work).glob("*.deb")
        unpack = f"dpkg-deb --fsys-tarfile {package.name} | tar --extract {MEMBER}"
        subprocess.run(unpack, cwd=work, shell=True, check=True)
        Path(work, MEMBER).rename(TOOL)  # at once, where several ask
    return TOOL


def run(*arguments: str, text: str = "") -> str:
    """Run the tool with `text` as its input; AssertionError with what it says where it objects."""
    result = subprocess.run(
        [path(), *arguments], input=text, capture_output=True, text=True, check=False
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    return said
