"""What a request does itself: rows and their facts, operators, pages."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from contracts.user import UserErased, UserRegistered, UserUpdated
from tests.eventually import eventually
from tests.front import OPERATORS_SECRET, Desk, Row, assert_problem, by_type, minted


async def test_a_row_its_fact_and_the_answer_are_made_together(registering: Desk) -> None:
    created = await registering.client.post("/users/", json={"name": "Ana"})
    user = created.json()["id"]
    assert created.status_code == 201
    renamed = await registering.client.put(f"/users/{user}/", json={"name": "Ana Lima"})
    assert renamed.json()["name"] == "Ana Lima"
    assert (await registering.client.get(f"/users/{user}")).json() == renamed.json()
    await eventually(lambda: outbox(registering), until=lambda left: left == 0)
    told = by_type(registering.sent)
    assert {name: len(envelopes) for name, envelopes in told.items()} == {"UserRegistered": 2, "UserUpdated": 2}
    assert {type(envelope.message) for envelope in registering.sent} == {UserRegistered, UserUpdated}


async def outbox(desk_: Desk) -> int:
    async with desk_.running.store.begin() as transaction:
        return len(
            await transaction.claim_due(datetime.max.replace(tzinfo=UTC) - timedelta(days=2), datetime.now(UTC), 9)
        )


async def test_a_row_stays_and_its_fact_waits_in_the_outbox_when_sqs_is_away(registering: Desk) -> None:
    registering.refuse = lambda row: True
    assert (await registering.client.post("/users/", json={"name": "Ana"})).status_code == 201
    assert await outbox(registering) == 2


async def test_what_exists_already_is_a_conflict_and_leaves_nothing_behind(registering: Desk) -> None:
    await registering.put(Row(minted(), "Ana", "here first"))
    assert_problem(await registering.client.post("/users/", json={"name": "Ana"}), 409, "conflict")
    assert await outbox(registering) == 0


async def test_a_route_that_emits_what_its_row_does_not_list_fails_and_says_nothing_of_how(registering: Desk) -> None:
    answer = await registering.client.get(f"/users/{minted()}/mistake")
    assert_problem(answer, 500, "internal")
    assert answer.json()["reference"]
    assert "emit" not in answer.text
    assert await outbox(registering) == 0


async def test_a_created_row_is_created_once_under_one_key(registering: Desk) -> None:
    headers = {"Idempotency-Key": "a-key"}
    body = {"name": "Ana", "deposit": 10.50}
    posts = [await registering.client.post("/users/", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in posts] == [201, 201]
    assert posts[0].json() == posts[1].json()
    assert posts[0].headers["location"] == f"/users/{posts[0].json()['id']}"
    assert_problem(
        await registering.client.post("/users/", json={"name": "Eva"}, headers=headers), 422, "idempotency_key_reused"
    )


async def test_a_key_of_a_request_that_failed_may_be_used_again(registering: Desk) -> None:
    await registering.put(Row(minted(), "Ana", "here first"))
    headers = {"Idempotency-Key": "a-key"}
    assert_problem(await registering.client.post("/users/", json={"name": "Ana"}, headers=headers), 409, "conflict")
    assert (await registering.client.post("/users/", json={"name": "Eva"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic Zm9vOmJhcg=="}])
async def test_operators_routes_ask_for_the_secret(registering: Desk, header: dict[str, str]) -> None:
    answer = await registering.client.delete(f"/users/{minted()}", headers=header)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_operator_is_let_in(registering: Desk) -> None:
    header = {"Authorization": f"Bearer {OPERATORS_SECRET}"}
    assert (await registering.client.delete(f"/users/{minted()}", headers=header)).status_code == 204
    assert by_type(registering.sent).keys() <= {UserErased.__name__}


async def test_whoever_follows_the_links_sees_each_row_once(registering: Desk) -> None:
    ids = [minted(timedelta(days=n)) for n in range(7)]
    await registering.put(*(Row(row_id, f"Name {n}", "á&b") for n, row_id in enumerate(ids)))
    await registering.put(Row(minted(), "Other", "c"))
    url, seen = httpx.URL("http://test/users?limit=3&status=%C3%A1%26b"), []
    for _ in range(4):
        answer = await registering.client.get(url)
        seen.append([row["id"] for row in answer.json()["items"]])
        if "link" not in answer.headers:
            break
        url = url.join(answer.links["next"]["url"])
        assert url.path == "/users"
    assert seen == [[str(i) for i in sorted(ids)[n : n + 3]] for n in (0, 3, 6)]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=ten", "limit=", "cursor=", "cursor=x", "cursor=%00", "cursor=" + "A" * 22 + "="],
)
async def test_a_page_that_cannot_be_is_refused_with_the_parameters_name(registering: Desk, query: str) -> None:
    answer = await registering.client.get(f"/users/?{query}")
    assert_problem(answer, 422, "invalid")
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]
