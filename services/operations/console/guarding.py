"""What stands before every page: security headers, the session, and for each POST the proof that our page sent it."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_FORM = 4 * 2**20
"""A message has at most 1 MiB, and a form writes a byte with up to three characters."""

MOST_FIELDS = 20_000
"""A field for each dead letter that is sent back."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Puts ``HEADERS`` on every answer, and keeps pages out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


class Guard:
    """Lets operators in only, and no form that is not ours. A POST's fields are then at ``request.state.form``.

    ``ended`` are the sessions that were signed out: their cookies are still well signed.
    """

    def __init__(self, app: ASGIApp, ended: set[str]) -> None:
        self._app = app
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refused = self._unknown(request)
        if refused is None and request.method == "POST":
            refused = await self._foreign(request)
        await (refused or self._app)(scope, receive, send)

    def _unknown(self, request: Request) -> Response | None:
        session, path = request.session, request.url.path
        if path.startswith("/static/"):
            return None
        if session.get("id") in self._ended:
            session.clear()
        session.setdefault("csrf", secrets.token_urlsafe(24))
        if "id" in session or path == "/login":
            return None
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        wanted = f"{path}?{request.url.query}" if request.url.query else path
        return RedirectResponse(f"/login?next={quote(wanted)}" if path != "/" else "/login", 303)

    async def _foreign(self, request: Request) -> Response | None:
        form = await _form(request)
        if form is None:
            return PlainTextResponse("The form is too long.", 413)
        ours = secrets.compare_digest(form.get("csrf", "").encode(), request.session["csrf"].encode())
        if not ours or _from_elsewhere(request.headers):
            return PlainTextResponse("The form is too old, or another site's. Go back, reload, and try again.", 403)
        request.state.form = form
        return None


class Form(Mapping[str, str]):
    """A form's fields: the first value of each, and ``all`` of one."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._first = dict(reversed(pairs))

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Any:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for field, value in self._pairs if field == name]


async def _form(request: Request) -> Form | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return None
    text = body.decode("utf-8", "replace")
    try:
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace"))
    except ValueError:
        return None


def _from_elsewhere(headers: Headers) -> bool:
    # Browsers say where a request comes from (Fetch Metadata); other clients have no cookies to be robbed of.
    return headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def local_path(wanted: str) -> str:
    """A path on this site, whatever was asked for: a link to our login must not lead on to another site."""
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_local else "/"
