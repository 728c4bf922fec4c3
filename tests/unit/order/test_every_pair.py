"""What an order answers to every message, wherever it stands."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from contracts.message import Message
from contracts.order import CancelOrder, PlaceOrder
from contracts.payment import PaymentDeclined, PaymentRefunded, PaymentVoided
from contracts.product import ProductsAllocated, ProductsRefused
from contracts.reservation import (
    ReservationExpired,
    ReservationsAttached,
    ReservationsConfirmed,
    ReservationsRefused,
)
from contracts.routes import reactions
from contracts.ticket import TicketsIssued, TicketsVoided, VoidRefused
from services.chassis.kernel import Impossible, NotYet
from services.order.domain import Order, Status
from services.order.handlers import on
from services.order.ports import Ports
from tests.unit import handling
from tests.unit.handling import NOW
from tests.unit.order.orders import (
    BUYER,
    ENDS,
    EVENT,
    MARGIN,
    ORDER,
    RESERVATION,
    SEAT_LINE,
    SEATS,
    SHIRT_LINE,
    SHIRTS,
    an_answered_order,
    an_order,
)

ports = partial(Ports, payment_margin=MARGIN, pending_horizon=MARGIN)

OF = {"order_id": ORDER, "event_id": EVENT}
NEWS: dict[str, Message] = {
    "att": ReservationsAttached(**OF, lines=(SEAT_LINE,), expires_at=ENDS),
    "ref": ReservationsRefused(**OF, reason="not_held"),
    "all": ProductsAllocated(**OF, lines=(SHIRT_LINE,)),
    "prf": ProductsRefused(**OF, reason="products_sold_out"),
    "cnf": ReservationsConfirmed(**OF, user_id=BUYER, lines=(SEAT_LINE,)),
    "iss": TicketsIssued(**OF, tickets=()),
    "exp": ReservationExpired(**OF, reservation_id=RESERVATION),
    "dec": PaymentDeclined(**OF),
    "rfd": PaymentRefunded(**OF, amount=SEAT_LINE.unit_price),
    "pvd": PaymentVoided(**OF),
    "tvd": TicketsVoided(**OF),
    "usd": VoidRefused(**OF, reason="used"),
    "gat": VoidRefused(**OF, reason="gates_open"),
    "can": CancelOrder(order_id=ORDER, reason="cancelled", caller="anonymous"),
    "off": CancelOrder(order_id=ORDER, reason="event_cancelled", caller="event"),
}

WITHDRAWN = {"withdrawal": "cancelled"}
CALLED_OFF = {"withdrawal": "event_cancelled"}
PRODUCTS_KNOWN = {"extras": (SHIRTS,)}
SITUATIONS: dict[str, Order] = {
    "placed": an_order(),
    "placed_seats_known": an_order(seats=(SEATS,), pay_before=ENDS - MARGIN),
    "placed_products_known": an_order(**PRODUCTS_KNOWN),
    "placed_products_refused": an_order(extras=(), refusal="products_sold_out"),
    "placed_expired": an_order(**PRODUCTS_KNOWN, expired=True),
    "placed_withdrawn": an_order(**PRODUCTS_KNOWN, **WITHDRAWN),
    "placed_called_off": an_order(**PRODUCTS_KNOWN, **CALLED_OFF),
    "awaiting": an_answered_order(Status.AWAITING_PAYMENT),
    "awaiting_withdrawn": an_answered_order(Status.AWAITING_PAYMENT, **WITHDRAWN),
    "awaiting_called_off": an_answered_order(Status.AWAITING_PAYMENT, **CALLED_OFF),
    "confirmed": an_answered_order(Status.CONFIRMED),
    "confirmed_withdrawn": an_answered_order(Status.CONFIRMED, **WITHDRAWN),
    "confirmed_called_off": an_answered_order(Status.CONFIRMED, **CALLED_OFF),
    "completed": an_answered_order(Status.COMPLETED),
    "completed_kept": an_answered_order(Status.COMPLETED, kept="gates_open"),
    "cancelling": an_answered_order(Status.CANCELLING, **WITHDRAWN),
    "cancelling_called_off": an_answered_order(Status.CANCELLING, **CALLED_OFF),
    "cancelled": an_answered_order(Status.CANCELLED, reason="expired"),
    "refunded": an_answered_order(Status.REFUNDED, reason="expired", refunded_at=NOW),
    "rejected": an_answered_order(Status.REJECTED, reason="total_mismatch"),
}

ANSWERS = """
                        att ref all prf cnf iss exp dec rfd pvd tvd usd gat can off
placed                  +   +   +   +   X   X   +   X   X   X   X   X   X   +   +
placed_seats_known      X   X   PAY REJ X   X   +   X   X   X   X   X   X   +   +
placed_products_known   PAY REJ X   X   X   X   +   X   X   X   X   X   X   +   +
placed_products_refused REJ REJ X   X   X   X   +   X   X   X   X   X   X   +   +
placed_expired          REJ REJ X   X   X   X   .   X   X   X   X   X   X   +   +
placed_withdrawn        REJ REJ X   X   X   X   +   X   X   X   X   X   X   .   +
placed_called_off       REJ REJ X   X   X   X   +   X   X   X   X   X   X   .   .
awaiting                X   X   X   X   CNF CMP CAN CAN W   X   X   X   X   VP  VP
awaiting_withdrawn      X   X   X   X   CNF CMV CAN CAN W   CAN X   X   X   .   +
awaiting_called_off     X   X   X   X   CNF CMV CAN CAN W   CAN X   X   X   .   .
confirmed               X   X   X   X   .   CMP X   X   X   X   X   X   X   +   +
confirmed_withdrawn     X   X   X   X   .   CMV X   X   X   X   X   X   X   .   +
confirmed_called_off    X   X   X   X   .   CMV X   X   X   X   X   X   X   .   .
completed               X   X   X   X   .   X   X   X   X   X   X   X   X   VT  VT
completed_kept          X   X   X   X   .   X   X   X   X   X   X   X   X   VT  VT
cancelling              X   X   X   X   .   X   X   X   X   X   CAN KPT KPT .   +
cancelling_called_off   X   X   X   X   .   X   X   X   X   X   CAN KPT VT  .   .
cancelled               X   X   X   X   .   X   .   .   RFD .   X   X   X   .   .
refunded                X   X   X   X   .   X   .   .   X   .   X   X   X   .   .
rejected                X   X   X   X   X   X   .   X   X   X   X   X   X   .   .
"""
"""``.`` ignored; ``+`` remembered, in silence; ``X`` impossible; ``W`` not yet; else as below."""

BECOMES: dict[str, tuple[Status | None, tuple[str, ...]]] = {
    "PAY": (Status.AWAITING_PAYMENT, ("PaymentRequested",)),
    "REJ": (Status.REJECTED, ("OrderRejected",)),
    "CNF": (Status.CONFIRMED, ()),
    "CMP": (Status.COMPLETED, ("OrderCompleted",)),
    "CMV": (Status.CANCELLING, ("OrderCompleted", "VoidTickets")),
    "VP": (Status.AWAITING_PAYMENT, ("VoidPayment",)),
    "VT": (Status.CANCELLING, ("VoidTickets",)),
    "KPT": (Status.COMPLETED, ()),
    "CAN": (Status.CANCELLED, ("OrderCancelled",)),
    "RFD": (Status.REFUNDED, ()),
}


def pairs() -> Iterator[Any]:
    columns, *lines = (line.split() for line in ANSWERS.strip().splitlines())
    for situation, *answers in lines:
        for news, answer in zip(columns, answers, strict=True):
            yield pytest.param(situation, news, answer, id=f"{situation}-{news}")


def test_the_table_is_total() -> None:
    listed = [tuple(pair.values[:2]) for pair in pairs()]
    assert len(listed) == len(set(listed)) == len(SITUATIONS) * len(NEWS)
    about_an_order = {message for message in reactions("order") if "order_id" in message.model_fields}
    assert {type(news) for news in NEWS.values()} | {PlaceOrder} == about_an_order
    assert {order.status for order in SITUATIONS.values()} == set(Status)


@pytest.mark.parametrize(("situation", "news", "answer"), list(pairs()))
def test_an_order_answers_every_message_wherever_it_stands(situation: str, news: str, answer: str) -> None:
    before, order = SITUATIONS[situation], replace(SITUATIONS[situation])
    receive = partial(handling.handle, on, NEWS[news], rows=[order], ports=ports)
    if answer in {"X", "W"}:
        with pytest.raises(Impossible if answer == "X" else NotYet, match=str(ORDER)):
            receive()
        assert order == before
        return
    outcome = receive()
    status, words = BECOMES.get(answer, (before.status, ()))
    assert (order.status, [type(message).__name__ for message in outcome.messages]) == (status, list(words))
    ignored = order == before and not outcome.messages
    assert ignored is (answer == ".")
    assert {type(message) for message in outcome.messages} <= reactions("order")[type(NEWS[news])]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_order_is_placed_once(situation: str) -> None:
    again = PlaceOrder.model_validate(
        OF | {"user_id": BUYER, "items": [{"reservation_id": RESERVATION}], "total_price": 1, "caller": "anonymous"}
    )
    with pytest.raises(Impossible):
        handling.handle(on, again, rows=[replace(SITUATIONS[situation])], ports=ports)
