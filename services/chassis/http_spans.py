"""Spans of HTTP, by OpenTelemetry's conventions: requests that come in, and those that go out.

A path is told as its route has it. Queries, headers and bodies are not told.
"""

import httpx
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_SCHEME
from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis import tracing
from services.chassis.telemetry import log_as
from services.chassis.trace_context import TRACEPARENT, context_of_request, traceparent

PROBES = frozenset({"/health", "/ready"})
"""Asked every few seconds, and of no interest."""


class Traced:
    """ASGI middleware: a span for each request to a service, in the trace that the client or the gateway has begun."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        tracing.on_behalf_of(self._service)
        span = _of_request(scope)
        log_as(service=self._service, trace_id=f"{span.get_span_context().trace_id:032x}")

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _answered(span, message["status"], fails_from=500)
            await send(message)

        try:
            with tracing.current(span):
                await self._app(scope, receive, watched)
        except BaseException as error:
            tracing.fail(span, type(error).__name__)
            raise
        finally:
            if route := getattr(scope.get("route"), "path", None):
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute(HTTP_ROUTE, route)
            span.end()


class TracedTransport(httpx.AsyncBaseTransport):
    """A client's transport: a span for each request, whose context goes along."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, and say what came of it. Raises what the transport raises."""
        attributes = {
            HTTP_REQUEST_METHOD: request.method,
            SERVER_ADDRESS: request.url.host,
            SERVER_PORT: request.url.port or (443 if request.url.scheme == "https" else 80),
            URL_SCHEME: request.url.scheme,
        }
        span = tracing.begin(request.method, SpanKind.CLIENT, attributes)
        request.headers[TRACEPARENT] = traceparent(span) or ""
        try:
            response = await self._transport.handle_async_request(request)
            _answered(span, response.status_code, fails_from=400)
        except BaseException as error:
            tracing.fail(span, type(error).__name__)
            raise
        finally:
            span.end()
        return response

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


def http_transport() -> httpx.AsyncBaseTransport:
    """The transport of a client that calls others for what a service does."""
    transport = httpx.AsyncHTTPTransport()
    return TracedTransport(transport) if tracing.on() else transport


def _of_request(scope: Scope) -> Span:
    attributes = {HTTP_REQUEST_METHOD: scope["method"], URL_SCHEME: scope["scheme"]}
    with context_of_request(Headers(scope=scope)) as within:
        return tracing.begin(scope["method"], SpanKind.SERVER, attributes, within)


def _answered(span: Span, status: int, *, fails_from: int) -> None:
    span.set_attribute(HTTP_RESPONSE_STATUS_CODE, status)
    if status >= fails_from:
        tracing.fail(span, str(status))
