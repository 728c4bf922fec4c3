"""The routes of ``/reservations``."""

from uuid import UUID

from fastapi import Response

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
from services.reservation.domain import Status
from services.reservation.ports import Availability, Reads, Reservation

router = Router()

CANCEL_THE_ORDER = (409, "cancel_the_order", "It belongs to an order: cancel the order, and its seats come free.")


def reads(ingress: Ingress) -> Reads:
    """Where reservations are read."""
    views: Reads = ingress.adapters
    return views


def is_decided(_: Reservation) -> bool:
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
        view=reads(ingress).reservations,
        settled=is_decided,
    )


@router.get("/reservations/user/{user_id}", response_model=Listing[Reservation])
async def list_of_user(user_id: UUID, ingress: IngressDep, page: PageDep) -> Response:
    """A buyer's reservations, the oldest first."""
    return page.answer(await reads(ingress).of_user(user_id, page))


@router.get("/reservations/availability/{ticket_id}", response_model=Availability | Pending, responses=problems(404))
async def availability(ticket_id: UUID, ingress: IngressDep) -> Response:
    """The seats of a ticket type; `pending` while its stock is on its way from the ticket service."""
    return await ingress.get(ticket_id, reads(ingress).availability)


@router.get("/reservations/{id}", response_model=Reservation | Pending, responses={**awaited(), **problems(404)})
async def get_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
    """A reservation; `pending` while it is not decided. `Prefer: wait=N` holds the answer until it is."""
    return await ingress.get(reservation_id, reads(ingress).reservations, settled=is_decided)


@router.delete(
    "/reservations/{id}",
    status_code=202,
    response_model=Pending,
    responses={**accepted(), **problems(404, CANCEL_THE_ORDER)},
)
async def cancel_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
    """Give a plain hold back."""
    known = await ingress.find(reservation_id, reads(ingress).reservations)
    if known and known.status in {Status.ATTACHED, Status.CONFIRMED}:
        raise Problem(*CANCEL_THE_ORDER)
    return await ingress.command(
        CancelReservation(reservation_id=reservation_id, caller=ingress.caller.id),
        resource_id=reservation_id,
        location="/reservations/{id}",
    )
