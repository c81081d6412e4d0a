"""The viewer's ASGI application: the page, its WebSocket, what it knows as JSON, its health."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from starlette.websockets import WebSocket

from ..watchdog import Watchdog
from . import worker
from .access import Access, middleware
from .cameras import Cameras, Stream
from .figures import Figures, NoFigures
from .history import History
from .login import Login
from .metrics import Metrics
from .session import Session
from .sources import Reader, Source, stop_all
from .tables import skeletons

MAX_CLIENTS = 64
BEAT_SECONDS = 1.0
STATUS_SECONDS = 0.2  # how old a state may be that many browsers are told
STOP_SECONDS = 1.0  # how long the reading threads are waited for at the end
TRY_AGAIN_LATER = 1013  # WebSocket close code (IANA's registry), for one browser too many
STATIC = Path(__file__).parent / "static"
# The page needs nothing from anywhere else, and nothing else may frame or feed it. What it saves
# (a picture, a clip) and plays back comes from itself, as blobs.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asks every time (ETag), so that a new version is seen at once
}
NO_STORE = {"Cache-Control": "no-store"}
# What all readers together are, the first that one of them is.
BROKER_STATES = ("stopped", "away", "connecting", "reading")


class Page(StaticFiles):
    """The page's files, with headers that keep everything foreign away."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file and the headers."""
        response = await super().get_response(path, scope)
        response.headers.update(PAGE_HEADERS)
        return response


@dataclass(frozen=True)
class Options:
    """What differs from one viewer to another.

    Attributes:
        access: who may see the pictures; by default everybody.
        hosts: by which names and addresses it is asked for, see `access.middleware`.
        tls: the files with certificate and key; None where it is served by plain http.
        prometheus: the address of Prometheus; "" where there is none.
        metrics: what is counted.
        watchdog: what watches the threads.
        show_ready: told once a second whether all streams are read, and if not, why.
    """

    access: Access = field(default_factory=Access)
    hosts: Sequence[str] = ()
    tls: tuple[str, str] | None = None
    prometheus: str = ""
    metrics: Metrics = field(default_factory=Metrics)
    watchdog: Watchdog = field(default_factory=Watchdog)
    show_ready: Callable[[bool, str], None] = lambda ready, why: None


class Viewer:
    """Ties the reading threads, the cameras and the browsers together."""

    def __init__(self, cameras: Cameras, options: Options) -> None:
        """Prepare; `sources` are the reading threads, which hand to `take` what they read."""
        self.sources: Sequence[Source] = ()
        self._cameras = cameras
        self._watchdog = options.watchdog
        self._metrics = options.metrics
        self._show_ready = options.show_ready
        self._figures = Figures(options.prometheus)
        self._history = History()
        self._sessions: set[Session] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._status: tuple[float, dict[str, Any]] = (-STATUS_SECONDS, {})
        self._metrics.browsers.set_function(lambda: len(self._sessions))

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run the reading threads for as long as the application runs."""
        self._loop = asyncio.get_running_loop()
        for source in self.sources:
            source.start()
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.to_thread(stop_all, self.sources, STOP_SECONDS)

    async def _beat(self) -> None:
        """Keep the figures, and let the watchdog know that the event loop goes round."""
        while True:
            beaten = time.monotonic()
            self._watchdog.owes(
                "page",
                lambda beaten=beaten: (time.monotonic() - beaten, "the event loop stands still"),
            )
            cameras = self._cameras.status()
            self._history.add(cameras)
            self._metrics.show(cameras)
            ready = self._is_healthy()
            self._metrics.ready.set(ready)
            self._show_ready(ready, self._why_not())
            await asyncio.sleep(BEAT_SECONDS)

    def _why_not(self) -> str:
        """Return why a stream is not read; "" where all are."""
        details = (
            source.state.detail or source.state.state
            for source in self.sources
            if source.state.state != "reading"
        )
        return next(details, "")

    def status(self) -> dict[str, Any]:
        """Return what `wire` says of the state of everything."""
        asked, status = self._status
        if time.monotonic() - asked >= STATUS_SECONDS:
            status = self._look()
            self._status = (time.monotonic(), status)
        return status

    def _look(self) -> dict[str, Any]:
        states = {source.stream: source.state for source in self.sources}
        cameras = self._cameras.status()
        lag = next((s.lag for s in self.sources if s.stream is Stream.RAW), None)
        return {
            "broker": min((s.state for s in states.values()), key=BROKER_STATES.index),
            "readers": {
                stream: {"state": state.state, "detail": state.detail}
                for stream, state in states.items()
            },
            "worker": worker.state(cameras, lag),
            "browsers": len(self._sessions),
            "cameras": cameras,
        }

    def _is_healthy(self) -> bool:
        """Say whether all streams are read; a reader is slow to say that it is not."""
        return all(source.is_alive() and source.state.state == "reading" for source in self.sources)

    async def show_status(self, _request: Request) -> Response:
        """GET /api/status."""
        return JSONResponse(self.status(), headers=NO_STORE)

    async def show_history(self, _request: Request) -> Response:
        """GET /api/history: the last minutes, see `History.report`."""
        return JSONResponse(self._history.report(), headers=NO_STORE)

    async def show_figures(self, request: Request) -> Response:
        """GET /api/figures?panel=…&minutes=…, see `Figures.ask`; without a panel, what there is."""
        query = request.query_params
        try:
            if "panel" not in query:
                answer: dict[str, Any] = {"panels": self._figures.panels()}
            else:
                answer = await self._figures.ask(query["panel"], query.get("minutes", "60"))
        except NoFigures as none:
            return JSONResponse({"error": str(none)}, none.status, headers=NO_STORE)
        return JSONResponse(answer, headers=NO_STORE)

    async def show_health(self, _request: Request) -> Response:
        """GET /healthz: 200 while all streams are read. Open to all: tells of no camera."""
        status = self.status()
        healthy = self._is_healthy()
        answer = {
            "status": "ok" if healthy else "failing",
            "broker": status["broker"],
            "readers": {name: reader["state"] for name, reader in status["readers"].items()},
        }
        return JSONResponse(answer, 200 if healthy else 503, headers=NO_STORE)

    async def serve_browser(self, websocket: WebSocket) -> None:
        """WS /live; see `wire` for what goes over it."""
        await websocket.accept()
        if len(self._sessions) >= MAX_CLIENTS:
            await websocket.close(TRY_AGAIN_LATER, f"{MAX_CLIENTS} browsers are watching already")
            return
        session = Session(websocket, self._cameras, self.status, self._metrics)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def take(self, stream: Stream, messages: list[Any]) -> None:
        """Take messages in, in the reading thread, and have the event loop pass on the news."""
        came = self._cameras.add(stream, messages)
        if came and self._loop is not None:
            self._loop.call_soon_threadsafe(self._refresh, stream, came)

    def _refresh(self, stream: Stream, came: dict[str, int]) -> None:
        self._metrics.count_received(stream, came)
        for name in came:
            views = self._cameras.views(name)
            for session in self._sessions:
                session.offer(name, views)


def create_app(
    open_readers: Mapping[Stream, Callable[[], Reader]],
    cameras: Cameras,
    failed: Callable[[], None],
    options: Options | None = None,
) -> Starlette:
    """Make the application that reads with `open_readers` into `cameras`.

    `failed` is called, from another thread, when a reading thread has ended for any reason but a
    broker that is away: then the application is of no use any more.
    """
    options = options or Options()
    access = options.access
    viewer = Viewer(cameras, options)
    viewer.sources = [
        Source(stream, open_reader, viewer.take, failed, options.watchdog)
        for stream, open_reader in open_readers.items()
    ]
    login = Login(access)
    page = {
        "skeletons": skeletons(),
        "login": access.has_password,
        "prometheus": bool(options.prometheus),
    }
    return Starlette(
        routes=[
            Route("/healthz", viewer.show_health),
            Route("/api/status", viewer.show_status),
            Route("/api/history", viewer.show_history),
            Route("/api/figures", viewer.show_figures),
            Route("/api/page", lambda _request: JSONResponse(page, headers=NO_STORE)),
            Route("/login", login.show),
            Route("/login", login.enter, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            WebSocketRoute("/live", viewer.serve_browser),
            Mount("/", Page(directory=STATIC, html=True)),
        ],
        middleware=middleware(access, options.hosts, tls=options.tls is not None),
        lifespan=viewer.lifespan,
    )
