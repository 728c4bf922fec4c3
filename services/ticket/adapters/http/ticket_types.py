"""Ticket types, as their organiser wants them sold."""

from datetime import datetime
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from contracts.money import Money
from contracts.ticket import TicketTypeBody, TicketTypeChanged, TicketTypeCreated
from services.chassis.http import (
    IdPath,
    IngressDep,
    Listing,
    PageDep,
    Problem,
    Router,
    found,
    problems,
    shown,
)
from services.chassis.kernel import Refused
from services.ticket.adapters.http.desk import desk_of
from services.ticket.domain import TicketType

router = Router()

WRONG_EVENT = (409, "wrong_event", "A ticket type stays with its event.")


class TicketTypeView(BaseModel):
    """A ticket type as its organiser wants it sold. What is left of it: ``/reservations/availability/{id}``."""

    model_config = ConfigDict(title="TicketType")

    id: UUID
    event_id: UUID
    name: str
    quantity: int
    price: Money
    max_per_user: int | None
    sales_start: datetime | None
    sales_end: datetime | None


@router.post("/tickets/", status_code=201, response_model=TicketTypeView, summary="Put a ticket type on sale")
async def put_on_sale(body: TicketTypeBody, ingress: IngressDep) -> Response:
    """It sells as soon as its event is known, in its sale window, until the event begins."""
    return await ingress.create(
        TicketType,
        lambda type_id: _row(type_id, body),
        announce=lambda row: _fact(TicketTypeCreated, row),
        show=_view,
        location="/tickets/{id}",
    )


@router.get("/tickets/", response_model=Listing[TicketTypeView], summary="List ticket types")
async def list_types(ingress: IngressDep, page: PageDep, event_id: UUID | None = None) -> Response:
    """In the order in which they were put on sale."""
    rows = await desk_of(ingress).catalogue.ticket_types(event_id, page)
    return page.answer([_view(row) for row in rows])


@router.get("/tickets/{id}", response_model=TicketTypeView, responses=problems(404), summary="A ticket type")
async def get_type(type_id: IdPath, ingress: IngressDep) -> Response:
    """As its organiser wants it sold."""
    return shown(_view(found(await desk_of(ingress).catalogue.ticket_type(type_id))))


@router.put(
    "/tickets/{id}",
    response_model=TicketTypeView,
    responses=problems(404, WRONG_EVENT),
    summary="Change a ticket type",
)
async def change_type(type_id: IdPath, body: TicketTypeBody, ingress: IngressDep) -> Response:
    """All of it, but for its event. A quantity below what is held and sold counts as just that much."""
    async with ingress.work() as work:
        row = found(await work.load(TicketType, type_id))
        changed = row.change(_row(type_id, body))
        if isinstance(changed, Refused):
            raise Problem(*WRONG_EVENT)
        if changed:
            work.emit(_fact(TicketTypeChanged, row))
    return shown(_view(row))


def _row(type_id: UUID, body: TicketTypeBody) -> TicketType:
    return TicketType(
        id=type_id,
        version=1,
        event_id=body.event_id,
        name=body.name,
        quantity=body.quantity,
        price_cents=body.price.cents,
        max_per_user=body.max_per_user,
        sales_start=body.sales_start,
        sales_end=body.sales_end,
    )


def restated(row: TicketType) -> TicketTypeChanged:
    """What is true of a ticket type now, as a fact."""
    return _fact(TicketTypeChanged, row)


def _fact[Fact: (TicketTypeCreated, TicketTypeChanged)](kind: type[Fact], row: TicketType) -> Fact:
    return kind(
        ticket_id=row.id,
        version=row.version,
        event_id=row.event_id,
        name=row.name,
        quantity=row.quantity,
        price=Money(row.price_cents),
        max_per_user=row.max_per_user,
        sales_start=row.sales_start,
        sales_end=row.sales_end,
    )


def _view(row: TicketType) -> TicketTypeView:
    return TicketTypeView(
        id=row.id,
        event_id=row.event_id,
        name=row.name,
        quantity=row.quantity,
        price=Money(row.price_cents),
        max_per_user=row.max_per_user,
        sales_start=row.sales_start,
        sales_end=row.sales_end,
    )
