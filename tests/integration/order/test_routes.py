"""``/orders`` as clients meet it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from contracts.message import Message
from contracts.money import Money
from contracts.order import CancelOrder, PlaceOrder
from contracts.product import ProductLine, ProductsAllocated
from contracts.reservation import ReservationsAttached, ReservationsConfirmed, SeatLine
from contracts.ticket import TicketsIssued
from contracts.user import UserRegistered
from services.chassis.ids import uuid7
from services.chassis.runtime import system_clock
from services.order.adapters.http import OrderView
from services.order.domain import Status
from tests.eventually import eventually
from tests.integration.order.conftest import Orders
from tests.unit.order.orders import BUYER, EVENT, MARGIN, RESERVATION, SHIRT, TICKET, an_answered_order, an_order

BODY: dict[str, Any] = {
    "user_id": str(BUYER),
    "event_id": str(EVENT),
    "items": [{"reservation_id": str(RESERVATION)}],
    "products": [{"product_id": str(SHIRT), "quantity": 2}],
    "total_price": 479.80,
    "payment": {"method": "pix", "token": "approve"},
}
WAIT = {"Prefer": "wait=10"}


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["slug"]


async def placed(service: Orders) -> PlaceOrder:
    """The order that a client is sending just now."""

    async def taken() -> list[Message]:
        return service.taken()

    (order,) = await eventually(taken)
    assert isinstance(order, PlaceOrder)
    await service.receive(UserRegistered(user_id=BUYER, version=1, name="Ana"), order)
    return order


async def answered(service: Orders, order: PlaceOrder, seat_cents: int = 150_00, shirt_cents: int = 89_90) -> None:
    """Let reservation and product answer."""
    seats = SeatLine(
        reservation_id=RESERVATION, ticket_id=TICKET, ticket_name="Pista", quantity=2, unit_price=Money(seat_cents)
    )
    shirts = ProductLine(product_id=SHIRT, name="Camiseta", quantity=2, unit_price=Money(shirt_cents))
    ends = system_clock() + 10 * MARGIN
    await service.receive(
        ReservationsAttached(order_id=order.order_id, event_id=EVENT, lines=(seats,), expires_at=ends),
        ProductsAllocated(order_id=order.order_id, event_id=EVENT, lines=(shirts,)),
    )


async def test_an_order_is_accepted_pending_placed_and_then_awaits_its_payment(service: Orders) -> None:
    accepted = await service.http.post("/orders/", json=BODY)
    assert accepted.status_code == 202
    location = accepted.headers["location"]
    assert (await service.http.get(location)).json() == {"id": accepted.json()["id"], "status": "pending"}

    order = await placed(service)
    assert (order.total_price, order.payment.token) == (Money(479_80), "approve")
    shown = (await service.http.get(location)).json()
    assert (shown["status"], shown["payment_url"]) == ("placed", None)
    assert shown["items"] == [
        {"reservation_id": str(RESERVATION), "ticket_id": None, "name": None, "quantity": None, "unit_price": None}
    ]
    assert shown["products"] == [{"product_id": str(SHIRT), "name": None, "quantity": 2, "unit_price": None}]

    await answered(service, order)
    shown = (await service.http.get(location)).json()
    assert (shown["status"], shown["payment_url"]) == ("awaiting_payment", f"/payments/{order.order_id}")
    assert (shown["total_price"], shown["expected_total"]) == (479.80, 479.80)
    assert shown["items"][0] == {
        "reservation_id": str(RESERVATION),
        "ticket_id": str(TICKET),
        "name": "Pista",
        "quantity": 2,
        "unit_price": 150,
    }
    assert shown["products"][0]["unit_price"] == 89.90
    assert shown["pay_before"] is not None
    assert "approve" not in str(shown)


async def test_a_client_that_waits_is_told_where_to_pay(service: Orders) -> None:
    asking = asyncio.create_task(service.http.post("/orders", json=BODY, headers=WAIT))
    order = await placed(service)
    await answered(service, order)
    answer = await asking
    assert answer.status_code == 201, answer.text
    assert answer.json()["payment_url"] == f"/payments/{order.order_id}"


async def test_a_client_that_waits_for_a_wrong_total_gets_both_figures(service: Orders) -> None:
    asking = asyncio.create_task(service.http.post("/orders/", json=BODY | {"total_price": 1}, headers=WAIT))
    await answered(service, await placed(service))
    answer = await asking
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["reason"]) == ("rejected", "total_mismatch")
    assert (shown["total_price"], shown["expected_total"]) == (1, 479.80)


async def test_a_client_that_waits_for_what_costs_nothing_is_told_when_it_is_completed(service: Orders) -> None:
    asking = asyncio.create_task(service.http.post("/orders/", json=BODY | {"total_price": 0}, headers=WAIT))
    order = await placed(service)
    await answered(service, order, seat_cents=0, shirt_cents=0)
    shown = (await service.http.get(f"/orders/{order.order_id}")).json()
    assert (shown["status"], shown["payment_url"], shown["pay_before"]) == ("awaiting_payment", None, None)
    await service.receive(
        ReservationsConfirmed(order_id=order.order_id, event_id=EVENT, user_id=BUYER, lines=()),
        TicketsIssued(order_id=order.order_id, event_id=EVENT, tickets=()),
    )
    answer = await asking
    assert (answer.status_code, answer.json()["status"]) == (201, "completed")


async def test_the_same_key_places_the_same_order(service: Orders) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [await service.http.post("/orders/", json=BODY, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(set(service.taken())) == 1


async def test_a_cancellation_is_accepted_for_an_order_that_is_there_or_may_still_come(service: Orders) -> None:
    known = an_order(id=uuid7(system_clock(), 1))
    await service.put(known)
    for order_id in (known.id, uuid7(system_clock(), 2)):
        answer = await service.http.delete(f"/orders/{order_id}")
        assert (answer.status_code, answer.headers["location"]) == (202, f"/orders/{order_id}")
        assert service.taken() == [CancelOrder(order_id=order_id, reason="cancelled", caller="anonymous")]


async def test_what_cannot_be_an_order_is_not_found(service: Orders) -> None:
    too_old = uuid7(system_clock() - timedelta(hours=2), 3)
    for order_id in (uuid4(), too_old, "nothing"):
        for method in ("GET", "DELETE"):
            assert problem(await service.http.request(method, f"/orders/{order_id}")) == (404, "not_found")
    assert service.taken() == []


async def test_why_an_order_was_not_cancelled_is_told(service: Orders) -> None:
    kept = an_answered_order(Status.COMPLETED, kept="used")
    await service.put(kept)
    shown = (await service.http.get(f"/orders/{kept.id}")).json()
    assert (shown["status"], shown["cancellation"], shown["cancellation_refused"]) == ("completed", None, "used")


async def test_orders_are_listed_by_page_and_filter(service: Orders) -> None:
    mine = [an_order(id=uuid7(system_clock(), number)) for number in range(5)]
    other = an_answered_order(Status.REJECTED, id=uuid4(), user_id=uuid4(), event_id=uuid4(), reason="expired")
    await service.put(*mine, other)

    async def listed(path: str) -> tuple[list[str], str | None]:
        answer = await service.http.get(path)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]], answer.links.get("next", {}).get("url")

    pages = []
    following: str | None = f"?limit=2&user_id={BUYER}"
    while following:
        page, following = await listed(f"/orders/{following}")
        pages.append(page)
    ids = sorted(str(order.id) for order in mine)
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    for query in (f"user_id={other.user_id}", f"event_id={other.event_id}", "status=rejected"):
        assert (await listed(f"/orders?{query}"))[0] == [str(other.id)]


async def test_a_body_that_is_wrong_in_itself_is_refused_with_the_place(service: Orders) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "/items": {"items": [{"reservation_id": str(RESERVATION)}] * 2},
        "/products": {"products": [{"product_id": str(SHIRT), "quantity": 1}] * 2},
        "/products/0/quantity": {"products": [{"product_id": str(SHIRT), "quantity": 0}]},
        "/total_price": {"total_price": 1.001},
        "/payment/method": {"payment": {"method": "cash"}},
        "/id": {"id": str(uuid4())},
    }
    for pointer, change in wrong.items():
        answer = await service.http.post("/orders/", json=BODY | change)
        assert problem(answer) == (422, "invalid")
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert service.taken() == []


async def test_the_documented_example_is_an_order() -> None:
    (example,) = OrderView.model_json_schema()["examples"]
    assert OrderView.model_validate(example).status is Status.AWAITING_PAYMENT
