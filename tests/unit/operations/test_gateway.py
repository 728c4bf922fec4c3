"""The base URL: a path's first segment says whose it is, and what is not a client's business is not there."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from contracts.routes import SERVICES
from services.operations.gateway import Forward, Gateway


def telling(name: str) -> ASGIApp:
    async def tell(request: Request) -> Response:
        seen = {
            "service": name,
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "key": request.headers.get("idempotency-key"),
        }
        return JSONResponse(seen, 202, {"Location": "/somewhere", "ETag": '"1"'})

    return Starlette(routes=[Route("/{path:path}", tell, methods=["GET", "POST", "PUT", "DELETE"])])


async def document() -> dict[str, object]:
    return {"openapi": "3.1.0"}


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://base")


@pytest.fixture
def silence() -> Iterator[str]:
    """The URL of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield "http://{}:{}".format(*listening.getsockname())


@pytest.fixture(params=["in this process", "in others"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    apps = {name: telling(name) for name in SERVICES}
    if request.param == "in others":
        apps = {name: Forward(client_of(app), "http://elsewhere") for name, app in apps.items()}
    async with client_of(Gateway(apps, document)) as client:
        yield client


@pytest.mark.parametrize("service", SERVICES)
async def test_a_path_finds_its_service_with_and_without_a_slash(client: httpx.AsyncClient, service: str) -> None:
    for path in (f"/{service}s", f"/{service}s/", f"/{service}s/1/pdf"):
        assert (await client.get(path)).json()["service"] == service


async def test_a_request_arrives_as_it_was_sent_and_its_answer_as_it_was_given(client: httpx.AsyncClient) -> None:
    answer = await client.post("/orders/a%2Fb?x=1&x=2", content="{}", headers={"Idempotency-Key": "k"})

    assert answer.json() == {
        "service": "order",
        "method": "POST",
        "path": "/orders/a%2Fb",
        "query": "x=1&x=2",
        "body": "{}",
        "key": "k",
    }
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (202, "/somewhere", '"1"')


@pytest.mark.parametrize("path", ["/operations/timeline", "/ready", "/nowhere", "/userss", "//"])
async def test_what_is_not_a_clients_business_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"http://base{path}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_merged_document_and_its_page_are_at_the_base(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == {"openapi": "3.1.0"}
    assert "swagger-ui" in (await client.get("/docs")).text
    assert (await client.get("/")).headers["location"] == "/docs"


async def test_a_service_that_is_down_is_a_problem_document_and_a_line_of_the_log() -> None:
    async with httpx.AsyncClient(trust_env=False) as onward:
        apps: dict[str, ASGIApp] = {name: Forward(onward, "http://127.0.0.1:9") for name in SERVICES}
        async with client_of(Gateway(apps, document)) as client:
            with capture_logs() as logged:
                answer = await client.get("/orders/")

    assert answer.status_code == 503
    assert answer.json()["slug"] == "unavailable"
    assert [(event["event"], event["path"], event["to"]) for event in logged] == [
        ("not_forwarded", "/orders/", "http://127.0.0.1:9")
    ]


async def test_what_http_does_not_allow_is_a_clients_mistake(silence: str) -> None:
    async with (
        httpx.AsyncClient(trust_env=False) as onward,
        client_of(Gateway({"order": Forward(onward, silence)}, document)) as client,
    ):
        answer = await client.get("/orders/", headers=[("Host", "a"), ("Host", "b")])

    assert (answer.status_code, answer.json()["slug"]) == (400, "malformed")
    assert "multiple Host" in answer.json()["detail"]


async def test_nobody_hears_of_a_client_that_goes_away_while_it_sends(silence: str) -> None:
    pieces: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return pieces.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"base"), (b"content-length", b"100")]
    scope = {"type": "http", "method": "POST", "path": "/orders/", "headers": headers, "query_string": b""}
    async with httpx.AsyncClient(trust_env=False) as onward:
        await Gateway({"order": Forward(onward, silence)}, document)(scope, receive, send)

    assert sent == []


async def test_a_long_answer_is_passed_on_while_it_comes() -> None:
    async def slowly(_: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                await asyncio.sleep(0)
                yield b"%PDF"

        return StreamingResponse(chunks(), media_type="application/pdf")

    forward = Forward(client_of(Starlette(routes=[Route("/tickets/1/pdf", slowly)])), "http://elsewhere")
    async with client_of(Gateway({"ticket": forward}, document)) as client:
        assert (await client.get("/tickets/1/pdf")).content == b"%PDF" * 3


async def test_the_star_of_an_options_request_is_no_path() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "OPTIONS", "path": "*", "headers": [], "query_string": b""}
    await Gateway({}, document)(scope, receive, send)

    assert sent[0]["status"] == 404


@pytest.mark.parametrize(("method", "path"), [("OPTIONS", "/"), ("TRACE", "/nowhere"), ("TRACE", "/docs")])
async def test_a_method_that_is_none_of_its_own_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["slug"]) == (405, "method_not_allowed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]
