"""Threads that read the streams, one each, and say how they fare."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from ..logs import Outage
from ..streams import BrokerAway, Reopen
from ..watchdog import Watchdog
from .cameras import Message, Stream

POLL_SECONDS = 0.5  # how long a poll waits, and so how soon a thread notices that it is to stop
RETRY_SECONDS = 0.5  # until a reader is opened again
ASK_SECONDS = 3.0  # between two questions how far the workers are behind

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What is used of `posestream.streams.Reader`."""

    def poll(self, timeout: float) -> list[Message]:
        """Wait up to `timeout` seconds for messages; raises BrokerAway."""

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""

    def lag(self) -> int | None:
        """Return how many messages the workers have yet to read; None where it is not known."""

    def close(self) -> None:
        """Let go of the broker."""


@dataclass(frozen=True)
class State:
    """How a reading thread fares.

    Attributes:
        state: "connecting", "reading", "away" (broker) or "stopped".
        detail: why.
    """

    state: str
    detail: str = ""


class Source(threading.Thread):
    """Reads one stream for ever, opening its reader anew after each loss of the broker."""

    def __init__(
        self,
        stream: Stream,
        open_reader: Callable[[], Reader],
        take: Callable[[Stream, list[Message]], None],
        failed: Callable[[], None],
        watchdog: Watchdog,
    ) -> None:
        """Prepare the thread.

        `take` is called, in this thread, with all that was read; `failed` when the thread ends
        without having been told to, for any reason but a broker that is away.
        """
        super().__init__(name=f"reader of {stream}", daemon=True)
        self.stream = stream
        self.state = State("connecting")
        self._open_reader = open_reader
        self._take = take
        self._failed = failed
        self._watchdog = watchdog
        self.lag: int | None = None  # of the workers, known where cameras' pictures are read
        self._asked = -ASK_SECONDS
        self._outage = Outage(log)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Tell the thread to end; it does so within about `POLL_SECONDS`."""
        self._stopping.set()

    def run(self) -> None:
        """Read until told to stop."""
        try:
            while not self._stopping.is_set():
                try:
                    with self._watchdog.doing(f"opening, to read {self.stream}"):
                        reader = self._open_reader()
                    with closing(reader):
                        self._watchdog.owes(self.stream, reader.holdup)
                        self._read(reader)
                except BrokerAway as away:
                    self._is_away(away)
                    self._stopping.wait(RETRY_SECONDS)
        except Exception as error:
            log.exception("%s: reading has failed, the viewer ends", self.stream)
            self.state = State("stopped", f"{type(error).__name__}: {error}"[:200])
        finally:
            if not self._stopping.is_set():
                self._failed()

    def _read(self, reader: Reader) -> None:
        while not self._stopping.is_set():
            try:
                with self._watchdog.doing("a poll of the Kafka client"):
                    messages = reader.poll(POLL_SECONDS)
                    self._look(reader)
            except Reopen:
                raise
            except BrokerAway as away:
                self._is_away(away)
                continue
            if self.state.state != "reading":
                self._outage.is_over()
                log.info("%s: reading", self.stream)
                self.state = State("reading")
            if messages and not self._stopping.is_set():
                self._take(self.stream, messages)

    def _look(self, reader: Reader) -> None:
        if self.stream is Stream.RAW and time.monotonic() - self._asked >= ASK_SECONDS:
            self._asked = time.monotonic()
            self.lag = reader.lag()

    def _is_away(self, away: BrokerAway) -> None:
        self.lag = None
        self._outage.goes_on(away)
        self.state = State("away", str(away))


def stop_all(sources: list[Source], seconds: float) -> None:
    """Tell all threads to end and wait for them, `seconds` at the most."""
    for source in sources:
        source.stop()
    deadline = time.monotonic() + seconds
    for source in sources:
        source.join(max(0.0, deadline - time.monotonic()))
