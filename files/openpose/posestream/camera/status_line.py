"""The line that a camera logs every few seconds."""

from __future__ import annotations

import logging
import time

from .metrics import REASONS, Metrics

STATUS_SECONDS = 10.0

log = logging.getLogger(__name__)


class StatusLine:
    """Says how fast frames come and go, and which were dropped, and why."""

    def __init__(self, metrics: Metrics) -> None:
        """Start counting."""
        self._metrics = metrics
        self._said, self._before = time.monotonic(), metrics.counts()

    def say_now_and_then(self) -> None:
        """Log the line if it is time for it."""
        seconds = time.monotonic() - self._said
        if seconds < STATUS_SECONDS:
            return
        counts = self._metrics.counts()
        log.info("%s", line({k: counts[k] - self._before[k] for k in counts}, seconds))
        self._said, self._before = time.monotonic(), counts


def line(counts: dict[str, float], seconds: float) -> str:
    """Return the line for what was counted in so many seconds."""
    reasons = [f"{counts[reason]:.0f} {reason}" for reason in REASONS if counts[reason]]
    dropped = sum(counts[reason] for reason in REASONS)
    return (
        f"{counts['captured'] / seconds:.1f} frames/s captured, "
        f"{counts['published'] / seconds:.1f} published, {dropped:.0f} dropped"
        f"{' (' + ', '.join(reasons) + ')' if reasons else ''}"
    )
