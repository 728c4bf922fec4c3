"""What the order service answers: message in, messages out."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.event import EventCancelled
from contracts.message import Envelope, Message
from contracts.money import MAX_CENTS, Money
from contracts.order import (
    CancelOrder,
    CancelOrdersOf,
    OrderCancelled,
    OrderCompleted,
    OrderItem,
    OrderPlaced,
    OrderProduct,
    OrderRejected,
    PaymentChoice,
    PaymentRequested,
    PlaceOrder,
)
from contracts.payment import PaymentRefunded, PaymentVoided, VoidPayment
from contracts.product import ProductLine, ProductsAllocated, ProductsRefused
from contracts.reservation import ReservationExpired, ReservationsAttached, ReservationsRefused, SeatLine
from contracts.ticket import TicketsIssued, VoidRefused, VoidTickets
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.ids import uuid7
from services.chassis.kernel import NotYet
from services.order.domain import Buyer, EventMark, Item, Order, Status, Wish
from services.order.handlers import on
from services.order.ports import LivePage, Ports
from tests.unit import handling
from tests.unit.handling import NOW, Outcome
from tests.unit.order.orders import (
    BUYER,
    ENDS,
    EVENT,
    MARGIN,
    ORDER,
    RESERVATION,
    SEAT_LINE,
    SEATS,
    SHIRT,
    SHIRT_LINE,
    SHIRTS,
    TICKET,
    TOTAL,
    an_answered_order,
    an_order,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OF: dict[str, Any] = {"order_id": ORDER, "event_id": EVENT}
ports = partial(Ports, payment_margin=MARGIN, pending_horizon=HOUR)

KNOWN = Buyer(BUYER, 1, erased=False)
ATTACHED = ReservationsAttached(**OF, lines=(SEAT_LINE,), expires_at=ENDS)
ALLOCATED = ProductsAllocated(**OF, lines=(SHIRT_LINE,))
EXPIRED = ReservationExpired(**OF, reservation_id=RESERVATION)


def handle(message: Message, *rows: Any, **options: Any) -> Outcome:
    return handling.handle(on, message, rows=rows, ports=ports, **options)


def ordering(**changes: Any) -> PlaceOrder:
    return PlaceOrder.model_validate(
        {
            "order_id": ORDER,
            "user_id": BUYER,
            "event_id": EVENT,
            "items": [{"reservation_id": RESERVATION, "ticket_id": TICKET, "quantity": 2}],
            "products": [{"product_id": SHIRT, "quantity": 2}],
            "total_price": Money(TOTAL),
            "payment": {"token": "approve"},
            "caller": "anonymous",
        }
        | changes
    )


def cancelling(order_id: UUID = ORDER, reason: str = "cancelled") -> CancelOrder:
    return CancelOrder.model_validate({"order_id": order_id, "reason": reason, "caller": "anonymous"})


# Placing


def test_a_known_buyers_order_is_placed() -> None:
    outcome = handle(ordering(), KNOWN)
    assert outcome.message == OrderPlaced(
        **OF,
        user_id=BUYER,
        items=(OrderItem(reservation_id=RESERVATION, ticket_id=TICKET, quantity=2),),
        products=(OrderProduct(product_id=SHIRT, quantity=2),),
    )
    assert outcome.row(Order, ORDER) == an_order(
        items=(Item(RESERVATION, TICKET, 2),), wishes=(Wish(SHIRT, 2),), payment_token="approve"
    )


def test_a_buyer_who_is_not_known_yet_is_waited_for() -> None:
    with pytest.raises(NotYet, match=str(BUYER)):
        handle(ordering(), sent=NOW - MINUTE + timedelta(seconds=1))


def test_a_buyer_who_stays_unknown_for_a_minute_is_nobody() -> None:
    outcome = handle(ordering(), sent=NOW - MINUTE)
    assert outcome.message == OrderRejected(**OF, reason="unknown_user")
    assert outcome.row(Order, ORDER).status is Status.REJECTED


def test_an_erased_buyer_orders_nothing_more() -> None:
    assert handle(ordering(), Buyer(BUYER, 2, erased=True)).message == OrderRejected(**OF, reason="unknown_user")


def test_an_order_for_a_called_off_event_is_rejected_at_once() -> None:
    outcome = handle(ordering(), EventMark(EVENT, called_off=True))
    assert outcome.message == OrderRejected(**OF, reason="event_cancelled")


def test_placing_and_calling_off_lock_the_same_row() -> None:
    placed, called_off = handle(ordering(), KNOWN), handle(called_off_event())
    assert placed.row(EventMark, EVENT) == EventMark(EVENT, called_off=False)
    assert called_off.row(EventMark, EVENT) == EventMark(EVENT, called_off=True)


# The answers


def test_when_all_have_answered_the_payment_is_asked_for_until_a_margin_before_the_seats_end() -> None:
    order = an_order(payment_token="approve")
    assert handle(ALLOCATED, order).messages == []
    assert handle(ATTACHED, order).message == PaymentRequested(
        **OF, amount=Money(TOTAL), expires_at=ENDS - MARGIN, payment=PaymentChoice(token="approve")
    )
    assert (order.seats, order.extras) == ((SEATS,), (SHIRTS,))


@pytest.mark.parametrize(
    ("refusal", "other"),
    [
        (ReservationsRefused(**OF, reason="wrong_owner"), ALLOCATED),
        (ProductsRefused(**OF, reason="products_sold_out"), ATTACHED),
    ],
)
@pytest.mark.parametrize("refusal_first", [True, False])
def test_a_refusal_rejects_the_order_once_the_other_has_answered(
    refusal: ReservationsRefused | ProductsRefused, other: Message, refusal_first: bool
) -> None:
    order = an_order()
    first, second = (refusal, other) if refusal_first else (other, refusal)
    assert handle(first, order).messages == []
    assert handle(second, order).message == OrderRejected(**OF, reason=refusal.reason)


def test_a_wrong_total_is_told_with_both_figures() -> None:
    order = an_order(total_cents=1, extras=(SHIRTS,))
    assert handle(ATTACHED, order).message == OrderRejected(
        **OF, reason="total_mismatch", total_price=Money(1), expected_total=Money(TOTAL)
    )


def test_a_sum_beyond_all_money_is_rejected_in_a_message_that_can_be_read() -> None:
    dear = SeatLine(
        reservation_id=RESERVATION, ticket_id=TICKET, ticket_name="Ouro", quantity=50, unit_price=Money(MAX_CENTS)
    )
    rejected = handle(ReservationsAttached(**OF, lines=(dear,), expires_at=ENDS), an_order(extras=())).message
    assert rejected == OrderRejected(**OF, reason="total_mismatch", total_price=Money(TOTAL))
    sent = Envelope.request(rejected, by="order", at=NOW, message_id=uuid4()).encode()
    assert Envelope.decode(sent).message == rejected


def test_what_costs_nothing_asks_for_nothing() -> None:
    free = ReservationsAttached(**OF, lines=(SEAT_LINE.model_copy(update={"unit_price": Money(0)}),), expires_at=ENDS)
    gift = ProductsAllocated(
        **OF, lines=(ProductLine(product_id=SHIRT, name="Camiseta", quantity=2, unit_price=Money(0)),)
    )
    order = an_order(total_cents=0)
    handle(gift, order)
    requested = handle(free, order).message
    assert isinstance(requested, PaymentRequested)
    assert requested.amount == Money(0)


def test_answers_that_come_when_the_margin_has_begun_are_too_late() -> None:
    late = ENDS - MARGIN + timedelta(milliseconds=1)
    assert handle(ATTACHED, an_order(extras=(SHIRTS,)), now=late).message == OrderRejected(**OF, reason="expired")


def test_an_expiry_among_the_answers_is_remembered() -> None:
    order = an_order(extras=(SHIRTS,))
    assert handle(EXPIRED, order).messages == []
    assert handle(ATTACHED, order).message == OrderRejected(**OF, reason="expired")


def test_an_answer_without_an_order_waits_and_is_never_lost() -> None:
    with pytest.raises(NotYet, match=str(ORDER)):
        handle(ATTACHED, now=NOW + 100 * HOUR, sent=NOW)


# The ways back


def test_a_cancellation_among_the_answers_is_remembered() -> None:
    order = an_order(extras=(SHIRTS,))
    assert handle(cancelling(), order).messages == []
    assert handle(ATTACHED, order).message == OrderRejected(**OF, reason="cancelled")


def test_an_order_may_still_be_in_its_queue_when_it_is_cancelled() -> None:
    order_id = uuid7(NOW, 1)
    with pytest.raises(NotYet, match=str(order_id)):
        handle(cancelling(order_id), now=NOW + HOUR - timedelta(seconds=1), sent=NOW)
    assert handle(cancelling(order_id), now=NOW + HOUR, sent=NOW).messages == []


def test_an_order_that_cannot_exist_is_not_waited_for() -> None:
    assert handle(cancelling(uuid4())).messages == []


def test_cancelling_before_the_payment_voids_it_and_then_the_order() -> None:
    order = an_answered_order(Status.AWAITING_PAYMENT)
    assert handle(cancelling(), order).message == VoidPayment(**OF)
    assert handle(PaymentVoided(**OF), order).message == OrderCancelled(**OF, reason="cancelled")


def test_paid_first_and_cancelled_then_has_its_tickets_voided_as_soon_as_they_are_there() -> None:
    order = an_answered_order(Status.CONFIRMED)
    assert handle(cancelling(), order).messages == []
    assert handle(TicketsIssued(**OF, tickets=()), order).messages == [
        OrderCompleted(**OF, user_id=BUYER),
        VoidTickets(**OF, reason="cancelled"),
    ]


def test_an_event_called_off_is_not_stopped_by_open_gates() -> None:
    order = an_answered_order(Status.COMPLETED)
    assert handle(cancelling(), order).message == VoidTickets(**OF, reason="cancelled")
    assert handle(cancelling(reason="event_cancelled"), order).messages == []
    refused = handle(VoidRefused(**OF, reason="gates_open"), order)
    assert refused.message == VoidTickets(**OF, reason="event_cancelled")


def test_expired_while_it_waited_for_its_payment() -> None:
    assert handle(EXPIRED, an_answered_order(Status.AWAITING_PAYMENT)).message == OrderCancelled(**OF, reason="expired")


def test_a_refund_that_overtook_the_decline_waits_for_it_without_end() -> None:
    order = an_answered_order(Status.AWAITING_PAYMENT)
    refunded = PaymentRefunded(**OF, amount=Money(TOTAL))
    with pytest.raises(NotYet, match="declined or voided"):
        handle(refunded, order, now=NOW + 100 * HOUR, sent=NOW)
    handle(EXPIRED, order)
    assert handle(refunded, order).row(Order, ORDER).refunded_at == NOW


# An event that is called off


def called_off_event() -> EventCancelled:
    return EventCancelled(
        event_id=EVENT,
        version=2,
        title="Baile",
        location="São Paulo",
        date=NOW + 100 * HOUR,
        timezone="America/Sao_Paulo",
    )


def test_calling_an_event_off_begins_with_the_first_page_of_its_orders() -> None:
    assert handle(called_off_event()).message == CancelOrdersOf(event_id=EVENT)


def test_an_event_that_is_called_off_already_is_no_news() -> None:
    assert handle(called_off_event(), EventMark(EVENT, called_off=True)).messages == []


def test_a_full_page_is_cancelled_and_followed_by_the_next() -> None:
    first, last = uuid4(), uuid4()
    outcome = handle(CancelOrdersOf(event_id=EVENT), effect=LivePage(order_ids=(first, last), more=True))
    assert outcome.messages == [
        CancelOrder(order_id=first, reason="event_cancelled", caller="event"),
        CancelOrder(order_id=last, reason="event_cancelled", caller="event"),
        CancelOrdersOf(event_id=EVENT, after=last),
    ]


@pytest.mark.parametrize("order_ids", [(), (ORDER,)])
def test_a_page_that_is_not_full_is_the_last(order_ids: tuple[UUID, ...]) -> None:
    outcome = handle(CancelOrdersOf(event_id=EVENT), effect=LivePage(order_ids=order_ids, more=False))
    assert [type(message) for message in outcome.messages] == [CancelOrder] * len(order_ids)


# Buyers


def test_a_buyer_becomes_known_whichever_fact_comes_first() -> None:
    for fact in (
        UserRegistered(user_id=BUYER, version=1, name="Ana"),
        UserUpdated(user_id=BUYER, version=2, name="Ana Lima"),
        UserErased(user_id=BUYER, version=3),
    ):
        expected = Buyer(BUYER, fact.version, erased=isinstance(fact, UserErased))
        assert handle(fact).row(Buyer, BUYER) == expected


def test_an_erased_buyer_stays_erased_when_an_older_fact_comes_late() -> None:
    erased = Buyer(BUYER, 3, erased=True)
    assert handle(UserUpdated(user_id=BUYER, version=2, name="Ana"), erased).row(Buyer, BUYER) == Buyer(BUYER, 3, True)
