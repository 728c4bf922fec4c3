"""Whatever a client sends, it gets an answer that says what is wrong: never a 500, never its own input back."""

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.types import Message

from tests.front import Desk, desk, holds, people

JSON = (b"content-type", b"application/json")
GOOD = {"user_id": str(uuid4()), "ticket_id": str(uuid4()), "quantity": 2}


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body.decode("utf-8"))
        return found


async def ask(
    desk_: Desk,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Collection[tuple[bytes, bytes]] = (JSON,),
    query: bytes = b"",
) -> Answer:
    """A request as a server hands it over, byte for byte: a client library would refuse to send most of these."""
    chunks = [body[i : i + 40_000] for i in range(0, len(body), 40_000)] or [b""]
    incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    incoming[-1]["more_body"] = False
    outgoing: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        outgoing.append(message)

    framed = {b"content-length", b"transfer-encoding"} & {name for name, _ in headers}
    length = [] if framed else [(b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"test"), *length, *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    async with asyncio.timeout(10):
        await desk_.app(scope, receive, send)
    start, *rest = outgoing
    return Answer(start["status"], dict(start["headers"]), b"".join(part.get("body", b"") for part in rest))


def assert_told(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses, (answer.status, answer.body[:300])
    assert answer.headers[b"content-type"] == b"application/problem+json"
    assert answer.problem["status"] == answer.status
    assert answer.problem["title"] == HTTPStatus(answer.status).phrase
    assert len(answer.body) < 10_000


@pytest.fixture
async def holding(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk("reservation", holds(), f"sqlite+aiosqlite:///{tmp_path}/test.db") as one:
        yield one


@pytest.fixture
async def registering(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk("user", people(), f"sqlite+aiosqlite:///{tmp_path}/test.db") as one:
        yield one


MALFORMED: dict[str, bytes] = {
    "not JSON": b"hello",
    "half an object": b'{"user_id": ',
    "NaN": b'{"quantity": NaN}',
    "minus infinity": b'{"quantity": -Infinity}',
    "a name twice": b'{"quantity": 1, "quantity": 2}',
    "bad UTF-8": b'{"user_id": "\xff\xfe"}',
    "UTF-16": '{"quantity": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"quantity": 1}',
    "surrogates as UTF-8": b'{"user_id": "\xed\xa0\x80"}',
    "nested lists": b"[" * 30_000 + b"]" * 30_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "an integer of 5,000 digits": b'{"quantity": ' + b"9" * 5_000 + b"}",
    "an exponent beyond all": b'{"quantity": 1e99999999999999999999}',
    "a raw NUL": b'{"user_id": "\x00"}',
    "zipped": gzip.compress(b'{"quantity": 1}'),
    "spaces": b"   ",
    "two documents": b"{}{}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_json_is_malformed(holding: Desk, body: bytes) -> None:
    answer = await ask(holding, "POST", "/reservations/", body)
    assert_told(answer, 400)
    assert answer.problem["slug"] == "malformed_json"


INVALID: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "null": (b"null", ""),
    "a list": (b"[]", ""),
    "a number": (b"7", ""),
    "a text": (b'"x"', ""),
    "no field": (b"{}", "/user_id"),
    "an unknown field": (json.dumps({**GOOD, "price": 1}).encode(), "/price"),
    "an unknown field with a slash": (json.dumps({**GOOD, "a/b~c": 1}).encode(), "/a~1b~0c"),
    "a text for a number": (json.dumps({**GOOD, "quantity": "2"}).encode(), "/quantity"),
    "a fraction": (json.dumps({**GOOD, "quantity": 2.5}).encode(), "/quantity"),
    "a decimal integer": (json.dumps({**GOOD, "quantity": 2.0}).encode(), "/quantity"),
    "true for a number": (json.dumps({**GOOD, "quantity": True}).encode(), "/quantity"),
    "a huge integer": (json.dumps({**GOOD, "quantity": 10**4000}).encode(), "/quantity"),
    "a huge decimal": (json.dumps({**GOOD, "quantity": 0}).encode()[:-2] + b"1e999999}", "/quantity"),
    "a tiny decimal": (json.dumps({**GOOD, "quantity": 0}).encode()[:-2] + b"1e-999999}", "/quantity"),
    "no UUID": (json.dumps({**GOOD, "user_id": "x"}).encode(), "/user_id"),
    "a number for a UUID": (json.dumps({**GOOD, "user_id": 7}).encode(), "/user_id"),
    "a lone surrogate": (json.dumps({**GOOD, "user_id": "\ud800"}).encode(), "/user_id"),
    "a NUL": (json.dumps({**GOOD, "user_id": "\0"}).encode(), "/user_id"),
    "a deep value": (json.dumps({**GOOD, "user_id": json.loads("[" * 500 + "]" * 500)}).encode(), "/user_id"),
    "a thousand unknown fields": (json.dumps({str(n): n for n in range(1000)}).encode(), "/user_id"),
    "an endless name": (json.dumps({"n" * 60_000: 1}).encode(), "/user_id"),
}


@pytest.mark.parametrize(("body", "pointer"), INVALID.values(), ids=INVALID.keys())
async def test_what_is_json_but_no_reservation_is_invalid_at_a_place(holding: Desk, body: bytes, pointer: str) -> None:
    answer = await ask(holding, "POST", "/reservations/", body)
    assert_told(answer, 422)
    assert answer.problem["slug"] == "invalid"
    assert pointer in [error["pointer"] for error in answer.problem["errors"]]
    assert holding.sent == []


async def test_names_that_no_utf8_can_hold_are_named_all_the_same(holding: Desk) -> None:
    answer = await ask(holding, "POST", "/reservations/", json.dumps({**GOOD, "\ud800": 1}).encode())
    assert_told(answer, 422)


@pytest.mark.parametrize(
    "deposit",
    [
        "150.0000000000000001",
        "150." + "0" * 60 + "1",
        "0.001",
        "-1",
        "1e20",
        "1e999999",
        '"1"',
        "true",
    ],
)
async def test_money_is_exact_or_refused(registering: Desk, deposit: str) -> None:
    answer = await ask(registering, "POST", "/users/", b'{"name": "Ana", "deposit": %s}' % deposit.encode())
    assert_told(answer, 422)
    assert answer.problem["errors"][0]["pointer"] == "/deposit"


@pytest.mark.parametrize(
    ("deposit", "kept"), [("150", "150.00"), ("150.10", "150.10"), ("0.07", "0.07"), ("1.5e2", "150.00")]
)
async def test_money_keeps_its_cents(registering: Desk, deposit: str, kept: str) -> None:
    answer = await ask(registering, "POST", "/users/", b'{"name": "Ana", "deposit": %s}' % deposit.encode())
    assert (answer.status, json.loads(answer.body)["status"]) == (201, kept)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a\nb", "\ud800", "\ufffe", "\u2028", "x" * 201, "\u200b"])
async def test_text_that_cannot_be_printed_is_refused(registering: Desk, name: str) -> None:
    assert_told(await ask(registering, "POST", "/users/", json.dumps({"name": name}).encode()), 422)


@pytest.mark.parametrize(
    "content_type",
    [None, b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b"json", b'\xff;;="'],
)
async def test_what_is_not_sent_as_json_is_not_read(holding: Desk, content_type: bytes | None) -> None:
    headers = [(b"content-type", content_type)] if content_type is not None else []
    assert_told(await ask(holding, "POST", "/reservations/", json.dumps(GOOD).encode(), headers), 415)


@pytest.mark.parametrize(
    "content_type", [b"application/json; charset=utf-8", b"APPLICATION/JSON", b"application/vnd.x+json"]
)
async def test_json_has_several_names(holding: Desk, content_type: bytes) -> None:
    answer = await ask(holding, "POST", "/reservations/", json.dumps(GOOD).encode(), [(b"content-type", content_type)])
    assert answer.status == 202


async def test_a_body_that_is_too_large_is_refused_whatever_its_length_is_said_to_be(holding: Desk) -> None:
    for headers in ([JSON], [JSON, (b"content-length", b"7")], [JSON, (b"transfer-encoding", b"chunked")]):
        assert_told(await ask(holding, "POST", "/reservations/", b" " * 70_000, headers), 413)


async def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(holding: Desk) -> None:
    announced = [JSON, (b"content-length", b"99999999999999")]
    assert_told(await ask(holding, "POST", "/reservations/", b"{}", announced), 413)


@pytest.mark.parametrize("query", [b"status=%00", b"status=a%0Ab", b"%1b=1", b"status=%C2%85", b"cursor=%7f"])
async def test_control_characters_in_a_query_come_nowhere_near_the_database(registering: Desk, query: bytes) -> None:
    assert_told(await ask(registering, "GET", "/users/", query=query), 422)


async def test_a_client_that_goes_away_in_the_middle_of_its_body_is_no_error(holding: Desk) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/reservations/", "query_string": b"", "headers": [JSON]}
    await holding.app({**scope, "headers": [JSON, (b"content-length", b"9")]}, receive, send)
    assert [message["status"] for message in sent if "status" in message] in ([], [400])


BODIES = [*MALFORMED.values(), *(body for body, _ in INVALID.values()), json.dumps(GOOD).encode(), b'{"name": "Ana"}']
VALUES = [b"", b"\0", b"\xff\xfe", b"1e9", b'"', b"wait=0;=", b"%", b"," * 99, b"Bearer", b"Bearer \xff", b"x" * 9999]
NAMES = [b"idempotency-key", b"prefer", b"content-type", b"authorization", b"traceparent", b"host", b"accept"]
IDS = ["", "1", "\0", "\ufffd", "\ud800", "..", "%00", str(uuid4()), "{id}", "a" * 5000, "🎫", "[", "//", "\n"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "get"]
QUERIES = [b"", b"limit=9&limit=x", b"cursor=%00", b"%ff=%fe", b"&&&=", b"limit=" + b"9" * 5000, b"status=%F0%9F%8E%AB"]
PLACES = ["/reservations", "/users", "/health", "/docs", ""]


def anything(chance: random.Random) -> tuple[str, str, bytes, list[tuple[bytes, bytes]], bytes]:
    """A request that no client in its right mind sends."""
    body = bytearray(chance.choice(BODIES))
    for _ in range(chance.choice([0, 0, 1, 3]) if body else 0):
        body[chance.randrange(len(body))] = chance.randrange(256)
    headers = [(chance.choice(NAMES), chance.choice(VALUES)) for _ in range(chance.randint(0, 3))]
    if chance.random() < 0.7:
        headers.append(JSON)
    path = chance.choice(PLACES) + f"/{chance.choice(IDS)}" * chance.randint(0, 2)
    return chance.choice(METHODS), path, bytes(body), headers, chance.choice(QUERIES)


@pytest.mark.parametrize("seed", range(8))
async def test_no_request_gives_500(holding: Desk, registering: Desk, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        request = anything(chance)
        answer = await ask(chance.choice([holding, registering]), *request)
        assert answer.status < 500, request
        if answer.status >= 400:
            assert_told(answer, answer.status)
