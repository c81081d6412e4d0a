"""Who may see the pictures: by password in a browser, by token in a program.

Without either of the two everybody may; then the deployment keeps the page on its own machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from .wire import LOG_IN

COOKIE = "posestream"
SESSION_SECONDS = 30 * 24 * 3600
RENEW_SECONDS = 24 * 3600  # a session that is used is made to last anew once a day
THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")  # always served: health checks ask by these
FAILURE_SECONDS = 1.0  # what a wrong password costs; those of one address wait for each other
WAITING = 5  # attempts of one address; more are turned away
ADDRESSES = 1000  # that are kept in mind
# What is open to all: nothing of it tells anything of cameras.
OPEN = frozenset({"/healthz", "/login", "/login.css", "/icon.svg"})


class Access:
    """Knows the secrets. Their comparison takes the same time however much of one is right."""

    def __init__(self, password: str = "", token: str = "") -> None:
        """Keep password and token; an empty one opens nothing."""
        self._password = password
        self._token = token
        self._attempts: OrderedDict[str, tuple[asyncio.Lock, list[None]]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether there is neither of them, so that everybody may see everything."""
        return not (self._password or self._token)

    @property
    def has_password(self) -> bool:
        """Whether a browser can log in."""
        return bool(self._password)

    def session_key(self) -> str:
        """Return the key that signs sessions.

        It is of the secrets alone, so that a session outlives a restart, and ends when one of them
        changes. By scrypt (RFC 7914), so that a cookie gives no quick way to try passwords.
        """
        if self.is_open:
            return secrets.token_hex()
        both = f"{len(self._password)}:{self._password}{self._token}".encode()
        return hashlib.scrypt(
            both, salt=b"posestream viewer session", n=2**15, r=8, p=1, maxmem=2**26
        ).hex()

    def is_token(self, token: str) -> bool:
        """Say whether that is the token, which is too long to be guessed."""
        return _same(token, self._token)

    async def is_password(self, password: str, address: str) -> bool:
        """Say whether that is the password, after a while where it is not.

        `address` is who asks: the attempts of one wait for each other. Raises TooMany.
        """
        lock, waiting = self._attempts.setdefault(address, (asyncio.Lock(), []))
        self._attempts.move_to_end(address)
        while len(self._attempts) > ADDRESSES:
            self._attempts.popitem(last=False)
        if len(waiting) >= WAITING:
            raise TooMany
        waiting.append(None)
        try:
            async with lock:
                if _same(password, self._password):
                    return True
                await asyncio.sleep(FAILURE_SECONDS)
                return False
        finally:
            waiting.pop()


def _same(given: str, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(given.encode(), secret.encode())


class TooMany(Exception):  # noqa: N818 - what is said to who asks
    """So many attempts of one address wait that there is no room for another."""


class SameOrigin:
    """Turns away what another site's page sends, to the WebSocket as to everything else."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what has no origin (a program, a first visit), or ours."""
        headers = Headers(scope=scope) if scope["type"] in {"http", "websocket"} else Headers()
        origin = headers.get("origin")
        app = self._app
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            app = PlainTextResponse("not for other sites' pages", 403)
        await app(scope, receive, send)


class MembersOnly:
    """Passes on who has logged in or brings the token, and all to what is open to all."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Stand before `app`, behind SessionMiddleware."""
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or say what to do; a page is led to the login."""
        app = self._app
        if (
            scope["type"] in {"http", "websocket"}
            and not self._access.is_open
            and scope["path"] not in OPEN
            and not self._is_member(HTTPConnection(scope))
        ):
            app = _turned_away(scope)
        await app(scope, receive, send)

    def _is_member(self, connection: HTTPConnection) -> bool:
        since = connection.session.get("since")
        if since is not None:
            if time.time() - since > RENEW_SECONDS:
                connection.session["since"] = round(time.time())
            return True
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._access.is_token(token.strip())


def _turned_away(scope: Scope) -> ASGIApp:
    if scope["type"] == "websocket":
        return _close
    if scope["path"] == "/" and scope["method"] in {"GET", "HEAD"}:
        query = scope["query_string"].decode("latin-1")
        address = f"login?{urlencode({'next': query})}" if query else "login"
        return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
    return JSONResponse(
        {"error": "log in at /login, or send the header Authorization: Bearer TOKEN"},
        401,
        headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"},
    )


async def _close(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept and close: only so a page is told a code."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept()
    await websocket.close(LOG_IN, "log in first")


def middleware(access: Access, hosts: Sequence[str], *, tls: bool) -> list[Middleware]:
    """Return what stands before the application, the outermost first.

    Args:
        access: the secrets.
        hosts: names and addresses by which the page is asked for, beside this machine's own; a
            name may begin with "*.", and "*" is any.
        tls: whether the page is served by https, so that cookies go nowhere else.
    """
    return [
        Middleware(
            TrustedHostMiddleware, [*THIS_MACHINE, *map(_bracketed, hosts)], www_redirect=False
        ),
        Middleware(SameOrigin),
        Middleware(
            SessionMiddleware,
            access.session_key(),
            session_cookie=COOKIE,
            max_age=SESSION_SECONDS,
            same_site="strict",
            https_only=tls,
        ),
        Middleware(MembersOnly, access),
    ]


def _bracketed(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
