"""Prometheus's own tool, out of Debian's package: nothing is installed."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

TOOL = Path(__file__).parents[1] / ".cache" / "promtool"
PACKAGE, MEMBER = "prometheus", "./usr/bin/promtool"
TRIES, TRY_SECONDS = 20, 10


def path() -> Path:
    """Return where the tool is; fetched when it is first asked for."""
    if TOOL.exists():
        return TOOL
    TOOL.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOL.parent) as work:
        download(Path(work))
        (package,) = Path(work).glob("*.deb")
        unpack = f"dpkg-deb --fsys-tarfile {package.name} | tar --extract {MEMBER}"
        subprocess.run(unpack, cwd=work, shell=True, check=True)
        Path(work, MEMBER).rename(TOOL)  # at once, where several ask
    return TOOL


def download(folder: Path) -> None:
    """Download the package; another apt, as of `make prepare`, is waited for."""
    fetch, update = ["apt-get", "download", PACKAGE], ["apt-get", "update"]
    for left in reversed(range(TRIES)):
        if not subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
            return
        said = subprocess.run(update, capture_output=True, text=True, check=False)
        assert left or not said.returncode, said.stderr
        time.sleep(TRY_SECONDS if said.returncode else 0)
    raise AssertionError(f"apt-get finds no package {PACKAGE}")


def run(*arguments: str, text: str = "") -> str:
    """Run the tool with `text` as its input; AssertionError with what it says where it objects."""
    result = subprocess.run(
        [path(), *arguments], input=text, capture_output=True, text=True, check=False
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    return said
