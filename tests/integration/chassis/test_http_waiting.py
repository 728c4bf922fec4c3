"""Prefer: wait."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.reservation import ReserveTickets
from tests.eventually import eventually
from tests.front import Desk, Row, assert_problem, minted

ORDER = {"user_id": str(uuid4()), "ticket_id": str(uuid4()), "quantity": 2}


async def looks(desk: Desk, number: int = 1) -> None:
    """Wait until somebody has looked so often."""

    async def calls() -> int:
        return len(desk.views.calls)

    await eventually(calls, until=lambda found: found >= number)


@pytest.mark.parametrize(("status", "code"), [("made", 201), ("rejected", 200)])
async def test_a_client_that_waits_gets_the_outcome(holding: Desk, status: str, code: int) -> None:
    waits = {"Prefer": "respond-async, wait=20"}
    asking = asyncio.create_task(holding.client.post("/reservations/", json=ORDER, headers=waits))
    await looks(holding)
    message = holding.sent[0].message
    assert isinstance(message, ReserveTickets)
    await holding.put(Row(message.reservation_id, "A", status))
    async with asyncio.timeout(5):
        answer = await asking
    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["location"] == f"/reservations/{message.reservation_id}"


async def test_a_client_that_waited_in_vain_is_told_where_to_ask(holding: Desk) -> None:
    answer = await holding.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["preference-applied"] == "wait=1"


async def test_what_is_not_settled_is_waited_for(holding: Desk) -> None:
    waits = {"Prefer": "wait=1", "Idempotency-Key": "a-key"}
    first = await holding.client.post("/reservations/", json=ORDER, headers={"Idempotency-Key": "a-key"})
    await holding.put(Row(UUID(first.json()["id"]), "A", "held"))
    answer = await holding.client.post("/reservations/", json=ORDER, headers=waits)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=-1", "wait=ten", "wait=1.5", "wait=0", "await=9"])
async def test_a_preference_that_cannot_be_read_is_ignored(holding: Desk, prefer: str) -> None:
    answer = await holding.client.post("/reservations/", json=ORDER, headers={"Prefer": prefer})
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers
    assert holding.views.calls == []


async def test_nobody_waits_longer_than_the_setting_allows(holding: Desk) -> None:
    made = minted()
    await holding.put(Row(made, "A", "held"))
    holding.stop.set()
    answer = await holding.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=999999999"})
    assert answer.headers["preference-applied"] == "wait=25"


async def test_who_waits_is_answered_when_the_process_stops(holding: Desk) -> None:
    asking = asyncio.create_task(holding.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=20"}))
    await looks(holding)
    holding.stop.set()
    async with asyncio.timeout(5):
        assert (await asking).status_code == 202


async def test_a_get_may_wait_until_the_resource_is_there(holding: Desk) -> None:
    coming = minted()
    asking = asyncio.create_task(holding.client.get(f"/reservations/{coming}", headers={"Prefer": "wait=20"}))
    await looks(holding, 2)
    await holding.put(Row(coming, "A", "held"))
    async with asyncio.timeout(5):
        answer = await asking
    assert (answer.status_code, answer.json()["status"]) == (200, "held")


async def test_all_who_wait_cost_one_query_at_a_time_and_nobody_none(holding: Desk) -> None:
    async def wait() -> httpx.Response:
        return await holding.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=1"})

    answers = await asyncio.gather(*(wait() for _ in range(30)))
    assert {answer.status_code for answer in answers} == {202}
    assert max(holding.views.calls) == 30
    assert len(holding.views.calls) <= 25  # a second, at a query per 50 ms, and some slack

    async def pollers() -> list[str]:
        return [name for task in asyncio.all_tasks() if "Waiting._poll" in (name := str(task.get_coro()))]

    await eventually(pollers, until=lambda found: not found)


async def test_a_database_that_is_lost_while_a_client_waits_does_not_undo_the_acceptance(
    holding: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding.lose_the_database(monkeypatch)
    answer = await holding.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=20"})
    assert answer.status_code == 202
    assert_problem(await holding.client.get(f"/reservations/{minted()}"), 503, "unavailable")
    keyed = await holding.client.post("/reservations/", json=ORDER, headers={"Idempotency-Key": "a-key"})
    assert_problem(keyed, 503, "unavailable")
    assert_problem(await holding.client.get("/ready"), 503, "unavailable")
    assert (await holding.client.get("/health")).json() == {"status": "ok"}
