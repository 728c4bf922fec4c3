"""Behind a gateway: the stage in a path, where a resource is for a client of the gateway, browsers."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.front import Desk, assert_problem, desk, people

PREFIX = "X-Forwarded-Prefix"
HOLD = {"user_id": str(uuid.uuid4()), "ticket_id": str(uuid.uuid4()), "quantity": 2}


@pytest.fixture
async def staged(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("BILHETAGEM_STAGE_PREFIX", "/v1")
    async with desk("user", people(), database_url) as one:
        yield one


@pytest.mark.parametrize("path", ["/users", "/users/", "/v1/users", "/v1/users/"])
async def test_a_stage_in_front_of_a_path_may_be_there_or_not(staged: Desk, path: str) -> None:
    assert (await staged.client.get(path)).status_code == 200
    made = await staged.client.post(path, json={"name": path})
    assert made.headers["location"] == f"/users/{made.json()['id']}"
    assert (await staged.client.get(f"/v1{made.headers['location']}")).json() == made.json()


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/v1/users", "/v10/users", "/v2/users"])
async def test_what_is_no_stage_of_ours_is_not_found(staged: Desk, path: str) -> None:
    assert_problem(await staged.client.get(path), 404, "not_found")


async def test_a_key_means_the_same_with_and_without_the_stage(staged: Desk) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = await staged.client.post("/users/", json={"name": "Ana"}, headers=key)
    again = await staged.client.post("/v1/users", json={"name": "Ana"}, headers=key)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    ("prefix", "begins"),
    [
        ("/_aws/execute-api/bilhetagem/v1", "/_aws/execute-api/bilhetagem/v1/users/"),
        ("/v1/", "/v1/users/"),
        ("/", "/users/"),
        ("", "/users/"),
        ("//elsewhere.example", "/users/"),
        ("https://elsewhere.example", "/users/"),
        ("/v1/../..//x", "/users/"),
    ],
)
async def test_a_location_begins_with_what_the_gateway_took_off(registering: Desk, prefix: str, begins: str) -> None:
    made = await registering.client.post("/users", json={"name": "Ana"}, headers={PREFIX: prefix})
    assert made.headers["location"] == f"{begins}{made.json()['id']}"


async def test_an_accepted_commands_location_does_too(holding: Desk) -> None:
    headers = {PREFIX: "/v1"}
    accepted = await holding.client.post("/reservations", json=HOLD, headers=headers)
    withdrawn = await holding.client.delete(accepted.headers["location"].removeprefix("/v1"), headers=headers)
    expected = f"/v1/reservations/{accepted.json()['id']}"
    assert (accepted.headers["location"], withdrawn.headers["location"]) == (expected, expected)


async def test_a_browser_may_ask_from_any_site_and_read_what_clients_need(registering: Desk) -> None:
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    asks |= {"Access-Control-Request-Headers": "content-type, idempotency-key, prefer, traceparent"}
    preflight = await registering.client.options("/users/", headers=asks)
    answers = [
        await registering.client.get("/users/", headers=asks),
        await registering.client.get("/nowhere", headers=asks),
    ]

    assert preflight.status_code == 200, preflight.text
    for answer in (preflight, *answers):
        assert answer.headers["access-control-allow-origin"] == "*"
    for answer in answers:
        assert {"Location", "Link", "Retry-After", "ETag"} <= exposed(answer)


def exposed(answer: httpx.Response) -> set[str]:
    return set(answer.headers["access-control-expose-headers"].split(", "))
