"""What the reservation service answers to every message."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderCancelled, OrderItem, OrderPlaced, OrderRejected
from contracts.payment import PaymentApproved
from contracts.reservation import (
    CancelReservation,
    ExpireReservation,
    HoldExpired,
    HoldReleased,
    ReservationExpired,
    ReservationRejected,
    ReservationsAttached,
    ReservationsConfirmed,
    ReservationsRefused,
    ReserveTickets,
    TicketsReserved,
)
from contracts.ticket import TicketTypeChanged, TicketTypeCreated
from services.chassis.ids import uuid7
from services.chassis.kernel import NotYet
from services.reservation.domain import Attachment, Bond, Reservation, Sale, Share, Status, Stock
from services.reservation.handlers import on
from services.reservation.ports import Ports
from tests.unit import handling
from tests.unit.handling import NOW, Outcome
from tests.unit.reservation.test_domain import BUYER, EVENT, ORDER, TICKET, a_reservation, a_sale, some_stock

MINUTE = timedelta(minutes=1)
ports = partial(Ports, hold_for=timedelta(minutes=10), pending_horizon=timedelta(hours=1))


def handle(message: Message, *rows: Any, **options: Any) -> Outcome:
    return handling.handle(on, message, rows=rows, ports=ports, **options)


def wanting(quantity: int = 2) -> ReserveTickets:
    return ReserveTickets(
        reservation_id=uuid4(), user_id=BUYER, ticket_id=TICKET, quantity=quantity, caller="anonymous"
    )


def an_order_of(*reservations: Reservation, **changes: Any) -> OrderPlaced:
    items = tuple(OrderItem(reservation_id=reservation.id) for reservation in reservations)
    return OrderPlaced.model_validate(
        {"order_id": ORDER, "user_id": BUYER, "event_id": EVENT, "items": items} | changes
    )


def the_order(
    status: Bond = Bond.ATTACHED, count: int = 1, stock: Stock | None = None
) -> tuple[Attachment, list[Reservation], Stock, Share]:
    state = {Bond.ATTACHED: Status.ATTACHED, Bond.CONFIRMED: Status.CONFIRMED, Bond.RELEASED: Status.RELEASED}
    holds = [a_reservation(status=state[status], order_id=ORDER) for _ in range(count)]
    seats = 2 * count
    stock = stock or some_stock(
        held=seats if status is Bond.ATTACHED else 0, sold=seats if status is Bond.CONFIRMED else 0
    )
    share = Share(Share.key(TICKET, BUYER), 0 if status is Bond.RELEASED else seats)
    return Attachment(ORDER, EVENT, BUYER, tuple(hold.id for hold in holds), status), holds, stock, share


def seats(outcome: Outcome) -> tuple[int, int]:
    stock = outcome.row(Stock, TICKET)
    return stock.held, stock.sold


# Holding


def test_seats_are_held_at_todays_price_and_a_timer_ends_the_hold() -> None:
    command = wanting(2)
    outcome = handle(command, some_stock(), a_sale())
    ends = NOW + timedelta(minutes=10)
    assert outcome.message == TicketsReserved(
        reservation_id=command.reservation_id,
        user_id=BUYER,
        ticket_id=TICKET,
        event_id=EVENT,
        quantity=2,
        unit_price=Money(150_00),
        expires_at=ends,
    )
    assert [(type(t.message), t.due) for t in outcome.timers] == [(ExpireReservation, ends)]
    assert outcome.row(Reservation, command.reservation_id).status is Status.HELD
    assert seats(outcome) == (2, 0)
    assert outcome.row(Share, Share.key(TICKET, BUYER)).quantity == 2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([some_stock(held=9), a_sale()], "sold_out"),
        ([some_stock(), a_sale(called_off=True)], "not_on_sale"),
        ([some_stock(max_per_user=3), a_sale(), Share(Share.key(TICKET, BUYER), 2)], "limit_exceeded"),
    ],
)
def test_seats_that_cannot_be_had_are_rejected_with_the_reason(rows: Iterable[Any], reason: str) -> None:
    command = wanting(2)
    outcome = handle(command, *rows)
    assert outcome.message == ReservationRejected.model_validate(
        {"reservation_id": command.reservation_id, "ticket_id": TICKET, "reason": reason}
    )
    row = outcome.row(Reservation, command.reservation_id)
    assert (row.status, row.reason) == (Status.REJECTED, reason)
    assert not outcome.timers


@pytest.mark.parametrize(("rows", "reason"), [([], "unknown_ticket"), ([some_stock()], "not_on_sale")])
def test_what_the_catalogue_has_not_told_yet_is_awaited_for_a_minute(rows: list[Any], reason: str) -> None:
    with pytest.raises(NotYet):
        handle(wanting(), *rows, sent=NOW - MINUTE + timedelta(seconds=1))
    outcome = handle(wanting(), *rows, sent=NOW - MINUTE)
    assert isinstance(outcome.message, ReservationRejected)
    assert outcome.message.reason == reason


# Giving back, expiring


def held(**changes: Any) -> tuple[Reservation, Stock, Share]:
    return a_reservation(**changes), some_stock(held=2), Share(Share.key(TICKET, BUYER), 2)


def test_a_plain_hold_is_given_back() -> None:
    hold, stock, share = held()
    outcome = handle(CancelReservation(reservation_id=hold.id, caller="anonymous"), hold, stock, share)
    assert outcome.message == HoldReleased(reservation_id=hold.id, ticket_id=TICKET)
    assert seats(outcome) == (0, 0)
    assert share.quantity == 0


@pytest.mark.parametrize("status", [Status.ATTACHED, Status.CONFIRMED, Status.REJECTED, Status.RELEASED])
def test_only_a_plain_hold_can_be_given_back(status: Status) -> None:
    hold, stock, share = held(status=status)
    outcome = handle(CancelReservation(reservation_id=hold.id, caller="anonymous"), hold, stock, share)
    assert not outcome.messages
    assert hold.status is status


def test_giving_back_waits_for_the_reservation_as_long_as_it_can_be_pending() -> None:
    young, old = uuid7(NOW - timedelta(minutes=59), 1), uuid7(NOW - timedelta(hours=1), 1)
    with pytest.raises(NotYet):
        handle(CancelReservation(reservation_id=young, caller="anonymous"))
    assert not handle(CancelReservation(reservation_id=old, caller="anonymous")).messages


def test_a_hold_that_ran_out_is_released() -> None:
    hold, stock, share = held(expires_at=NOW)
    outcome = handle(ExpireReservation(reservation_id=hold.id), hold, stock, share)
    assert outcome.message == HoldExpired(reservation_id=hold.id, ticket_id=TICKET)
    assert (hold.status, hold.reason) == (Status.RELEASED, "expired")
    assert seats(outcome) == (0, 0)


def test_a_timer_that_comes_too_early_waits() -> None:
    hold, stock, share = held(expires_at=NOW + timedelta(seconds=1))
    with pytest.raises(NotYet):
        handle(ExpireReservation(reservation_id=hold.id), hold, stock, share)


def test_one_expired_reservation_releases_its_whole_order() -> None:
    attachment, holds, stock, share = the_order(count=3)
    outcome = handle(
        ExpireReservation(reservation_id=holds[1].id), attachment, *holds, stock, share, now=NOW + timedelta(hours=1)
    )
    assert outcome.message == ReservationExpired(reservation_id=holds[1].id, order_id=ORDER, event_id=EVENT)
    assert {hold.status for hold in holds} == {Status.RELEASED}
    assert seats(outcome) == (0, 0)


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.REJECTED, Status.RELEASED])
def test_a_timer_changes_nothing_after_the_end(status: Status) -> None:
    hold, stock, share = held(status=status, expires_at=NOW)
    assert not handle(ExpireReservation(reservation_id=hold.id), hold, stock, share).messages
    assert hold.status is status


# Belonging to an order


def test_an_order_gets_all_its_reservations_and_hears_when_the_first_ends() -> None:
    first, second = a_reservation(expires_at=NOW + MINUTE), a_reservation()
    outcome = handle(an_order_of(first, second), first, second, a_sale())
    message = outcome.message
    assert isinstance(message, ReservationsAttached)
    assert message.expires_at == NOW + MINUTE
    assert [(line.reservation_id, line.unit_price) for line in message.lines] == [
        (first.id, Money(150_00)),
        (second.id, Money(150_00)),
    ]
    assert {first.order_id, second.order_id} == {ORDER}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (a_reservation(user_id=uuid4()), "wrong_owner"),
        (a_reservation(event_id=uuid4()), "wrong_event"),
        (a_reservation(expires_at=NOW), "expired"),
        (a_reservation(status=Status.RELEASED, reason="cancelled"), "not_held"),
    ],
)
def test_one_reservation_that_cannot_be_had_refuses_them_all_at_once(bad: Reservation, reason: str) -> None:
    good, unknown = a_reservation(), a_reservation()
    outcome = handle(an_order_of(good, unknown, bad), good, bad, a_sale())
    assert outcome.message == ReservationsRefused.model_validate(
        {"order_id": ORDER, "event_id": EVENT, "reason": reason}
    )
    assert good.status is Status.HELD


def test_a_client_that_names_another_ticket_type_or_quantity_is_refused() -> None:
    hold = a_reservation()
    for item in (
        OrderItem(reservation_id=hold.id, ticket_id=uuid4()),
        OrderItem(reservation_id=hold.id, quantity=3),
    ):
        outcome = handle(an_order_of(items=(item,)), hold, a_sale())
        assert isinstance(outcome.message, ReservationsRefused)
        assert outcome.message.reason == "items_mismatch"
    exact = OrderItem(reservation_id=hold.id, ticket_id=TICKET, quantity=2)
    assert isinstance(handle(an_order_of(items=(exact,)), hold, a_sale()).message, ReservationsAttached)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ([], "unknown_reservation"),
        ([a_reservation(id=UUID(int=1), status=Status.ATTACHED, order_id=uuid4())], "already_attached"),
        ([a_reservation(id=UUID(int=1), status=Status.CONFIRMED, order_id=uuid4())], "already_attached"),
    ],
)
def test_a_reservation_that_may_still_come_or_come_free_is_awaited_for_a_minute(
    known: list[Reservation], reason: str
) -> None:
    order = an_order_of(a_reservation(id=UUID(int=1)))
    with pytest.raises(NotYet):
        handle(order, *known, a_sale(), sent=NOW)
    outcome = handle(order, *known, a_sale(), sent=NOW - MINUTE)
    assert isinstance(outcome.message, ReservationsRefused)
    assert outcome.message.reason == reason


def test_nothing_is_attached_for_a_called_off_event() -> None:
    hold = a_reservation()
    outcome = handle(an_order_of(hold), hold, a_sale(called_off=True))
    assert isinstance(outcome.message, ReservationsRefused)
    assert outcome.message.reason == "event_cancelled"


APPROVED = PaymentApproved(order_id=ORDER, event_id=EVENT, amount=Money(300_00))
REJECTED = OrderRejected(order_id=ORDER, event_id=EVENT, reason="total_mismatch")
CANCELLED = OrderCancelled(order_id=ORDER, event_id=EVENT, reason="cancelled")


def test_a_paid_order_sells_its_seats() -> None:
    attachment, holds, stock, share = the_order(count=2)
    outcome = handle(APPROVED, attachment, *holds, stock, share)
    message = outcome.message
    assert isinstance(message, ReservationsConfirmed)
    assert (message.user_id, len(message.lines)) == (BUYER, 2)
    assert seats(outcome) == (0, 4)


def test_a_payment_that_comes_after_the_seats_expired_sells_nothing() -> None:
    attachment, holds, stock, share = the_order(Bond.RELEASED)
    outcome = handle(APPROVED, attachment, *holds, stock, share)
    assert not outcome.messages
    assert seats(outcome) == (0, 0)


def test_the_reservations_of_a_rejected_order_are_plain_holds_again() -> None:
    attachment, holds, stock, share = the_order()
    outcome = handle(REJECTED, attachment, *holds, stock, share)
    assert (holds[0].status, holds[0].order_id) == (Status.HELD, None)
    assert seats(outcome) == (2, 0)


def test_an_order_that_was_rejected_at_birth_has_nothing_here() -> None:
    assert not handle(REJECTED).messages


@pytest.mark.parametrize("bond", [Bond.ATTACHED, Bond.CONFIRMED, Bond.RELEASED])
def test_a_cancelled_order_gives_its_seats_back_exactly_once(bond: Bond) -> None:
    attachment, holds, stock, share = the_order(bond)
    outcome = handle(CANCELLED, attachment, *holds, stock, share)
    assert seats(outcome) == (0, 0)
    assert share.quantity == 0
    again = handle(CANCELLED, attachment, *holds, stock, share)
    assert seats(again) == (0, 0)


@pytest.mark.parametrize("message", [APPROVED, CANCELLED])
def test_what_an_order_surely_attached_is_awaited_for_ever(message: Message) -> None:
    with pytest.raises(NotYet):
        handle(message, sent=NOW - timedelta(days=300))


# The catalogue


def a_ticket_type(version: int, **changes: Any) -> dict[str, Any]:
    fields = {
        "ticket_id": TICKET,
        "version": version,
        "event_id": EVENT,
        "name": "Pista",
        "quantity": 100,
        "price": Money(80_00),
    }
    return fields | changes


def test_a_new_ticket_type_has_all_its_seats_free() -> None:
    outcome = handle(TicketTypeCreated.model_validate(a_ticket_type(1)))
    stock = outcome.row(Stock, TICKET)
    assert (stock.free, stock.price_cents) == (100, 80_00)


def test_versions_that_overtake_each_other_end_in_the_newest() -> None:
    outcome = handle(TicketTypeChanged.model_validate(a_ticket_type(2, price=Money(90_00))))
    stock = outcome.row(Stock, TICKET)
    handle(TicketTypeCreated.model_validate(a_ticket_type(1)), stock)
    assert (stock.version, stock.price_cents) == (2, 90_00)


def an_event(version: int) -> dict[str, Any]:
    return {
        "event_id": EVENT,
        "version": version,
        "title": "Show",
        "location": "Rio",
        "date": NOW + timedelta(days=version),
        "timezone": "America/Sao_Paulo",
    }


def test_an_event_that_moves_moves_the_end_of_its_sale() -> None:
    outcome = handle(EventScheduled.model_validate(an_event(1)))
    sale = outcome.row(Sale, EVENT)
    handle(EventChanged.model_validate(an_event(2)), sale)
    assert sale.starts_at == NOW + timedelta(days=2)


def test_an_event_called_off_before_it_was_known_never_sells() -> None:
    outcome = handle(EventCancelled.model_validate(an_event(2)))
    sale = outcome.row(Sale, EVENT)
    handle(EventScheduled.model_validate(an_event(1)), sale)
    assert sale.called_off
