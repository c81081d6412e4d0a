"""The viewer's ASGI application: the page, its WebSocket, its state as JSON, its health."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from starlette.websockets import WebSocket

from ..watchdog import Watchdog
from .cameras import Cameras, Stream
from .session import Session
from .sources import Reader, Source, stop_all

MAX_CLIENTS = 32
BEAT_SECONDS = 1.0
STOP_SECONDS = 1.0  # how long the reading threads are waited for at the end
TRY_AGAIN_LATER = 1013  # WebSocket close code (IANA's registry), for one browser too many
STATIC = Path(__file__).parent / "static"
# The page needs nothing from anywhere else, and nothing else may frame or feed it.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asks every time (ETag), so that a new version is seen at once
}
# What all readers together are, the first that one of them is.
BROKER_STATES = ("stopped", "away", "connecting", "reading")


class Page(StaticFiles):
    """The page's files, with headers that keep everything foreign away."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file and the headers."""
        response = await super().get_response(path, scope)
        response.headers.update(PAGE_HEADERS)
        return response


class Viewer:
    """Ties the reading threads, the cameras and the browsers together."""

    def __init__(
        self,
        open_readers: Mapping[Stream, Callable[[], Reader]],
        cameras: Cameras,
        failed: Callable[[], None],
        watchdog: Watchdog,
    ) -> None:
        """Prepare; `failed` is called, in a reading thread, when that thread cannot go on."""
        self._cameras = cameras
        self._watchdog = watchdog
        self._sessions: set[Session] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sources = [
            Source(stream, open_reader, self._take, failed, watchdog)
            for stream, open_reader in open_readers.items()
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run the reading threads for as long as the application runs."""
        self._loop = asyncio.get_running_loop()
        for source in self._sources:
            source.start()
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.to_thread(stop_all, self._sources, STOP_SECONDS)

    async def _beat(self) -> None:
        """Let the watchdog know that the event loop goes round."""
        while True:
            beaten = time.monotonic()
            self._watchdog.owes(
                "page",
                lambda beaten=beaten: (time.monotonic() - beaten, "the event loop stands still"),
            )
            await asyncio.sleep(BEAT_SECONDS)

    def status(self) -> dict[str, Any]:
        """Return the broker's state, every reader's, the number of browsers, and every camera's."""
        states = {source.stream: source.state for source in self._sources}
        return {
            "broker": min((s.state for s in states.values()), key=BROKER_STATES.index),
            "readers": {
                stream: {"state": state.state, "detail": state.detail}
                for stream, state in states.items()
            },
            "browsers": len(self._sessions),
            "cameras": self._cameras.status(),
        }

    async def show_status(self, _request: Request) -> Response:
        """GET /api/status."""
        return JSONResponse(self.status(), headers={"Cache-Control": "no-store"})

    async def show_health(self, _request: Request) -> Response:
        """GET /healthz: 200 while all streams are read; a reader is slow to say that it is not."""
        healthy = all(
            source.is_alive() and source.state.state == "reading" for source in self._sources
        )
        status = self.status()
        answer = {
            "status": "ok" if healthy else "failing",
            "broker": status["broker"],
            "readers": status["readers"],
        }
        return JSONResponse(
            answer, status_code=200 if healthy else 503, headers={"Cache-Control": "no-store"}
        )

    async def serve_browser(self, websocket: WebSocket) -> None:
        """WS /live; see `wire` for what goes over it."""
        if not _same_origin(websocket):
            await websocket.close()  # before it is accepted: answered with 403
            return
        await websocket.accept()
        if len(self._sessions) >= MAX_CLIENTS:
            await websocket.close(TRY_AGAIN_LATER, f"{MAX_CLIENTS} browsers are watching already")
            return
        session = Session(websocket, self._cameras, self.status)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def _take(self, stream: Stream, messages: list[Any]) -> None:
        """Take messages in, in the reading thread, and have the event loop pass on the news."""
        self._cameras.add(stream, messages)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._refresh)

    def _refresh(self) -> None:
        for session in self._sessions:
            session.refresh()


def create_app(
    open_readers: Mapping[Stream, Callable[[], Reader]],
    cameras: Cameras,
    failed: Callable[[], None],
    watchdog: Watchdog | None = None,
) -> Starlette:
    """Make the application that reads with `open_readers` into `cameras`.

    `failed` is called, from another thread, when a reading thread has ended for any reason but a
    broker that is away: then the application is of no use any more.
    """
    viewer = Viewer(open_readers, cameras, failed, watchdog or Watchdog())
    return Starlette(
        routes=[
            Route("/healthz", viewer.show_health),
            Route("/api/status", viewer.show_status),
            WebSocketRoute("/live", viewer.serve_browser),
            Mount("/", Page(directory=STATIC, html=True)),
        ],
        lifespan=viewer.lifespan,
    )


def _same_origin(websocket: WebSocket) -> bool:
    """Say whether the request comes from our own page, or from a program that is no browser."""
    origin = websocket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == websocket.headers.get("host")
