"""Issued tickets with their PDFs, and the gate."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Header, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

from contracts.fields import Quantity
from contracts.money import Money
from contracts.reservation import ReservationsConfirmed
from services.chassis.http import (
    IdPath,
    IngressDep,
    Listing,
    OperatorDep,
    PageDep,
    Problem,
    Router,
    accepted,
    found,
    problems,
    shown,
)
from services.chassis.store import Unavailable
from services.ticket.adapters.http.desk import Desk, desk_of
from services.ticket.domain import EventFacts, Status, Ticket

if TYPE_CHECKING:
    from services.ticket.adapters.s3 import StoredPdf

router = Router()

NOT_CONFIRMED = (409, "not_confirmed", "This order's reservations were never confirmed to the ticket service.")
ORDER_MISMATCH = (409, "order_mismatch", "The order that was confirmed is another one than the payload says.")
WITHDRAWN = (410, "voided", "The ticket was withdrawn.")

ISSUED_OF = "/tickets/issued?order_id={id}"


@router.get("/tickets/keys", summary="Public keys of the QR signatures")
async def public_keys(ingress: IngressDep) -> Response:
    """A JWK set (RFC 7517): the key that signs now first, then the retired ones, whose tickets are still good."""
    return JSONResponse(dict(desk_of(ingress).keys), headers={"Cache-Control": "public, max-age=300"})


class IssuedTicketView(BaseModel):
    """An issued ticket. ``ticket_id`` is its ticket type; ``pdf`` the path of its PDF."""

    model_config = ConfigDict(title="IssuedTicket")

    id: UUID
    order_id: UUID
    reservation_id: UUID
    event_id: UUID
    user_id: UUID
    ticket_id: UUID
    name: str
    price: Money
    number: int
    total: int
    status: Status
    used_at: datetime | None
    pdf: str


@router.get("/tickets/issued", response_model=Listing[IssuedTicketView], summary="List the tickets of an order")
async def list_issued(ingress: IngressDep, page: PageDep, order_id: Annotated[UUID, Query()]) -> Response:
    """Empty as long as the order is not confirmed."""
    tickets = await desk_of(ingress).catalogue.tickets_of(order_id, page)
    return page.answer([_view(ticket) for ticket in tickets])


@router.get("/tickets/issued/{id}", response_model=IssuedTicketView, responses=problems(404))
async def get_issued(ticket_id: IdPath, ingress: IngressDep) -> Response:
    """An issued ticket."""
    return shown(_view(found(await desk_of(ingress).catalogue.ticket(ticket_id))))


_REFUSALS = {
    "already_used": "The ticket was used before: see used_at.",
    "voided": WITHDRAWN[2],
    "event_cancelled": "The event is called off.",
}


@router.post(
    "/tickets/issued/{id}/check-in",
    response_model=IssuedTicketView,
    responses=problems(401, 404, *((409, slug, detail) for slug, detail in _REFUSALS.items())),
    summary="Let a ticket's holder in, once",
)
async def check_in(ticket_id: IdPath, ingress: IngressDep, operator: OperatorDep) -> Response:
    """At the gate. A repeat with the same Idempotency-Key gets the same answer again."""
    async with ingress.work() as work:
        _, again = await work.identify(ticket_id)
        ticket = found(await work.load(Ticket, ticket_id))
        event = found(await work.load(EventFacts, ticket.event_id))
        refused = None if again else ticket.check_in(event, work.now)
        if refused:
            extra = {"used_at": to_jsonable_python(ticket.used_at)} if ticket.used_at else {}
            raise Problem(409, refused.reason, _REFUSALS[refused.reason], **extra)
    return shown(_view(ticket))


# Taking up an issue that failed


class OrderedSeats(BaseModel):
    """A reservation of an order; compared as far as it is given."""

    model_config = ConfigDict(extra="ignore")

    reservation_id: UUID
    ticket_id: UUID | None = None
    quantity: Quantity | None = None


class OrderPayload(BaseModel):
    """An order as ``GET /orders/{id}`` shows it: what does not concern its tickets is not looked at."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    order_id: Annotated[UUID, Field(validation_alias=AliasChoices("order_id", "id"))]
    user_id: UUID | None = None
    event_id: UUID | None = None
    items: Annotated[tuple[OrderedSeats, ...] | None, Field(max_length=20)] = None

    def differs_from(self, user_id: UUID, event_id: UUID, seats: Iterable[OrderedSeats]) -> bool:
        """It says something else than what was confirmed."""
        confirmed = {line.reservation_id: line for line in seats}
        return (
            self.user_id not in {None, user_id}
            or self.event_id not in {None, event_id}
            or (self.items is not None and {item.reservation_id for item in self.items} != confirmed.keys())
            or any(
                item.ticket_id not in {None, confirmed[item.reservation_id].ticket_id}
                or item.quantity not in {None, confirmed[item.reservation_id].quantity}
                for item in self.items or ()
            )
        )


@router.post(
    "/tickets/from-order",
    response_model=Listing[IssuedTicketView],
    responses={**accepted(), **problems(401, NOT_CONFIRMED, ORDER_MISMATCH)},
    summary="Take up an order whose issue failed",
)
async def take_up_again(body: OrderPayload, ingress: IngressDep, operator: OperatorDep) -> Response:
    """Mints nothing by itself. Issued already: the tickets. Its confirmation was received and failed: queued again."""
    await ingress.claim(body.order_id)
    catalogue = desk_of(ingress).catalogue
    if tickets := await catalogue.tickets_of(body.order_id):
        first = tickets[0]
        seats = [
            OrderedSeats(reservation_id=ticket.reservation_id, ticket_id=ticket.type_id, quantity=ticket.total)
            for ticket in tickets
        ]
        _compare(body, first.user_id, first.event_id, seats)
        return shown(Listing[IssuedTicketView](items=[_view(ticket) for ticket in tickets]))
    if failed := await catalogue.failed_issue(body.order_id):
        message_id, confirmed = failed
        _compare(body, confirmed.user_id, confirmed.event_id, _seats(confirmed))
        return await ingress.command(confirmed, resource_id=body.order_id, location=ISSUED_OF, message_id=message_id)
    if await catalogue.issue_waits(body.order_id):
        return ingress.under_way(body.order_id, ISSUED_OF)
    raise Problem(*NOT_CONFIRMED)


def _seats(confirmed: ReservationsConfirmed) -> list[OrderedSeats]:
    return [
        OrderedSeats(reservation_id=line.reservation_id, ticket_id=line.ticket_id, quantity=line.quantity)
        for line in confirmed.lines
    ]


def _compare(body: OrderPayload, user_id: UUID, event_id: UUID, seats: Iterable[OrderedSeats]) -> None:
    if body.differs_from(user_id, event_id, seats):
        raise Problem(*ORDER_MISMATCH)


@router.get(
    "/tickets/{id}/pdf",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "Not changed since the ETag of If-None-Match"},
        **problems(404, WITHDRAWN),
    },
    summary="An issued ticket's PDF",
)
async def get_pdf(
    ticket_id: IdPath,
    ingress: IngressDep,
    if_none_match: Annotated[str, Header(description="The ETag of the PDF that the client has")] = "",
) -> Response:
    """One page with the QR code that opens the gate, in Portuguese."""
    desk = desk_of(ingress)
    ticket = found(await desk.catalogue.ticket(ticket_id))
    if ticket.status is Status.VOIDED:
        raise Problem(*WITHDRAWN)
    event = await desk.catalogue.event(ticket.event_id)
    stored = await _opened(desk, ticket)
    # Revalidated each time: it changes with its event, and ends when it is withdrawn.
    headers = {"ETag": stored.etag, "Cache-Control": "private, no-cache"}
    if stored.etag in _tags(if_none_match) or if_none_match.strip() == "*":
        stored.close()
        return Response(status_code=304, headers=headers)
    name = f"Ingresso {event.title[:80] if event else ''} {ticket.number} de {ticket.total}.pdf"
    headers |= {"Content-Length": str(stored.size), "Content-Disposition": _disposition(name)}
    return StreamingResponse(stored.chunks(), headers=headers, media_type="application/pdf")


async def _opened(desk: Desk, ticket: Ticket) -> "StoredPdf":
    if stored := await desk.archive.open(ticket.pdf_key):
        return stored
    # A laptop's LocalStack forgets its buckets: a PDF that is lost is printed again.
    sheet = found(await desk.catalogue.sheet(ticket.id))
    try:
        (key,) = await desk.press([sheet])
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(repr(error)) from error
    if stored := await desk.archive.open(key):
        return stored
    raise Problem(503)


def _tags(if_none_match: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}


def _disposition(name: str) -> str:
    """Content-Disposition with a name in ASCII, and the whole one for whoever reads RFC 8187."""
    name = " ".join(re.sub(r'[\\/:*?"<>|%]', " ", name).split())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"inline; filename=\"{' '.join(plain.split())}\"; filename*=UTF-8''{quote(name, safe='')}"


def _view(ticket: Ticket) -> IssuedTicketView:
    return IssuedTicketView(
        id=ticket.id,
        order_id=ticket.order_id,
        reservation_id=ticket.reservation_id,
        event_id=ticket.event_id,
        user_id=ticket.user_id,
        ticket_id=ticket.type_id,
        name=ticket.type_name,
        price=Money(ticket.price_cents),
        number=ticket.number,
        total=ticket.total,
        status=ticket.status,
        used_at=ticket.used_at,
        pdf=f"/tickets/{ticket.id}/pdf",
    )
