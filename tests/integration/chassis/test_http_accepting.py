"""Accepted commands: on their way or not, once under one key, pending until they are decided."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.reservation import CancelReservation, ReserveTickets
from services.chassis.ids import minted_at
from tests.front import Desk, Row, assert_problem, minted

ORDER = {"user_id": str(uuid4()), "ticket_id": str(uuid4()), "quantity": 2}


async def test_a_request_is_accepted_with_its_place_and_its_message_is_on_its_way(holding: Desk) -> None:
    answer = await holding.client.post("/reservations/", json=ORDER)
    made = UUID(answer.json()["id"])
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.headers["location"] == f"/reservations/{made}"
    assert answer.headers["retry-after"] == "1"
    assert minted_at(made) is not None
    [envelope] = holding.sent
    assert isinstance(envelope.message, ReserveTickets)
    assert (envelope.message.reservation_id, envelope.message.quantity) == (made, 2)
    assert envelope.id == envelope.message.id_when(made)
    assert (await holding.client.get(answer.headers["location"])).json() == answer.json()


async def test_the_callers_trace_travels_with_the_message(holding: Desk) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await holding.client.post("/reservations/", json=ORDER, headers={"traceparent": trace})
    await holding.client.post("/reservations/", json=ORDER, headers={"traceparent": "00-" + "0" * 32 + "-x-01"})
    assert [envelope.traceparent for envelope in holding.sent] == [trace, None]


async def test_what_sqs_does_not_take_is_answered_as_unavailable(holding: Desk) -> None:
    holding.refuse = lambda row: True
    answer = await holding.client.post("/reservations/", json=ORDER)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]


async def test_requests_that_share_a_send_get_their_own_outcomes(holding: Desk) -> None:
    buyers = [str(uuid4()) for _ in range(8)]
    holding.refuse = lambda row: buyers[3] in row.body

    async def reserve(buyer: str) -> int:
        return (await holding.client.post("/reservations/", json={**ORDER, "user_id": buyer})).status_code

    statuses = await asyncio.gather(*(reserve(buyer) for buyer in buyers))
    assert statuses == [503 if buyer == buyers[3] else 202 for buyer in buyers]


async def test_a_command_about_a_resource_is_accepted(holding: Desk) -> None:
    held = minted()
    await holding.put(Row(held, "A", "held"))
    answer = await holding.client.delete(f"/reservations/{held}")
    assert (answer.status_code, answer.json()) == (202, {"id": str(held), "status": "pending"})
    [envelope] = holding.sent
    assert isinstance(envelope.message, CancelReservation)
    again = await holding.client.delete(f"/reservations/{held}")
    assert again.status_code == 202
    assert len({envelope.id for envelope in holding.sent}) == 2


async def test_a_route_refuses_with_its_own_slug(holding: Desk) -> None:
    held = minted()
    await holding.put(Row(held, "A", "attached"))
    assert_problem(await holding.client.delete(f"/reservations/{held}"), 409, "cancel_the_order")
    assert holding.sent == []


async def test_the_same_key_makes_one_resource_and_sends_the_same_message_again(holding: Desk) -> None:
    headers = {"Idempotency-Key": '"a-key"'}
    answers = [await holding.client.post("/reservations/", json=ORDER, headers=headers) for _ in range(2)]
    # The draft's quotes are optional here, and the order of names does not matter.
    spelled = dict(reversed(ORDER.items()))
    answers.append(await holding.client.post("/reservations", json=spelled, headers={"Idempotency-Key": "a-key"}))
    assert len({(answer.status_code, answer.text, answer.headers["location"]) for answer in answers}) == 1
    assert len(holding.sent) == 3
    assert len({envelope.id for envelope in holding.sent}) == 1


async def test_the_same_key_at_the_same_time_makes_one_resource(holding: Desk) -> None:
    headers = {"Idempotency-Key": "a-key"}
    posts = (holding.client.post("/reservations/", json=ORDER, headers=headers) for _ in range(6))
    assert len({answer.json()["id"] for answer in await asyncio.gather(*posts)}) == 1


async def test_a_key_with_another_body_is_refused(holding: Desk) -> None:
    headers = {"Idempotency-Key": "a-key"}
    await holding.client.post("/reservations/", json=ORDER, headers=headers)
    other = await holding.client.post("/reservations/", json={**ORDER, "quantity": 3}, headers=headers)
    assert_problem(other, 422, "idempotency_key_reused")
    assert len(holding.sent) == 1


@pytest.mark.parametrize("key", ["", '""', "two words", "a" * 256, "schlüssel".encode("latin-1")])
async def test_a_key_that_is_none_is_refused(holding: Desk, key: str | bytes) -> None:
    answer = await holding.client.post("/reservations/", json=ORDER, headers=[(b"Idempotency-Key", _bytes(key))])
    assert_problem(answer, 400, "idempotency_key_malformed")


async def test_two_keys_are_none(holding: Desk) -> None:
    both = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    assert_problem(
        await holding.client.post("/reservations/", json=ORDER, headers=both), 400, "idempotency_key_malformed"
    )


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(minutes=59), -timedelta(seconds=50)])
async def test_an_unknown_id_that_is_young_is_pending(holding: Desk, ago: timedelta) -> None:
    young = minted(ago)
    answer = await holding.client.get(f"/reservations/{young}")
    assert (answer.status_code, answer.json()) == (200, {"id": str(young), "status": "pending"})
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    "unknown",
    [
        minted(timedelta(minutes=61)),
        # From the future, however long after its collection the test is run.
        minted(-timedelta(days=2)),
        uuid4(),
        UUID(int=0),
        UUID(int=2**128 - 1),
        "7",
        "nobody",
        "%00",
        "%ff%fe",
        "%F0%9F%8E%AB",
    ],
    ids=["too old", "of the future", "of no time", "nil", "max", "number", "word", "nul", "no UTF-8", "emoji"],
)
async def test_an_id_that_cannot_come_any_more_is_not_found(holding: Desk, unknown: object) -> None:
    assert_problem(await holding.client.get(f"/reservations/{unknown}"), 404, "not_found")
