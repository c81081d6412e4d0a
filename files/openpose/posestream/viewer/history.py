"""The last minutes of every camera, a sample a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .cameras import MAX_CAMERAS

SECONDS = 300
FIGURES = ("time", "in", "out", "age", "people", "lag", "delay", "skipped")


class History:
    """Figures of the last `SECONDS` seconds; its memory is bounded."""

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        """Start empty; the clock gives seconds since the epoch."""
        self._wall_clock = wall_clock
        self._samples: dict[str, deque[tuple[Any, ...]]] = {}

    def add(self, cameras: Iterable[dict[str, Any]]) -> None:
        """Take a sample: the state of each camera, as `Cameras.status` returns it."""
        now = round(self._wall_clock(), 1)
        for camera in cameras:
            raw, annotated = camera["raw"] or {}, camera["annotated"] or {}
            sample = (
                now,
                raw.get("fps", 0.0),
                annotated.get("fps", 0.0),
                annotated.get("age", raw.get("age")),
                camera["people"],
                camera["lag"],
                camera["delay"],
                camera["skipped"],
            )
            self._samples.setdefault(camera["name"], deque(maxlen=SECONDS)).append(sample)
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget what is too old, and of too many cameras those that went first."""
        newest = {name: samples[-1][0] for name, samples in self._samples.items()}
        keep = sorted(newest, key=newest.__getitem__, reverse=True)[: 2 * MAX_CAMERAS]
        for name in newest.keys() - {n for n in keep if newest[n] > now - SECONDS}:
            del self._samples[name]

    def report(self) -> dict[str, Any]:
        """Return, by camera, a list of each of `FIGURES`, the oldest sample first.

        `time` is seconds since the epoch, `in` and `out` are raw and annotated pictures a second,
        `age` is that of the newest result (s), without one that of the newest picture.
        """
        since = self._wall_clock() - SECONDS
        found = {
            name: [sample for sample in samples if sample[0] > since]
            for name, samples in sorted(self._samples.items())
        }
        return {
            "now": round(self._wall_clock(), 1),
            "seconds": SECONDS,
            "cameras": {
                name: dict(zip(FIGURES, map(list, zip(*samples, strict=True)), strict=True))
                for name, samples in found.items()
                if samples
            },
        }
