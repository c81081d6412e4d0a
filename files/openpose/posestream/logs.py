"""Log lines: timestamped, bounded in length, without payloads, and never a flood."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

# Libraries that report at length what is said here in one line; SINETStream even prints tracebacks.
QUIET = ("librdkafka", "sinetstream", "sinetstreamplugin")
REPEAT_SECONDS = 5.0
LINE_BYTES = 1000
# Exceptions quote what they could not work with; of bytes only the number is of interest here.
_BYTES = re.compile(r"""\bb(['"])((?:\\.|(?!\1).)*)\1""", re.DOTALL)
_hidden: list[str] = []
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Formatter(logging.Formatter):
    """One line, or more with an exception; each of at most `LINE_BYTES` bytes of plain text."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        text = _BYTES.sub(_counted, super().format(record))
        for secret in _hidden:
            text = text.replace(secret, "***")
        return "\n".join(_cut(_CONTROL.sub("?", line)) for line in text.split("\n"))


def _counted(found: re.Match[str]) -> str:
    quoted = found[0]
    return quoted if len(quoted) <= 40 else f"<bytes, {len(quoted)} characters>"


def _cut(line: str) -> str:
    if len(line.encode(errors="replace")) <= LINE_BYTES:
        return line
    return line.encode(errors="replace")[: LINE_BYTES - 3].decode(errors="ignore") + "..."


def hide(*secrets: str) -> None:
    """Have no line say these; what is too short for a password would spoil the lines."""
    shown = {form for each in secrets for form in (each, repr(each)[1:-1]) if len(each) >= 4}
    # The longest first: one may be part of another.
    _hidden[:] = sorted({*_hidden, *shown}, key=len, reverse=True)


def _is_ours(record: logging.LogRecord) -> bool:
    """Say whether a record may pass: SINETStream's parameters stand in its own, passwords too."""
    return record.name.partition(".")[0] not in QUIET


def set_up() -> None:
    """Send log lines to standard error, which is where Docker looks for them."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    # Whatever level anything sets on a logger of theirs, or on one below it.
    handler.addFilter(_is_ours)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class Limited:
    """Passes on so many lines in a period, then counts, and says how many it has left out."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        lines: int = 5,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow `lines` lines in `seconds` seconds."""
        self._write, self._lines, self._seconds, self._clock = write, lines, seconds, clock
        self._begun, self._written, self._left_out = -seconds, 0, 0

    def __call__(self, line: str) -> None:
        """Write the line, or leave it out."""
        now = self._clock()
        if now - self._begun >= self._seconds:
            if self._left_out:
                self._write(f"{self._left_out} more of such lines were left out")
            self._begun, self._written, self._left_out = now, 0, 0
        if self._written < self._lines:
            self._written += 1
            self._write(line)
        else:
            self._left_out += 1


class Outage:
    """Tells of something that is away: at once, then every few seconds, and when it is back."""

    def __init__(
        self,
        log: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        what: str = "the broker",
    ) -> None:
        """Start with nothing away; `what` is what may be."""
        self._log, self._clock, self._what = log, clock, what
        self._since: float | None = None
        self._said = 0.0
        self.why = ""  # it is away now

    def goes_on(self, error: Exception) -> None:
        """Say what is away, unless that was said a moment ago."""
        now, self.why = self._clock(), str(error)
        if self._since is None:
            self._since, self._said = now, now - REPEAT_SECONDS
        if now - self._said >= REPEAT_SECONDS:
            self._said = now
            self._log.warning("%s; trying again (%.0f s so far)", error, now - self._since)

    def is_over(self) -> None:
        """Say that it is back, if it was away."""
        if self._since is not None:
            self._log.info("%s is back after %.0f s", self._what, self._clock() - self._since)
            self._since, self.why = None, ""
