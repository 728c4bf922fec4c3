"""The order service's tables, on SQLite and PostgreSQL."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from contracts.event import EventCancelled
from contracts.message import Message
from contracts.order import CancelOrder, CancelOrdersOf, PlaceOrder
from services.chassis.decision import Done
from services.chassis.ids import uuid7
from services.order.adapters import sql
from services.order.domain import Buyer, EventMark, Status
from services.order.effects import PAGE
from tests.integration.order.conftest import Orders
from tests.unit.handling import NOW
from tests.unit.order.orders import BUYER, EVENT, an_answered_order, an_order

ENDS: dict[Status, dict[str, Any]] = {
    Status.CANCELLING: {"withdrawal": "cancelled"},
    Status.CANCELLED: {"reason": "expired"},
    Status.REFUNDED: {"reason": "expired", "refunded_at": NOW},
    Status.REJECTED: {"reason": "not_held", "refusal": "not_held"},
}


def minted(number: int) -> UUID:
    return uuid7(NOW + timedelta(milliseconds=number), number)


def called_off() -> EventCancelled:
    date = NOW + timedelta(days=30)
    return EventCancelled(event_id=EVENT, version=2, title="Baile", location="Santos", date=date, timezone="UTC")


async def test_an_order_comes_back_as_it_was_written(service: Orders) -> None:
    written = [
        an_answered_order(status, id=minted(number), payment_token="approve", **ENDS.get(status, {}))
        for number, status in enumerate(Status)
    ]
    await service.put(*written)
    assert [await service.row(order.id) for order in written] == written


async def test_an_order_without_answers_comes_back_without(service: Orders) -> None:
    await service.put(an_order())
    row = await service.row(an_order().id)
    assert (row.seats, row.extras, row) == (None, None, an_order())


async def test_the_database_refuses_an_order_that_contradicts_itself(service: Orders) -> None:
    for wrong in (
        an_answered_order(Status.REJECTED),
        an_answered_order(Status.COMPLETED, reason="expired"),
        an_answered_order(Status.REFUNDED, reason="expired"),
        an_answered_order(Status.CANCELLING),
        an_order(total_cents=-1),
    ):
        with pytest.raises(IntegrityError):
            await service.put(wrong)


async def test_an_events_live_orders_are_found_page_by_page(service: Orders) -> None:
    of_each = [
        an_answered_order(status, id=minted(number), **ENDS.get(status, {})) for number, status in enumerate(Status)
    ]
    await service.put(*of_each, an_order(id=minted(99), event_id=uuid4()))
    live = [order.id for order in of_each if order.status not in {"rejected", "cancelled", "refunded"}]
    orders = sql.Orders(service.running.database)
    assert await orders.live(EVENT, None, 3) == live[:3]
    assert await orders.live(EVENT, live[2], 3) == live[3:]
    assert await orders.live(uuid4(), None, 3) == []


async def test_every_order_of_a_called_off_event_is_cancelled_and_later_ones_are_rejected(service: Orders) -> None:
    waiting = [an_answered_order(Status.AWAITING_PAYMENT, id=minted(number)) for number in range(2 * PAGE + PAGE // 2)]
    await service.put(*waiting, Buyer(BUYER, 1, erased=False))
    heard: list[Message] = []
    todo: list[Message] = [called_off()]
    while todo:
        assert set(await service.receive(*todo)) == {Done()}
        heard += todo
        todo = [message for message in service.taken() if isinstance(message, CancelOrder | CancelOrdersOf)]
    assert sum(isinstance(message, CancelOrdersOf) for message in heard) == 3
    for order in waiting:
        assert (await service.row(order.id)).withdrawal == "event_cancelled"

    late = minted(1000)
    await service.receive(
        PlaceOrder.model_validate(
            {
                "order_id": late,
                "user_id": BUYER,
                "event_id": EVENT,
                "items": [{"reservation_id": uuid4()}],
                "total_price": 1,
                "caller": "anonymous",
            }
        )
    )
    assert (await service.row(late)).reason == "event_cancelled"


async def test_an_order_and_the_mark_of_its_event_meet_in_one_batch(service: Orders) -> None:
    await service.put(Buyer(BUYER, 1, erased=False))
    placing = [
        PlaceOrder.model_validate(
            {
                "order_id": minted(number),
                "user_id": BUYER,
                "event_id": EVENT,
                "items": [{"reservation_id": uuid4()}],
                "total_price": 1,
                "caller": "anonymous",
            }
        )
        for number in range(2)
    ]
    await service.receive(placing[0], called_off(), placing[1])
    assert [(await service.row(order.order_id)).status for order in placing] == [Status.PLACED, Status.REJECTED]
    async with service.running.store.begin() as transaction:
        assert await transaction.load(EventMark, [EVENT], lock=False) == [EventMark(EVENT, called_off=True)]
