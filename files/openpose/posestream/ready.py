"""A command's sign of life, for the health check of its container: a file, so that it is cheap."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

SIGN = Path(tempfile.gettempdir()) / "posestream.ready"
FRESH_SECONDS = 4.0  # a sign older than this is none; commands at work renew theirs each second


def show_ready(ready: bool) -> None:
    """Renew the sign of life of this container, or take it away."""
    if ready:
        SIGN.touch()
    else:
        with contextlib.suppress(FileNotFoundError):
            SIGN.unlink()


def is_ready() -> bool:
    """Say whether the process of this container has called itself ready lately."""
    try:
        return time.time() - SIGN.stat().st_mtime < FRESH_SECONDS
    except FileNotFoundError:
        return False
