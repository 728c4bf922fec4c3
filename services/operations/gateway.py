"""One base URL for the seven services: a path's first segment says whose it is.

It stands behind API Gateway, where a load balancer stands on AWS. It lets through only what clients may ask: operators'
routes and probes are on each service's own port.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.routes import SERVICES
from services.chassis.problems import Problem, answer
from services.chassis.swagger import ASSETS, swagger_page

log = structlog.get_logger()

PREFIXES = {f"{service}s": service for service in SERVICES}
"""The service behind each first segment of a path."""

type Documents = Callable[[], Awaitable[dict[str, Any]]]
"""Makes the merged OpenAPI document."""

_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"),
    *("date", "server"),
}
"""Headers of one connection (RFC 9110, 7.6.1), and the two that the server in front writes itself."""


class Gateway:
    """The ASGI app of the base URL, over the services' own apps, or over ``Forward`` where they are other processes."""

    def __init__(self, apps: Mapping[str, ASGIApp], documents: Documents) -> None:
        self._apps = apps
        self._own = Starlette(
            routes=[
                Route("/", lambda _: RedirectResponse("/docs")),
                Route("/docs", lambda _: swagger_page("Bilhetagem")),
                ASSETS,
                Route("/health", lambda _: JSONResponse({"status": "ok"})),
                Route("/openapi.json", _document(documents)),
                Route("/{path:path}", _nothing_here, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ],
            exception_handlers={HTTPException: _refused},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = PREFIXES.get(_first_segment(scope["path"])) if scope["type"] == "http" else None
        await (self._apps[service] if service else self._own)(scope, receive, send)


def _first_segment(path: str) -> str:
    # Without a slash in front it is the * of an OPTIONS request (RFC 9110, 9.3.7).
    return path.removeprefix("/").partition("/")[0]


def _document(documents: Documents) -> Callable[[Request], Awaitable[Response]]:
    async def document(_: Request) -> Response:
        return JSONResponse(await documents())

    return document


async def _nothing_here(request: Request) -> Response:
    return answer(Problem(404), request.url.path)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answer(Problem(error.status_code, headers=error.headers), request.url.path)


class Forward:
    """An ASGI app that hands requests on to a service in another process."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        query = f"?{request.url.query}" if request.url.query else ""
        # The raw path: what a client has encoded stays as it is.
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        onward = self._client.build_request(
            request.method,
            f"{self._url}{path}{query}",
            headers=[(name, value) for name, value in request.headers.raw if name.decode() not in _HOP_BY_HOP],
            content=request.stream() if _has_body(request) else None,
        )
        try:
            upstream = await self._client.send(onward, stream=True)
        except ClientDisconnect:
            return
        except httpx.LocalProtocolError as error:  # the server in front lets through more than HTTP allows
            problem = Problem(400, detail=f"The request cannot be passed on: {error}.")
            await answer(problem, scope["path"])(scope, receive, send)
            return
        except httpx.TransportError as error:
            log.warning("not_forwarded", method=request.method, path=scope["path"], to=self._url, error=repr(error))
            await answer(Problem(503), scope["path"])(scope, receive, send)
            return
        response = StreamingResponse(upstream.aiter_raw(), upstream.status_code)
        headers = ((name.lower(), value) for name, value in upstream.headers.raw)
        response.raw_headers = [(name, value) for name, value in headers if name.decode() not in _HOP_BY_HOP]
        try:
            await response(scope, receive, send)
        finally:
            await upstream.aclose()


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


@asynccontextmanager
async def forwarding(urls: Mapping[str, str]) -> AsyncIterator[tuple[dict[str, ASGIApp], httpx.AsyncClient]]:
    """Apps that hand on to the services at these URLs, and the client that they share."""
    # Longer than Prefer: wait may hold an answer; environment proxies have no business between our own processes.
    async with httpx.AsyncClient(timeout=httpx.Timeout(70, connect=5), trust_env=False) as client:
        yield {service: Forward(client, url) for service, url in urls.items()}, client
