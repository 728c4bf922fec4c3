"""The routes of ``/reservations``."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel

from contracts.fields import Instant
from contracts.money import Money
from contracts.reservation import CancelReservation, ReservationBody, ReserveTickets
from services.chassis.http import (
    IdPath,
    Ingress,
    IngressDep,
    Listing,
    PageDep,
    Pending,
    Problem,
    Router,
    accepted,
    awaited,
    problems,
)
from services.reservation import domain
from services.reservation.domain import Status, Stock

if TYPE_CHECKING:
    from services.reservation.adapters.sql import Reservations

router = Router()

CANCEL_THE_ORDER = (409, "cancel_the_order", "It belongs to an order: cancel the order, and its seats come free.")


class Reservation(BaseModel):
    """Seats of one ticket type for one buyer, as clients see them."""

    id: UUID
    status: Status
    reason: str | None
    user_id: UUID
    ticket_id: UUID
    event_id: UUID | None
    quantity: int
    unit_price: Money | None
    total_price: Money | None
    expires_at: Instant | None
    order_id: UUID | None

    @classmethod
    def of(cls, row: domain.Reservation) -> Self:
        """A reservation as clients see it. It has no price where its ticket type is not known."""
        unit = None if row.event_id is None else Money(row.unit_cents)
        return cls(
            id=row.id,
            status=row.status,
            reason=row.reason,
            user_id=row.user_id,
            ticket_id=row.ticket_id,
            event_id=row.event_id,
            quantity=row.quantity,
            unit_price=unit,
            total_price=unit and unit * row.quantity,
            expires_at=row.expires_at,
            order_id=row.order_id,
        )


class Availability(BaseModel):
    """The seats of one ticket type: how many are offered, free, held and sold."""

    id: UUID
    event_id: UUID
    quantity: int
    free: int
    held: int
    sold: int
    unit_price: Money
    max_per_user: int | None

    @classmethod
    def of(cls, stock: Stock) -> Self:
        """A ticket type's stock as clients see it."""
        return cls(
            id=stock.id,
            event_id=stock.event_id,
            quantity=stock.quantity,
            free=stock.free,
            held=stock.held,
            sold=stock.sold,
            unit_price=Money(stock.price_cents),
            max_per_user=stock.max_per_user,
        )


def reservations(ingress: Ingress) -> "Reservations":
    """Where reservations and stock are read."""
    reads: Reservations = ingress.adapters
    return reads


def is_decided(_: domain.Reservation) -> bool:
    """Once there is a row, seats are held or were rejected."""
    return True


@router.post("/reservations/", status_code=202, response_model=Pending, responses=accepted(Reservation))
async def reserve(body: ReservationBody, ingress: IngressDep) -> Response:
    """Hold seats of a ticket type for some minutes.

    With `Prefer: wait=N` the answer is the outcome: 201 when the seats are held, 200 when they are rejected, with
    `reason` one of `sold_out`, `unknown_ticket`, `not_on_sale`, `limit_exceeded`.
    """
    return await ingress.accept(
        lambda reservation_id: ReserveTickets(reservation_id=reservation_id, caller=ingress.caller.id, **dict(body)),
        location="/reservations/{id}",
        view=reservations(ingress).by_id,
        settled=is_decided,
        show=Reservation.of,
    )


@router.get("/reservations/user/{user_id}", response_model=Listing[Reservation])
async def list_of_user(user_id: UUID, ingress: IngressDep, page: PageDep) -> Response:
    """A buyer's reservations, the oldest first."""
    found = await reservations(ingress).of_user(user_id, page)
    return page.answer([Reservation.of(row) for row in found])


@router.get("/reservations/availability/{ticket_id}", response_model=Availability | Pending, responses=problems(404))
async def availability(ticket_id: UUID, ingress: IngressDep) -> Response:
    """The seats of a ticket type; `pending` while its stock is on its way from the ticket service."""
    return await ingress.get(ticket_id, reservations(ingress).stock, show=Availability.of)


@router.get("/reservations/{id}", response_model=Reservation | Pending, responses={**awaited(), **problems(404)})
async def get_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
    """A reservation; `pending` while it is not decided. `Prefer: wait=N` holds the answer until it is."""
    view = reservations(ingress).by_id
    return await ingress.get(reservation_id, view, settled=is_decided, show=Reservation.of)


@router.delete(
    "/reservations/{id}",
    status_code=202,
    response_model=Pending,
    responses={**accepted(), **problems(404, CANCEL_THE_ORDER)},
)
async def cancel_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
    """Give a plain hold back."""
    known = await ingress.find(reservation_id, reservations(ingress).by_id)
    if known and known.status in {Status.ATTACHED, Status.CONFIRMED}:
        raise Problem(*CANCEL_THE_ORDER)
    return await ingress.command(
        CancelReservation(reservation_id=reservation_id, caller=ingress.caller.id),
        resource_id=reservation_id,
        location="/reservations/{id}",
    )
