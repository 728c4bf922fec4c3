"""What a server says before an app is asked."""

import asyncio
import json

import pytest
from starlette.types import Receive, Scope, Send

from services.chassis.serving import listen, serve


async def _never(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] != "http", "this is no request"
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.parametrize(
    "sent",
    [
        "GET /users/joão HTTP/1.1\r\n\r\n".encode(),
        b"get / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n:\r\n\r\n",
    ],
    ids=["a URL that is not ASCII", "no method", "TLS", "no header"],
)
async def test_what_is_no_http_is_answered_with_a_problem_document(sent: bytes) -> None:
    stop, listening = asyncio.Event(), listen("127.0.0.1", 0)
    serving = asyncio.create_task(serve(_never, listening, stop))
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(sent)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
    finally:
        stop.set()
        await serving

    status, *headers = head.decode().split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    assert {"content-type: application/problem+json", f"content-length: {len(body)}", "connection: close"} <= {*headers}
    problem = json.loads(body)
    assert (problem["slug"], problem["status"]) == ("malformed", 400)
    assert "percent-encoded" in problem["detail"]
