"""The page where a browser logs in: a form, without any JavaScript."""

from __future__ import annotations

import html
import time
from string import Template
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from .access import Access, TooMany

MAX_BODY = 4096  # bytes of a form
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
WORDS = {
    "en": {
        "title": "Log in",
        "lead": "The pictures of the cameras are for those who know the password.",
        "password": "Password",
        "enter": "Log in",
        "wrong": "That is not the password.",
        "wait": "Too many attempts at once. Wait a few seconds, then try again.",
        "token": "Nobody has set a password: only programs get in, with a token (viewer_password "
        "opens the viewer to browsers).",
        "other": "日本語",
    },
    "ja": {
        "title": "ログイン",
        "lead": "カメラの映像を見るにはパスワードが必要です。",
        "password": "パスワード",
        "enter": "ログイン",
        "wrong": "パスワードが違います。",
        "wait": "試行回数が多すぎます。数秒待ってからもう一度お試しください。",
        "token": "パスワードが設定されていないため、トークンを持つプログラムだけが接続できます"
        "(ブラウザから見るには viewer_password を設定してください)。",
        "other": "English",
    },
}
OTHER = {"en": "ja", "ja": "en"}
PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="dark light">
  <title>$title · posestream</title>
  <link rel="icon" type="image/svg+xml" href="icon.svg">
  <link rel="stylesheet" href="login.css">
</head>
<body>
  <main>
    <h1><img src="icon.svg" alt="" width="36" height="36">posestream</h1>
    $body
    <p class="language">
      <a href="login?$query" lang="$other_language" hreflang="$other_language">$other</a>
    </p>
  </main>
</body>
</html>
""")
FORM = Template("""<form method="post" action="login?$query">
      <p>$lead</p>
      $trouble
      <label for="password">$password</label>
      <input id="password" name="password" type="password" autocomplete="current-password"
        required autofocus>
      <button>$enter</button>
    </form>""")
TROUBLE = Template("""<p class="trouble" role="alert">$text</p>""")


def language(request: Request) -> str:
    """Return "en" or "ja": the one asked for, else the one that the browser likes better."""
    wanted = request.query_params.get("lang")
    if wanted in WORDS:
        return wanted
    for part in request.headers.get("accept-language", "").lower().split(","):
        if (short := part.strip()[:2]) in WORDS:  # browsers name the best first
            return short
    return "en"


class Login:
    """The answers to /login and /logout."""

    def __init__(self, access: Access) -> None:
        """Let those in who know the password of `access`."""
        self._access = access

    async def show(self, request: Request) -> Response:
        """GET /login."""
        if self._access.is_open or "since" in request.session:
            return RedirectResponse("./", 303)
        return self._page(request)

    async def enter(self, request: Request) -> Response:
        """POST /login: on to the page with the right password, again with another one."""
        try:
            password = await _password(request)
            address = request.client.host if request.client else ""
            if not await self._access.is_password(password, address):
                return self._page(request, "wrong", 403)
        except TooMany:
            return self._page(request, "wait", 429)
        request.session["since"] = round(time.time())
        query = request.query_params.get("next", "")
        return RedirectResponse(f"./?{query}" if query else "./", 303)

    async def leave(self, request: Request) -> Response:
        """POST /logout: the browser's session ends."""
        request.session.clear()
        return RedirectResponse("login", 303, headers={"Clear-Site-Data": '"cache"'})

    def _page(self, request: Request, trouble: str = "", code: int = 200) -> Response:
        shown = language(request)
        words = {name: html.escape(text) for name, text in WORDS[shown].items()}
        kept = {"next": next_} if (next_ := request.query_params.get("next")) else {}
        if self._access.has_password:
            text = TROUBLE.substitute(text=words[trouble]) if trouble else ""
            query = html.escape(urlencode({"lang": shown} | kept))
            body = FORM.substitute(words, query=query, trouble=text)
        else:
            body = TROUBLE.substitute(text=words["token"])
        page = PAGE.substitute(
            words,
            language=shown,
            other_language=OTHER[shown],
            query=html.escape(urlencode({"lang": OTHER[shown]} | kept)),
            body=body,
        )
        return HTMLResponse(page, code, headers=HEADERS)


async def _password(request: Request) -> str:
    """Return what the form says; nothing of a body that is no such form."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return ""
    fields = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    return fields.get("password", [""])[0]
