"""An issue that failed is taken up again, in the safe form of from-order."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.message import Envelope
from services.chassis.store import Attempt
from tests.integration.ticket.conftest import OPERATOR, REGISTERED, SCHEDULED, Box, problem
from tests.unit.ticket.tickets import BUYER, CONCERT, CONFIRMED, FIRST, FLOOR, NOW, ORDER, RESERVATION, SECOND

SAME_ORDER: dict[str, Any] = {
    "id": str(ORDER),
    "user_id": str(BUYER),
    "event_id": str(CONCERT),
    "status": "confirmed",
    "items": [{"reservation_id": str(RESERVATION), "ticket_id": str(FLOOR), "quantity": 2}],
    "total_price": 300.0,
}


async def take_up(box: Box, payload: dict[str, Any]) -> httpx.Response:
    return await box.http.post("/tickets/from-order", json=payload, headers=OPERATOR)


async def failed_once(box: Box) -> UUID:
    """An order's confirmation was received, and failed. Its message's id."""
    envelope = Envelope.request(CONFIRMED, by="reservation", at=NOW, message_id=uuid4())
    async with box.running.store.begin() as transaction:
        await transaction.failed(Attempt(envelope, "OSError: disk full", "s3.py:1 put", NOW))
    return envelope.id


@pytest.mark.parametrize("payload", [SAME_ORDER, {"order_id": str(ORDER)}])
async def test_an_order_that_was_issued_shows_its_tickets(issued: Box, payload: dict[str, Any]) -> None:
    answer = await take_up(issued, payload)
    assert answer.status_code == 200
    assert {one["id"] for one in answer.json()["items"]} == {str(FIRST), str(SECOND)}
    assert await issued.told() == []


async def test_a_confirmation_that_failed_is_queued_again_as_the_same_message(box: Box) -> None:
    message_id = await failed_once(box)
    answer = await take_up(box, SAME_ORDER)
    assert (answer.status_code, answer.json()) == (202, {"id": str(ORDER), "status": "pending"})
    assert answer.headers["location"] == f"/tickets/issued?order_id={ORDER}"
    queued = {dispatch.message_id for dispatch in box.sent.dispatches if dispatch.queue == "ticket-underway"}
    assert queued == {message_id}
    assert await box.told() == [CONFIRMED]


async def test_a_confirmation_that_waits_for_its_event_is_not_queued_twice(box: Box) -> None:
    await box.hear(CONFIRMED)
    box.http.headers["X-Forwarded-Prefix"] = "/v1"
    answer = await take_up(box, SAME_ORDER)
    assert (answer.status_code, answer.json()) == (202, {"id": str(ORDER), "status": "pending"})
    assert answer.headers["location"] == f"/v1/tickets/issued?order_id={ORDER}"
    assert await box.told() == []


async def test_a_key_is_for_one_order_that_is_taken_up(box: Box) -> None:
    await failed_once(box)
    box.http.headers["Idempotency-Key"] = "k-1"
    assert [(await take_up(box, SAME_ORDER)).status_code for _ in range(2)] == [202, 202]
    assert problem(await take_up(box, {"order_id": str(UUID(int=98))})) == (422, "idempotency_key_reused")


async def test_an_order_that_was_never_confirmed_gets_no_ticket(box: Box) -> None:
    assert problem(await take_up(box, SAME_ORDER)) == (409, "not_confirmed")
    assert await box.told() == []


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": str(UUID(int=98))},
        {"event_id": str(UUID(int=98))},
        {"items": []},
        {"items": [{"reservation_id": str(UUID(int=98))}]},
        {"items": [{"reservation_id": str(RESERVATION), "quantity": 3}]},
        {"items": [{"reservation_id": str(RESERVATION), "ticket_id": str(UUID(int=98))}]},
    ],
    ids=str,
)
async def test_an_order_that_differs_from_what_was_confirmed_is_refused(box: Box, other: dict[str, Any]) -> None:
    await failed_once(box)
    assert problem(await take_up(box, SAME_ORDER | other)) == (409, "order_mismatch")
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    assert problem(await take_up(box, SAME_ORDER | other)) == (409, "order_mismatch")
