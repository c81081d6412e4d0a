"""A command's sign of life, for the health check of its container: a file, so that it is cheap."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

SIGN = Path(tempfile.gettempdir()) / "posestream.ready"
REASON = SIGN.with_suffix(".reason")
FRESH_SECONDS = 4.0  # a sign older than this is none; commands at work renew theirs each second


def show_ready(ready: bool, why: str = "") -> None:
    """Renew the sign of life of this container, or take it away, and note why."""
    if ready:
        SIGN.touch()
    else:
        with contextlib.suppress(FileNotFoundError):
            SIGN.unlink()
        REASON.write_text(why, encoding="utf-8", errors="replace")


def why_not() -> str:
    """Return why the process of this container is not ready, as far as it has said so."""
    try:
        return REASON.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def is_ready() -> bool:
    """Say whether the process of this container has called itself ready lately."""
    try:
        return time.time() - SIGN.stat().st_mtime < FRESH_SECONDS
    except FileNotFoundError:
        return False
