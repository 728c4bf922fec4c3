"""An order's rules, beside the table of every pair."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from services.order.domain import SILENT, Buyer, EventMark, Extra, Order, Seats, Status, Word, Words
from tests.unit.handling import NOW
from tests.unit.order.orders import ENDS, EVENT, MARGIN, SEATS, SHIRTS, TOTAL, an_answered_order, an_order

PAY_BEFORE = ENDS - MARGIN

type Step = Callable[[], Words]


def test_an_order_asks_for_seats_and_products() -> None:
    order = an_order()
    assert order.place(None) == (Word.PLACED,)
    assert (order.status, order.seats, order.extras) == (Status.PLACED, None, None)


def test_an_order_of_tickets_only_waits_for_no_products() -> None:
    order = an_order(wishes=(), total_cents=300_00)
    order.place(None)
    assert order.attach((SEATS,), PAY_BEFORE, NOW) == (Word.PAYMENT_REQUESTED,)


def test_an_order_is_rejected_at_birth_when_there_is_a_reason() -> None:
    order = an_order()
    assert order.place("unknown_user") == (Word.REJECTED,)
    assert (order.status, order.reason) == (Status.REJECTED, "unknown_user")


@pytest.mark.parametrize("seats_first", [True, False])
def test_an_order_speaks_only_when_all_have_answered(seats_first: bool) -> None:
    order = an_order()
    answers: list[Step] = [lambda: order.attach((SEATS,), PAY_BEFORE, NOW), lambda: order.allocate((SHIRTS,), NOW)]
    first, second = answers if seats_first else reversed(answers)
    assert first() == SILENT
    assert second() == (Word.PAYMENT_REQUESTED,)
    assert order.expected_cents == order.total_cents == TOTAL


@pytest.mark.parametrize(
    ("total_cents", "seat_cents"), [(TOTAL + 1, 150_00), (TOTAL - 1, 150_00), (TOTAL, 0), (0, 150_00)]
)
def test_a_total_that_is_not_the_sum_is_rejected_with_both(total_cents: int, seat_cents: int) -> None:
    order = an_order(total_cents=total_cents, extras=(SHIRTS,))
    seats = Seats(SEATS.reservation_id, SEATS.ticket_id, "Pista", 2, seat_cents)
    assert order.attach((seats,), PAY_BEFORE, NOW) == (Word.REJECTED,)
    assert (order.reason, order.total_cents) == ("total_mismatch", total_cents)
    assert order.expected_cents == 2 * seat_cents + 2 * 89_90


def test_what_costs_nothing_asks_for_a_payment_of_nothing() -> None:
    order = an_order(total_cents=0)
    order.allocate((Extra(SHIRTS.product_id, "Camiseta", 2, 0),), NOW)
    seats = Seats(SEATS.reservation_id, SEATS.ticket_id, "Cortesia", 2, 0)
    assert order.attach((seats,), PAY_BEFORE, NOW) == (Word.PAYMENT_REQUESTED,)


@pytest.mark.parametrize(
    ("late", "status"), [(timedelta(0), "awaiting_payment"), (timedelta(microseconds=1), "rejected")]
)
def test_less_than_the_margin_left_is_too_late_to_pay(late: timedelta, status: str) -> None:
    order = an_order(extras=(SHIRTS,))
    order.attach((SEATS,), PAY_BEFORE, PAY_BEFORE + late)
    assert order.status == status
    assert order.reason == (None if status == "awaiting_payment" else "expired")


REASONS: list[tuple[dict[str, Any], str]] = [
    ({"withdrawal": "cancelled", "refusal": "products_sold_out", "expired": True, "total_cents": 1}, "cancelled"),
    ({"withdrawal": "event_cancelled"}, "event_cancelled"),
    ({"refusal": "products_sold_out", "expired": True, "total_cents": 1}, "products_sold_out"),
    ({"expired": True, "total_cents": 1}, "expired"),
    ({"total_cents": 1}, "total_mismatch"),
]


@pytest.mark.parametrize(("remembered", "reason"), REASONS)
def test_of_several_reasons_to_reject_one_is_told(remembered: dict[str, Any], reason: str) -> None:
    order = an_order(**{"extras": (SHIRTS,)} | remembered)
    assert order.attach((SEATS,), PAY_BEFORE, NOW) == (Word.REJECTED,)
    assert order.reason == reason


def test_two_refusals_give_one_reason_whichever_comes_first() -> None:
    def refused(order: Order, seats_first: bool) -> str | None:
        steps: list[Step] = [
            lambda: order.refuse_seats("not_held", NOW),
            lambda: order.refuse_products("wrong_event", NOW),
        ]
        for refuse in steps if seats_first else reversed(steps):
            refuse()
        return order.reason

    assert refused(an_order(), seats_first=True) == refused(an_order(), seats_first=False) == "not_held"


def test_what_comes_before_the_last_answer_leaves_the_same_order_whatever_its_order() -> None:
    def after(steps: tuple[int, ...]) -> Order:
        order = an_order()
        news: list[Step] = [
            lambda: order.allocate((SHIRTS,), NOW),
            lambda: order.withdraw("cancelled"),
            lambda: order.withdraw("event_cancelled"),
            order.expire,
        ]
        for step in steps:
            assert news[step]() == SILENT
        assert order.attach((SEATS,), PAY_BEFORE, NOW) == (Word.REJECTED,)
        return order

    results = [after(steps) for steps in permutations(range(4))]
    assert all(order == results[0] for order in results)
    assert results[0].reason == "event_cancelled"


@pytest.mark.parametrize("status", [Status.AWAITING_PAYMENT, Status.CONFIRMED, Status.CANCELLING])
def test_an_event_called_off_outranks_the_buyers_cancellation_and_is_outranked_by_none(status: Status) -> None:
    order = an_answered_order(status, withdrawal="cancelled")
    assert order.withdraw("event_cancelled") == SILENT
    assert order.withdraw("cancelled") == SILENT
    assert order.withdrawal == "event_cancelled"


def test_a_voided_payment_cancels_for_the_reason_that_was_asked() -> None:
    order = an_answered_order(Status.AWAITING_PAYMENT)
    assert order.withdraw("cancelled") == (Word.VOID_PAYMENT,)
    order.withdraw("event_cancelled")
    order.payment_voided()
    assert (order.status, order.reason) == (Status.CANCELLED, "event_cancelled")


def test_a_buyer_who_was_stopped_at_the_gate_may_ask_again_and_so_may_the_event() -> None:
    order = an_answered_order(Status.COMPLETED)
    assert order.withdraw("cancelled") == (Word.VOID_TICKETS,)
    order.keep("gates_open")
    assert (order.status, order.kept, order.withdrawal) == (Status.COMPLETED, "gates_open", None)
    assert order.withdraw("event_cancelled") == (Word.VOID_TICKETS,)
    assert order.kept is None
    order.tickets_voided()
    assert (order.status, order.reason) == (Status.CANCELLED, "event_cancelled")


def test_a_used_ticket_stops_even_a_called_off_event() -> None:
    order = an_answered_order(Status.CANCELLING, withdrawal="event_cancelled")
    assert order.keep("gates_open") == (Word.VOID_TICKETS,)
    assert order.keep("used") == SILENT
    assert (order.status, order.kept) == (Status.COMPLETED, "used")


def test_a_refund_says_when() -> None:
    order = an_answered_order(Status.CANCELLED, reason="expired")
    order.refund(NOW)
    assert (order.status, order.reason, order.refunded_at) == (Status.REFUNDED, "expired", NOW)


def test_an_older_version_of_a_buyer_never_overwrites_a_newer_one() -> None:
    buyer = Buyer(uuid4(), 1, erased=False)
    buyer.learn(3, erased=True)
    buyer.learn(2, erased=False)
    assert (buyer.version, buyer.erased) == (3, True)


def test_an_event_is_called_off_once_and_for_ever() -> None:
    mark = EventMark.on_sight(EVENT)
    assert mark == EventMark(EVENT, called_off=False)
    assert [mark.call_off(), mark.call_off()] == [True, False]
    assert mark.called_off
