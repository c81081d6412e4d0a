"""The line that a program logs every few seconds: what was counted since the one before."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

STATUS_SECONDS = 10.0

log = logging.getLogger(__name__)


class StatusLine:
    """Says how it goes."""

    def __init__(
        self,
        counts: Callable[[], Mapping[str, float]],
        line: Callable[[Mapping[str, float], float], str],
    ) -> None:
        """Start counting.

        Args:
            counts: returns the counters' values.
            line: returns the words for what was counted in so many seconds.
        """
        self._counts, self._line = counts, line
        self._said, self._before = time.monotonic(), counts()

    def say_now_and_then(self) -> None:
        """Log the line if it is time for it."""
        seconds = time.monotonic() - self._said
        if seconds < STATUS_SECONDS:
            return
        counts = self._counts()
        log.info("%s", self._line({k: counts[k] - self._before[k] for k in counts}, seconds))
        self._said, self._before = time.monotonic(), counts
