"""What a server does before an app is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis.serving import listen, serve

type Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[Connection]:
    """A connection to a server of this app, for what no client library would send."""
    stop, listening = asyncio.Event(), listen("127.0.0.1", 0)
    serving = asyncio.create_task(serve(app, listening, stop))
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            yield reader, writer
            writer.close()
    finally:
        stop.set()
        await serving


async def never_asked(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan", "this is no request"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        request = Request(scope, receive)
        told = f"{request.method} {request.url.path} {(await request.body()).decode()}"
        await PlainTextResponse(told)(scope, receive, send)


@pytest.mark.parametrize(
    "sent",
    [
        "GET /users/joão HTTP/1.1\r\n\r\n".encode(),
        b"get / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n:\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nContent-Length: 5\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nhello",
    ],
    ids=["a URL that is not ASCII", "no method", "TLS", "no header", "for a proxy"],
)
async def test_what_is_no_http_is_answered_with_a_problem_document(sent: bytes) -> None:
    async with connected(never_asked) as (reader, writer):
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    status, *headers = head.decode().split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    assert {"content-type: application/problem+json", f"content-length: {len(body)}", "connection: close"} <= {*headers}
    problem = json.loads(body)
    assert (problem["slug"], problem["status"]) == ("malformed", 400)
    assert "percent-encoded" in problem["detail"]


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
    ids=["of a length", "in chunks"],
)
@pytest.mark.parametrize(
    "wish",
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    ],
    ids=["HTTP/2", "WebSocket"],
)
async def test_a_request_that_wishes_for_another_protocol_keeps_its_body(wish: bytes, body: bytes, piece: int) -> None:
    """`curl --http2` and Java's client send such a wish with every request to an `http:` URL."""
    twice = (b"POST /users/ HTTP/1.1\r\nHost: x\r\n" + wish + body) * 2
    async with connected(echo) as (reader, writer):
        for begin in range(0, len(twice), piece):
            writer.write(twice[begin : begin + piece])
            await writer.drain()
            await asyncio.sleep(0)

        for _ in range(2):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len("POST /users/ hello")) == b"POST /users/ hello"
