"""The line that a worker logs every few seconds."""

from __future__ import annotations

import logging
import time

from ..metrics import Metrics

STATUS_SECONDS = 10.0

log = logging.getLogger(__name__)


class StatusLine:
    """Says how fast frames come and go, and how old they are."""

    def __init__(self, metrics: Metrics) -> None:
        """Start counting."""
        self._metrics = metrics
        self._said, self._before = time.monotonic(), self._counts()

    def _counts(self) -> tuple[float, float, float]:
        metrics = self._metrics
        return (
            metrics.total("posestream_frames_received"),
            metrics.total("posestream_frames_processed"),
            metrics.total("posestream_frames_skipped"),
        )

    def say_now_and_then(self) -> None:
        """Log the line if it is time for it."""
        seconds = time.monotonic() - self._said
        if seconds < STATUS_SECONDS:
            return
        counts = self._counts()
        read, stored, skipped = (
            now - before for now, before in zip(counts, self._before, strict=True)
        )
        age = self._metrics.value("posestream_newest_result_age_seconds")
        people = self._metrics.value("posestream_people")
        newest = f"newest result {age:.2f} s after its capture, {people:.0f} people"
        log.info(
            "%.1f frames/s in, %.1f out, %d skipped; %s",
            read / seconds,
            stored / seconds,
            skipped,
            newest if stored else "no new result",
        )
        self._said, self._before = time.monotonic(), counts
