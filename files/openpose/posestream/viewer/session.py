"""One browser: what it watches, and what is sent to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from .cameras import MAX_CAMERAS, Cameras, Layers, Picture, Stream, View
from .metrics import Metrics
from .newest import Mailbox
from .wire import pack

STATUS_SECONDS = 1.0
# A message that is on the screen later than this after it was sent makes fewer be under way.
LATE_SECONDS = 0.5
FEWEST = 2  # messages under way: one on the line, one on the screen
NONSENSE = 1008  # WebSocket's close code for a message that is against the rules (RFC 6455, 7.4.1)
NOTHING = frozenset[str]()


class Session:
    """Serves one WebSocket until it is closed."""

    def __init__(
        self,
        websocket: WebSocket,
        cameras: Cameras,
        status: Callable[[], dict[str, Any]],
        metrics: Metrics,
    ) -> None:
        """Prepare for an accepted `websocket`."""
        self._websocket = websocket
        self._cameras = cameras
        self._status = status
        self._metrics = metrics
        self._mailbox = Mailbox()
        self._offered: dict[str, View] = {}
        self._last: dict[str, View] = {}  # what the page has
        self._sent = 0  # messages with pictures
        self._under_way: deque[tuple[int, float]] = deque()  # number, when it was sent
        self._most = FEWEST
        self._room = asyncio.Event()
        self._watched: frozenset[str] | None = NOTHING  # None: all
        self._layers = Layers()
        self._anchor = self._layers.anchor

    async def run(self) -> None:
        """Send and receive until the browser is gone."""
        async with anyio.create_task_group() as tasks:

            async def until_gone(work: Callable[[], Awaitable[None]]) -> None:
                try:
                    await work()
                except WebSocketDisconnect:
                    tasks.cancel_scope.cancel()

            for work in (self._send_pictures, self._send_status, self._receive):
                tasks.start_soon(until_gone, work)

    def offer(self, name: str, views: Mapping[Stream, View]) -> None:
        """Note what there is to be seen of a camera, as `Cameras.views` has it."""
        if self._watched is not None and name not in self._watched:
            return
        view, before = views.get(self._anchor), self._offered.get(name)
        if view is None or view is before:
            return
        self._offered[name] = view
        waited = self._mailbox.put(name)
        if waited and before is not None and view.taken != before.taken:
            self._metrics.passed_over.inc()

    def _refresh(self) -> None:
        for name in self._cameras.names():
            self.offer(name, self._cameras.views(name))

    def _note_shown(self, number: int) -> None:
        """Note that message `number` is shown, and how many may be under way by that.

        That is at the most one a camera and one on the line. A browser or a line that cannot keep
        up with so many gets fewer at once, so that what it gets is new.
        """
        watched = self._cameras.names() if self._watched is None else self._watched
        while self._under_way and self._under_way[0][0] <= number:
            _, sent = self._under_way.popleft()
            late = time.monotonic() - sent > LATE_SECONDS
            self._most = self._most // 2 if late else self._most + 1
            self._most = max(FEWEST, min(self._most, len(watched) + 1))

    async def _send_pictures(self) -> None:
        while True:
            while len(self._under_way) >= self._most:
                self._room.clear()
                await self._room.wait()
            name = await self._mailbox.get()
            view = self._cameras.view(name, self._layers)
            self._offered[name] = view
            self._sent += 1
            message = self._message(view, self._last.get(name, View(name)))
            self._last[name] = view
            self._under_way.append((self._sent, time.monotonic()))
            self._metrics.sent.inc()
            await self._websocket.send_bytes(message)

    def _message(self, view: View, last: View) -> bytes:
        header = {
            "number": self._sent,
            "camera": view.camera,
            "taken": view.taken,
            "age": self._cameras.age(view),
            "people": view.people,
            "skeleton": view.keypoints.skeleton if view.keypoints else None,
            "matched": view.matched,
        }
        return pack(
            header,
            _news(view.annotated, last.annotated) if self._layers.annotated else None,
            _news(view.raw, last.raw) if self._layers.raw else None,
            view.keypoints.text if view.keypoints and self._layers.keypoints else b"null",
        )

    async def _send_status(self) -> None:
        while True:
            self._refresh()
            for gone in self._offered.keys() - set(self._cameras.names()):
                del self._offered[gone]
                self._last.pop(gone, None)
            await self._websocket.send_json(self._status())
            await asyncio.sleep(STATUS_SECONDS)

    async def _receive(self) -> None:
        while True:
            try:
                self._obey(dict(json.loads(await self._websocket.receive_text())))
            except (ValueError, KeyError, TypeError, RecursionError):
                await self._websocket.close(NONSENSE, "not a message of this page")
                raise WebSocketDisconnect(NONSENSE) from None

    def _obey(self, message: dict[str, Any]) -> None:
        """Do what the page says; raises KeyError, TypeError or ValueError for nonsense."""
        if "shown" in message:
            number = message["shown"]
            if not 0 < number <= self._sent:
                raise ValueError(number)
            self._note_shown(number)
        else:
            watch = dict(message["watch"])
            names = watch.pop("cameras")
            if names is not None and not (isinstance(names, list) and len(names) <= MAX_CAMERAS):
                raise ValueError(names)
            self._layers = Layers(**{layer: bool(wanted) for layer, wanted in watch.items()})
            self._watched = None if names is None else frozenset(map(str, names))
            self._mailbox.clear()
            self._offered.clear()
            self._last.clear()
            self._anchor = self._layers.anchor
            self._refresh()
        self._room.set()


def _news(picture: Picture | None, before: Picture | None) -> bytes | None:
    """Return the JPEG to send: empty if the page has it already, None if there is none."""
    if picture is None:
        return None
    return b"" if picture is before else picture.jpeg
