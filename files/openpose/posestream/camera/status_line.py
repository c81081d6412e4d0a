"""The words of a camera's status line."""

from __future__ import annotations

from collections.abc import Mapping

from .metrics import REASONS


def line(counts: Mapping[str, float], seconds: float) -> str:
    """Return how fast frames come and go, and which were dropped, and why, in so many seconds."""
    reasons = [f"{counts[reason]:.0f} {reason}" for reason in REASONS if counts[reason]]
    dropped = sum(counts[reason] for reason in REASONS)
    return (
        f"{counts['captured'] / seconds:.1f} frames/s captured, "
        f"{counts['published'] / seconds:.1f} published, {dropped:.0f} dropped"
        f"{' (' + ', '.join(reasons) + ')' if reasons else ''}"
    )
