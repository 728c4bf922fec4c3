"""What no well-behaved client sends: each of it is answered with a problem document that says what is wrong."""

import asyncio
import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.operations.gateway import PREFIXES
from tests.e2e.box_office import BoxOffice

IDS = ["0", "-1", "x", "null", "%00", "%ff%fe", "%E2%80%8B", "a" * 3000, "..%2f..%2fetc", "'; DROP TABLE orders; --"]
_ID = str(uuid4())
BODIES: dict[str, dict[str, Any]] = {
    "/users/": {"name": "Ana", "email": "ana@example.com"},
    "/events/": {"title": "Show", "location": "Rio", "date": "2030-01-01T20:00:00-03:00"},
    "/products/": {"name": "Camiseta", "price": 20, "stock": 5},
    "/tickets/": {"event_id": _ID, "quantity": 5, "price": 100},
    "/reservations/": {"user_id": _ID, "ticket_id": _ID, "quantity": 1},
    "/orders/": {
        "user_id": _ID,
        "event_id": _ID,
        "items": [{"reservation_id": _ID}],
        "products": [{"product_id": _ID, "quantity": 1}],
        "total_price": 100,
        "payment": {"method": "pix", "token": "approve"},
    },
}
WRONG: list[Any] = [
    [],
    {},
    "",
    "x",
    "\x00",
    "\ud800",
    -1,
    10**30,
    1.5,
    1e308,
    True,
    [[[]]],
    {"a": {"b": []}},
    "9" * 9000,
]
RIGHT: list[tuple[str, Any]] = [
    *((field, "x") for field in ("name", "title", "location")),
    *((field, 1.5) for field in ("price", "total_price")),
    ("products", []),
    ("payment", {}),
]
"""What of it is right after all: a name may be short, and an order needs neither products nor a choice of payment."""
MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half of it": b'{"name": ',
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "NaN": b'{"price": NaN}',
    "infinity": b'{"price": -Infinity}',
    "nested lists": b"[" * 20_000 + b"]" * 20_000,
    "nested objects": b'{"a":' * 8_000 + b"1" + b"}" * 8_000,
    "a name twice": b'{"name": "a", "name": "b"}',
    "a huge integer": b'{"quantity": ' + b"9" * 5_000 + b"}",
    "a huge exponent": b'{"price": 1e99999999999999999999}',
    "a raw NUL": b'{"name": "\x00"}',
    "two documents": b"{}{}",
    "too much": b'{"name": "' + b"a" * 100_000 + b'"}',
}
QUERIES = ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=%00", "x=%00", "limit=%0a5", "cursor=" + "A" * 100]
HEADERS: list[dict[str, str]] = [
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "two words"},
    {"Idempotency-Key": "k" * 256},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application"},
]
HARMLESS_HEADERS: list[dict[str, str]] = [
    {"Prefer": "wait=soon"},
    {"Prefer": "wait=-1"},
    {"Prefer": ";;,=wait"},
    {"Accept": "text/html"},
    {"traceparent": "00-zz-zz-zz"},
    {"Authorization": "Basic \xe9"},
    {"X-Long": "x" * 20_000},
    {"If-None-Match": '"' * 500},
]


def told(answer: httpx.Response, *statuses: int) -> None:
    """The answer is a whole problem document, of one of these statuses."""
    asked = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}"
    assert answer.status_code in statuses, f"{asked}: {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json", answer.headers
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"] == HTTPStatus(answer.status_code).phrase
    assert problem["slug"]
    assert problem["detail"]
    assert len(answer.content) < 20_000


@pytest.fixture
def client(office: BoxOffice) -> httpx.AsyncClient:
    return office.client


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    told(await client.post(path, content=body, headers={"Content-Type": "application/json"}), 400, 413, 422)


@pytest.mark.parametrize("path", BODIES)
async def test_every_field_refuses_what_it_cannot_be(client: httpx.AsyncClient, path: str) -> None:
    good = BODIES[path]
    for field in good:
        for wrong in WRONG:
            if (field, wrong) in RIGHT:
                continue
            answer = await client.post(
                path,
                content=json.dumps(good | {field: wrong}).encode(),
                headers={"Content-Type": "application/json"},
            )
            told(answer, 400, 413, 422)
            if answer.status_code == 422:
                assert f"/{field}" in answer.text, answer.text
    told(await client.post(path, json=good | {"unknown": 1}), 422)
    for whole in (None, [], "x", 7, [good]):
        told(await client.post(path, json=whole), 422)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_no_id_of_any_kind_is_more_than_not_found(client: httpx.AsyncClient, prefix: str) -> None:
    answers = await asyncio.gather(*(client.get(f"/{prefix}/{strange}") for strange in [*IDS, str(uuid4())]))
    for answer in answers:
        told(answer, 404)


@pytest.mark.parametrize("path", ["/users", "/events", "/products", "/tickets", "/orders"])
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:20])
async def test_a_query_that_makes_no_sense_is_invalid(client: httpx.AsyncClient, path: str, query: str) -> None:
    told(await client.get(f"{path}?{query}"), 422)


@pytest.mark.parametrize("headers", HEADERS, ids=str)
async def test_headers_that_cannot_be_read_are_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    body = json.dumps(BODIES["/reservations/"]).encode()
    request = client.build_request("POST", "/reservations/", content=body)
    request.headers.update({"Content-Type": "application/json"} | headers)
    told(await client.send(request), 400, 415)


@pytest.mark.parametrize("headers", HARMLESS_HEADERS, ids=lambda headers: str(headers)[:30])
async def test_other_headers_do_no_harm(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert (await client.get("/events/", headers=encoded)).status_code == 200  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/users/", "/events/", "/products/", "/tickets/", "/reservations/", "/orders/"])
async def test_methods_that_a_resource_does_not_know(client: httpx.AsyncClient, path: str) -> None:
    for method in ("PATCH", "DELETE", "PUT"):
        answer = await client.request(method, path)
        told(answer, 405)
        assert "POST" in answer.headers["allow"]
    options = await client.options(path)
    assert options.status_code == 204
    assert "POST" in options.headers["allow"]
    head = await client.head(path)
    assert head.status_code == (405 if path == "/reservations/" else 200)
    assert head.content == b""


async def test_what_is_nowhere(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/users/a/b/c", "/users//", "/operations/queues", "/USERS", "/\u00e9"):
        told(await client.get(path), 404)
