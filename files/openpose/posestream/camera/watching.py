"""Watching a source: opened, read, and opened anew where it goes away or stands still."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from ..forms import redacted
from ..logs import Outage
from ..watchdog import Watchdog
from .backlog import Backlog
from .metrics import Metrics
from .rate import Rate
from .sources import Source, SourceError
from .sources.stream import OPEN_SECONDS, SILENT_SECONDS

PAUSE_SECONDS = 1.0  # before a source is opened anew; twice as long each time, ...
PAUSE_MAX_SECONDS = 30.0  # ... until it has given pictures for this long
# FFmpeg gives up by itself before; what hangs in a driver for so long ends the process.
HANGING_SECONDS = OPEN_SECONDS + SILENT_SECONDS + 5.0
OPENING_SECONDS = 120.0  # a name server that is silent is asked for half a minute, several times

log = logging.getLogger(__name__)


class Watch:
    """Reads a source in a thread of its own, for ever."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        backlog: Backlog,
        rate: Rate,
        metrics: Metrics,
        watchdog: Watchdog,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            open_source: returns the source, or raises SourceError.
            backlog: takes what comes.
            rate: says which pictures are wanted.
            metrics: counts them.
            watchdog: ends the process where a driver hangs.
        """
        self._open_source, self._backlog, self._rate = open_source, backlog, rate
        self._metrics, self._watchdog = metrics, watchdog
        self._outage = Outage(log, what="the source")
        self._anew, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)
        self._last = -math.inf
        self.live = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def open_anew(self) -> None:
        """Have the source opened anew, when it gives its next picture."""
        self._anew.set()

    def close(self) -> None:
        """Read no more; what is being waited for is not interrupted."""
        self._ending.set()
        self._anew.set()

    @property
    def up(self) -> bool:
        """Whether pictures come."""
        return time.monotonic() - self._last < SILENT_SECONDS

    def _run(self) -> None:
        pause, opened = PAUSE_SECONDS, False
        while not self._ending.is_set():
            begun = time.monotonic()
            try:
                with self._watchdog.doing("opening the source", OPENING_SECONDS):
                    source = self._open_source()
                if opened:
                    self._metrics.reconnections.inc()
                opened = True
                try:
                    self._read(source)
                finally:
                    with self._watchdog.doing("closing the source", HANGING_SECONDS):
                        source.close()
                    self._backlog.clear()
            except SourceError as error:
                self._lost(error)
            except Exception as error:  # whatever a library has in store: this thread goes on
                self._lost(RuntimeError(redacted(f"the source fails: {error!r}")))
            if time.monotonic() - begun > PAUSE_MAX_SECONDS:
                pause = PAUSE_SECONDS
            self._ending.wait(pause)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)

    def _lost(self, error: Exception) -> None:
        self._outage.goes_on(error)
        self._last = -math.inf
        self._metrics.source_up.set(0)

    def _read(self, source: Source) -> None:
        """Read until the source ends, or is to be opened anew."""
        self.live = source.live
        # What is not live is waited for as long as its rate asks for.
        limit = HANGING_SECONDS if source.live else math.inf
        self._anew.clear()
        arrivals = iter(source)
        while not self._anew.is_set() and not self._ending.is_set():
            with self._watchdog.doing("reading the source", limit):
                arrival = next(arrivals)
            self._last = arrival.since if source.live else math.inf
            self._metrics.source_up.set(1)
            self._outage.is_over()
            if not arrival.data and arrival.decoder is not None:  # the end of a video
                self._backlog.put(arrival)
                continue
            arrival.wanted = arrival.wanted and self._rate.wants(arrival.since)
            if arrival.wanted:
                self._metrics.captured.inc()
            if arrival.wanted or arrival.decoder is not None:
                self._backlog.put(arrival)
