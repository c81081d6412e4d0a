"""One browser: which camera it sees, and what is sent to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from .cameras import Cameras, Picture, View
from .newest import Mailbox
from .wire import pack

UNDER_WAY = 2  # messages of pictures sent and not yet shown: one on the line, one on the screen
STATUS_SECONDS = 1.0
NONSENSE = 1008  # WebSocket's close code for a message that is against the rules (RFC 6455, 7.4.1)


def choose(names: Iterable[str], wanted: str | None, current: str | None) -> str | None:
    """Return the camera to show: the one asked for, else the one shown so far, else the first."""
    names = sorted(names)
    present = (name for name in (wanted, current, *names) if name in names)
    return next(present, None)


class Session:
    """Serves one WebSocket until it is closed."""

    def __init__(
        self, websocket: WebSocket, cameras: Cameras, status: Callable[[], dict[str, Any]]
    ) -> None:
        """Prepare for an accepted `websocket`."""
        self._websocket = websocket
        self._cameras = cameras
        self._status = status
        self._mailbox: Mailbox[View] = Mailbox()
        self._offered: View | None = None
        self._sent = self._shown = 0  # numbers of messages with pictures
        self._room = asyncio.Event()
        self._wanted: str | None = None
        self._current: str | None = None

    async def run(self) -> None:
        """Send and receive until the browser is gone."""
        self.refresh()
        async with anyio.create_task_group() as tasks:

            async def until_gone(work: Callable[[], Awaitable[None]]) -> None:
                try:
                    await work()
                except WebSocketDisconnect:
                    tasks.cancel_scope.cancel()

            for work in (self._send_pictures, self._send_status, self._receive):
                tasks.start_soon(until_gone, work)

    def refresh(self) -> None:
        """Put the camera's view into the mailbox if it is another one than the last time."""
        self._current = choose(self._cameras.names(), self._wanted, self._current)
        if self._current is None:
            return
        view = self._cameras.view(self._current)
        if view != self._offered:
            self._offered = view
            self._mailbox.put(view)

    async def _send_pictures(self) -> None:
        last = View("")
        while True:
            while self._sent - self._shown >= UNDER_WAY:
                self._room.clear()
                await self._room.wait()
            view = await self._mailbox.get()
            self._sent += 1
            header = {
                "number": self._sent,
                "camera": view.camera,
                "age": self._cameras.age(view),
                "people": view.people,
                "matched": view.matched,
            }
            message = pack(header, _news(view.annotated, last.annotated), _news(view.raw, last.raw))
            last = view
            await self._websocket.send_bytes(message)

    async def _send_status(self) -> None:
        while True:
            self.refresh()
            await self._websocket.send_json(self._status() | {"camera": self._current})
            await asyncio.sleep(STATUS_SECONDS)

    async def _receive(self) -> None:
        while True:
            try:
                self._obey(dict(json.loads(await self._websocket.receive_text())))
            except (ValueError, KeyError, TypeError, RecursionError):
                await self._websocket.close(NONSENSE, "not a message of this page")
                raise WebSocketDisconnect(NONSENSE) from None

    def _obey(self, message: dict[str, Any]) -> None:
        """Do what the page says; raises KeyError or ValueError for nonsense."""
        if "shown" in message:
            number = message["shown"]
            if not self._shown < number <= self._sent:
                raise ValueError(number)
            self._shown = number
            self._room.set()
        else:
            wanted = message["camera"]
            self._wanted = None if wanted is None else str(wanted)
            self.refresh()


def _news(picture: Picture | None, before: Picture | None) -> bytes | None:
    """Return the JPEG to send: empty if the page has it already, None if there is none."""
    if picture is None:
        return None
    return b"" if picture is before else picture.jpeg
