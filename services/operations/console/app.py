"""The console as an ASGI app: its routes, who may come in, and what is told when something goes wrong."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.operations.addresses import in_url
from services.operations.console import dead_letter_pages, purchase_pages
from services.operations.console.entering import Entry
from services.operations.console.guarding import Form, Guard, SecurityHeaders, local_path
from services.operations.console.overview import overview
from services.operations.console.redrives import Redrives
from services.operations.console.rendering import page
from services.operations.console.settings import ConsoleSettings
from services.operations.console.watching import Watch
from services.operations.desk import Desk
from services.operations.errors import Trouble, sentence

SESSION = timedelta(hours=12)
LOOPBACK = ("127.0.0.1", "localhost", "::1")

log = structlog.get_logger()


def create_console(
    desk: Desk, entry: Entry, settings: ConsoleSettings, *, record: Path, host: str = "127.0.0.1", port: int = 0
) -> Starlette:
    """The app. ``record`` is where discarded dead letters are noted. Sessions end with the process."""
    ended: set[str] = set()
    hosts = [*map(in_url, (*LOOPBACK, host)), *settings.hosts]
    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(
                SessionMiddleware,
                secret_key=secrets.token_urlsafe(32),
                # A browser sends a host's cookies to all of its ports: two consoles must not share a name.
                session_cookie=f"bilhetagem_console_{port}",
                max_age=int(SESSION.total_seconds()),
                same_site="strict",
                https_only=settings.https_only,
            ),
            Middleware(Guard, ended=ended),
        ],
        exception_handlers={
            Trouble: _trouble,
            BotoCoreError: _no_aws,
            ClientError: _no_aws,
            HTTPException: _no_page,
            Exception: _unexpected,
        },
        lifespan=_lifespan,
    )
    state = app.state
    state.desk, state.entry, state.settings, state.record, state.ended = desk, entry, settings, record, ended
    state.watch, state.redrives = Watch(desk, settings), Redrives(desk)
    return app


def _routes() -> list[Route | Mount]:
    letters, purchases = dead_letter_pages, purchase_pages
    return [
        Route("/", overview),
        Route("/login", login, methods=["GET"]),
        Route("/login", sign_in, methods=["POST"]),
        Route("/logout", sign_out, methods=["POST"]),
        Route("/search", purchases.search),
        Route("/purchases", purchases.purchases),
        Route("/purchases/{id:uuid}", purchases.purchase),
        Route("/purchases/{id:uuid}/resend", purchases.resending, methods=["GET"]),
        Route("/purchases/{id:uuid}/resend", purchases.resend, methods=["POST"]),
        Route("/dead-letters", letters.dead_letters),
        Route("/dead-letters/redrive", letters.redriving, methods=["GET"]),
        Route("/dead-letters/redrive", letters.redrive, methods=["POST"]),
        Route("/dead-letters/redrives/{number:int}", letters.outcome),
        Route("/dead-letters/{sqs_id}", letters.dead_letter),
        Route("/dead-letters/{sqs_id}/edit", letters.editing, methods=["GET"]),
        Route("/dead-letters/{sqs_id}/edit", letters.edit, methods=["POST"]),
        Route("/dead-letters/{sqs_id}/discard", letters.give_up, methods=["POST"]),
        Mount("/static", StaticFiles(packages=[("services.operations.console", "static")])),
    ]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await app.state.redrives.end()


async def login(request: Request) -> Response:
    """The form, or the button that uses up a link."""
    if "id" in request.session:
        return RedirectResponse(local_path(request.query_params.get("next", "/")), 303)
    return _login_page(request, once=request.query_params.get("once", ""))


async def sign_in(request: Request) -> Response:
    """Begin a session, with an id and a token that nobody knew before."""
    entry: Entry = request.app.state.entry
    form: Form = request.state.form
    if seconds := entry.wait_seconds():
        again = {"Retry-After": str(seconds)}
        problem = f"Too many wrong passwords. Try again in {seconds} seconds."
        return _login_page(request, status=429, headers=again, problem=problem)
    if not entry.admits(password=form.get("password", ""), once=form.get("once", "")):
        was_link = bool(form.get("once"))
        problem = "This link has been used. Sign in with the password." if was_link else "That is not the password."
        log.warning("console_sign_in_refused", by_link=was_link)
        return _login_page(request, status=403, problem=problem)
    request.session.clear()
    request.session.update(id=secrets.token_urlsafe(24), csrf=secrets.token_urlsafe(24))
    return RedirectResponse(local_path(form.get("next", "/")), 303)


def _login_page(
    request: Request, *, status: int = 200, headers: dict[str, str] | None = None, once: str = "",
    problem: str | None = None,
) -> Response:  # fmt: skip
    form: Form | None = getattr(request.state, "form", None)
    wanted = (form or request.query_params).get("next", "/")
    return page(
        request, "login.html", status=status, headers=headers, live=False, once=once, problem=problem,
        next=local_path(wanted),
    )  # fmt: skip


async def sign_out(request: Request) -> Response:
    """End the session, for a copy of its cookie too."""
    request.app.state.ended.add(request.session["id"])
    request.session.clear()
    return RedirectResponse("/login", 303)


async def _trouble(request: Request, error: Exception) -> Response:
    return _error(request, 409 if request.method == "POST" else 404, sentence(error) or str(error))


async def _no_aws(request: Request, error: Exception) -> Response:
    return _error(request, 502, sentence(error) or str(error))


async def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(request, error.status_code, "There is no such page.")


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("console_failed", path=request.url.path, error=repr(error))
    return _error(request, 500, sentence(error) or "Something unexpected went wrong; the console's log says what.")


def _error(request: Request, status: int, said: str) -> Response:
    return page(request, "error.html", status=status, live=request.method == "GET", said=said)
