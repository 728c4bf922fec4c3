"""Seats: held for some minutes, attached to an order, confirmed or released. The one authority on stock."""

from typing import Literal
from uuid import UUID

from contracts.fields import Instant, Quantity, Text
from contracts.message import Body, Message, Part
from contracts.money import Money

type RejectionReason = Literal["sold_out", "unknown_ticket", "not_on_sale", "limit_exceeded"]
type RefusalReason = Literal[
    "unknown_reservation",
    "wrong_owner",
    "wrong_event",
    "not_held",
    "already_attached",
    "expired",
    "items_mismatch",
    "event_cancelled",
]


class ReservationBody(Body):
    """Seats of one ticket type for one buyer."""

    user_id: UUID
    ticket_id: UUID
    quantity: Quantity


class ReserveTickets(ReservationBody, Message):
    """Hold seats for some minutes."""

    reservation_id: UUID
    caller: str


class CancelReservation(Message):
    """Give a plain hold back. One that belongs to an order is left alone: the order is cancelled instead."""

    reservation_id: UUID
    caller: str


class ExpireReservation(Message):
    """A hold's time is up. A timer, sent when the hold begins and due when it ends."""

    reservation_id: UUID


class TicketsReserved(Message):
    """Seats are held until ``expires_at``, at this price."""

    reservation_id: UUID
    user_id: UUID
    ticket_id: UUID
    event_id: UUID
    quantity: Quantity
    unit_price: Money
    expires_at: Instant


class ReservationRejected(Message):
    """No seats are held, for this reason."""

    reservation_id: UUID
    ticket_id: UUID
    reason: RejectionReason


class HoldReleased(Message):
    """The buyer gave a plain hold back; its seats are free."""

    reservation_id: UUID
    ticket_id: UUID


class HoldExpired(Message):
    """A plain hold ran out; its seats are free."""

    reservation_id: UUID
    ticket_id: UUID


class ReservationExpired(Message):
    """The reservations of an order ran out before it was paid; their seats are free."""

    reservation_id: UUID
    order_id: UUID
    event_id: UUID


class SeatLine(Part):
    """One reservation as part of an order, with the price it was held at."""

    reservation_id: UUID
    ticket_id: UUID
    ticket_name: Text
    quantity: Quantity
    unit_price: Money


class ReservationsAttached(Message):
    """Every reservation of the order belongs to it now; the earliest of them ends at ``expires_at``."""

    order_id: UUID
    event_id: UUID
    lines: tuple[SeatLine, ...]
    expires_at: Instant


class ReservationsRefused(Message):
    """None of the order's reservations was attached, because of one of them."""

    order_id: UUID
    event_id: UUID
    reason: RefusalReason


class ReservationsConfirmed(Message):
    """The order's seats are sold. Without this fact nobody issues a ticket."""

    order_id: UUID
    event_id: UUID
    user_id: UUID
    lines: tuple[SeatLine, ...]
