"""Threads that read the streams, one each, and say how they fare."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from ..streams import BrokerAway
from .cameras import Message, Stream

POLL_SECONDS = 0.5  # how long a poll waits, and so how soon a thread notices that it is to stop
FIRST_RETRY, LAST_RETRY = 0.5, 10.0  # seconds until the broker is tried again; doubles in between

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What is used of `posestream.streams.Reader`."""

    def poll(self, timeout: float) -> list[Message]:
        """Wait up to `timeout` seconds for messages; raises BrokerAway."""

    def close(self) -> None:
        """Let go of the broker."""


@dataclass(frozen=True)
class State:
    """How a reading thread fares: "connecting", "reading", "away" (broker) or "stopped"."""

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
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Tell the thread to end; it does so within about `POLL_SECONDS`."""
        self._stopping.set()

    def run(self) -> None:
        """Read until told to stop."""
        try:
            retry = FIRST_RETRY
            while not self._stopping.is_set():
                begun = time.monotonic()
                try:
                    with closing(self._open_reader()) as reader:
                        self._read(reader)
                except BrokerAway as away:
                    if time.monotonic() - begun > LAST_RETRY:
                        retry = FIRST_RETRY
                    self.state = State("away", str(away))
                    log.warning("%s: %s; trying again in %.1f s", self.stream, away, retry)
                    self._stopping.wait(retry)
                    retry = min(2 * retry, LAST_RETRY)
        except Exception as error:
            log.exception("%s: reading has failed, the viewer ends", self.stream)
            self.state = State("stopped", repr(error))
        finally:
            if not self._stopping.is_set():
                self._failed()

    def _read(self, reader: Reader) -> None:
        while not self._stopping.is_set():
            messages = reader.poll(POLL_SECONDS)
            if self.state.state != "reading":
                log.info("%s: reading", self.stream)
                self.state = State("reading")
            if messages and not self._stopping.is_set():
                self._take(self.stream, messages)


def stop_all(sources: list[Source], seconds: float) -> None:
    """Tell all threads to end and wait for them, `seconds` at the most."""
    for source in sources:
        source.stop()
    deadline = time.monotonic() + seconds
    for source in sources:
        source.join(max(0.0, deadline - time.monotonic()))
