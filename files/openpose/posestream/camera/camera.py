"""The camera as a whole: what its threads do for each other, and whether all is well."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..flags import Camera as Settings
from ..forms import redacted
from ..frames import FrameError
from ..logs import Limited
from ..ready import show_ready
from ..status_line import StatusLine
from ..streams import Sink
from ..watchdog import Watchdog
from .backlog import Backlog
from .buffer import Buffer
from .metrics import Metrics
from .picture import Arrival, Frame, Picture
from .preparing import Preparer
from .publishing import Publisher
from .rate import Rate
from .sources import Source, open_source
from .status_line import line
from .still import Stillness
from .watching import Watch

TICK_SECONDS = 0.5  # between two looks at whether all is well

log = logging.getLogger(__name__)


class Camera:
    """Publishes what a source shows."""

    def __init__(
        self,
        settings: Settings,
        open_writer: Callable[[], Sink],
        stopping: threading.Event,
        watchdog: Watchdog | None = None,
        opened: Callable[[Settings], Source] = open_source,
    ) -> None:
        """Prepare; nothing is opened before `run`."""
        watchdog = watchdog or Watchdog()
        self._settings, self._stopping, self._watchdog = settings, stopping, watchdog
        self.metrics = Metrics(settings.name)
        self._backlog = Backlog(self.metrics)
        self._watch = Watch(
            lambda: opened(settings), self._backlog, Rate(settings.fps), self.metrics, watchdog
        )
        self._publisher = Publisher(
            settings.name.encode(),
            open_writer,
            Buffer(settings.buffer_seconds, settings.buffer_bytes),
            self.metrics,
            watchdog,
        )
        self._preparer = Preparer(settings)
        self._still = Stillness(settings.still_seconds)
        self._damaged = Limited(log.warning)
        self._status = StatusLine(self.metrics.counts, line)
        self._numbers = 0
        self._ticked = float("-inf")

    def run(self) -> None:
        """Publish until told to stop; raises SettingsError where there can be no writer."""
        self._publisher.start()
        self._watch.start()
        while not self._stopping.is_set():
            arrival = self._backlog.take(TICK_SECONDS)
            if arrival is not None:
                with self._watchdog.doing("a picture"):
                    self._show(arrival)
            self._tick()
            if self._publisher.failure is not None:
                raise self._publisher.failure
        self._watch.close()
        self._publisher.close()

    def _show(self, arrival: Arrival) -> None:
        try:
            for picture in arrival.pictures():
                jpeg = self._preparer.jpeg(picture)
                self._look_at(picture)
                self._numbers += 1
                self._publisher.offer(Frame(self._numbers, picture.taken, picture.since, jpeg))
        except FrameError as error:
            if arrival.wanted:
                self.metrics.dropped("damaged")
            self._damaged(f"a damaged frame is passed over: {error}")

    def _look_at(self, picture: Picture) -> None:
        if not self._watch.live:
            return
        if (seconds := self._still.of(picture, time.monotonic())) is not None:
            log.warning(
                "the picture of %s has not changed for %.0f s: the source is opened anew",
                redacted(self._settings.source),
                seconds,
            )
            self._watch.open_anew()

    def _tick(self) -> None:
        """Say now and then how it goes."""
        if time.monotonic() - self._ticked < TICK_SECONDS:
            return
        self._ticked = time.monotonic()
        up = self._watch.up
        self.metrics.source_up.set(up)
        ready = up and self._publisher.up
        self.metrics.ready.set(ready)
        show_ready(ready, self._publisher.away if up else "its source gives no pictures")
        self._status.say_now_and_then()
