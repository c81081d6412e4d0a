"""What Prometheus knows, for the viewer's page: by the queries of `posestream.panels` alone."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from ..panels import PANELS, Panel

POINTS = 240  # of a line, about
LEAST_STEP, MOST_MINUTES = 5, 7 * 24 * 60  # seconds; a week
TIMEOUT = 10.0  # seconds
MAX_BYTES = 4 * 2**20  # of an answer
KEPT = 256  # answers
AT_ONCE = 4  # questions that Prometheus gets
BY_ID = {panel.id: panel for panel in PANELS}


class NoFigures(Exception):  # noqa: N818 - what a page is told
    """There are none; the text says why and what to do, `status` is HTTP's."""

    def __init__(self, status: int, why: str) -> None:
        """Keep both."""
        super().__init__(why)
        self.status = status


class Figures:
    """Asks Prometheus, and the same no more often than it has something new to say."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        """Ask at `url`, Prometheus's own address; "" where there is none."""
        self._url = url.rstrip("/")
        self._clock = clock
        # An address is Prometheus's own: proxies are for the Internet.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[tuple[str, int], tuple[float, asyncio.Task[dict[str, Any]]]] = {}

    @staticmethod
    def panels() -> list[dict[str, str]]:
        """Return what there is to ask for."""
        shown = ("row", "id", "title", "unit")
        return [{name: getattr(panel, name) for name in shown} for panel in PANELS]

    async def ask(self, panel_id: str, minutes: str) -> dict[str, Any]:
        """Return a panel's lines over the last `minutes`.

        `{panel, unit, start, end, step, lines: [{name, labels, points: [[time, value], …]}]}`, the
        times in seconds since the epoch; a value that is no number is null. Raises NoFigures.
        """
        if not self._url:
            raise NoFigures(404, "there is no Prometheus: VIEWER_PROMETHEUS_URL is not set")
        panel = BY_ID.get(panel_id)
        if panel is None:
            raise NoFigures(404, f"panel should be one of {', '.join(BY_ID)}")
        if not (minutes.isascii() and minutes.isdigit() and 1 <= int(minutes) <= MOST_MINUTES):
            raise NoFigures(400, f"minutes should be a whole number from 1 to {MOST_MINUTES}")
        return await self._once(panel, int(minutes))

    async def _once(self, panel: Panel, minutes: int) -> dict[str, Any]:
        """Ask, or return the answer to the same question if it is no older than a step."""
        step = max(LEAST_STEP, minutes * 60 // POINTS)
        now = self._clock()
        asked, answer = self._answers.get((panel.id, minutes), (0.0, None))
        if answer is None or now - asked >= step or (answer.done() and answer.exception()):
            while len(self._answers) >= KEPT:
                del self._answers[next(iter(self._answers))]
            answer = asyncio.create_task(self._wait_and_query(panel, minutes, step, now))
            self._answers[panel.id, minutes] = (now, answer)
        return await asyncio.shield(answer)

    async def _wait_and_query(
        self, panel: Panel, minutes: int, step: int, now: float
    ) -> dict[str, Any]:
        async with self._room:
            return await asyncio.to_thread(self._query, panel, minutes, step, now)

    def _query(self, panel: Panel, minutes: int, step: int, now: float) -> dict[str, Any]:
        end = int(now) // step * step
        start = end - minutes * 60
        query = {"query": panel.query, "start": start, "end": end, "step": step}
        address = f"{self._url}/api/v1/query_range?{urllib.parse.urlencode(query)}"
        try:
            with self._opener.open(address, timeout=TIMEOUT) as response:
                content = response.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise NoFigures(502, "Prometheus answers with too much: ask for fewer minutes")
            result = json.loads(content)["data"]["result"]
            lines = [_line(panel, each) for each in result]
        except urllib.error.HTTPError as error:
            error.close()
            raise NoFigures(502, f"Prometheus answers with {error.code}: see its log") from error
        except (OSError, TimeoutError) as error:
            raise NoFigures(
                502, f"Prometheus cannot be reached: {getattr(error, 'reason', error)}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoFigures(502, "what answers is not Prometheus") from error
        return {
            "panel": panel.id,
            "unit": panel.unit,
            "start": start,
            "end": end,
            "step": step,
            "lines": lines,
        }


def _line(panel: Panel, series: dict[str, Any]) -> dict[str, Any]:
    labels = {str(name): str(value) for name, value in series["metric"].items()}
    name = panel.legend
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    points = [[time_, _number(value)] for time_, value in series["values"]]
    return {"name": name, "labels": labels, "points": points}


def _number(text: str) -> float | None:
    number = float(text)
    return (
        number if abs(number) < float("inf") else None
    )  # not NaN either: it compares with nothing
