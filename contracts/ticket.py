"""Ticket types on sale, and the tickets issued of them."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.fields import Instant, Quantity, Stock, Text, Version
from contracts.message import Body, Message, Part
from contracts.money import Money
from contracts.order import Withdrawal


class TicketTypeBody(Body):
    """A kind of ticket as its organiser puts it on sale. Without ``sales_end`` it sells until the event begins."""

    event_id: UUID
    name: Text = "Ingresso"
    quantity: Stock
    price: Money
    max_per_user: Quantity | None = None
    sales_start: Instant | None = None
    sales_end: Instant | None = None

    @model_validator(mode="after")
    def _sells_for_a_while(self) -> Self:
        if self.sales_start and self.sales_end and self.sales_end <= self.sales_start:
            raise PydanticCustomError("sale_window", "A sale ends after it starts")
        return self


class _TicketTypeState(TicketTypeBody, Message):
    ticket_id: UUID
    version: Version
    name: Text


class TicketTypeCreated(_TicketTypeState):
    """A ticket type is put on sale."""


class TicketTypeChanged(_TicketTypeState):
    """A ticket type changed. A quantity below what is held and sold counts as just that much."""


class IssuedTicket(Part):
    """A ticket with a PDF of its own: the ``number``-th of its reservation, counted from 1."""

    ticket_id: UUID
    reservation_id: UUID
    number: Annotated[int, Field(ge=1)]


class TicketsIssued(Message):
    """Every ticket of the order exists, and its PDF is stored."""

    order_id: UUID
    event_id: UUID
    tickets: tuple[IssuedTicket, ...]


class VoidTickets(Message):
    """Make an order's tickets worthless, all of them or none."""

    order_id: UUID
    event_id: UUID
    reason: Withdrawal


class TicketsVoided(Message):
    """No ticket of the order opens a gate any more."""

    order_id: UUID
    event_id: UUID


class VoidRefused(Message):
    """The tickets stay valid: one of them was used, or the gates are open and may work offline."""

    order_id: UUID
    event_id: UUID
    reason: Literal["used", "gates_open"]


class RenderTickets(Message):
    """Print a page of tickets again, of an event or of a buyer: those whose id comes after ``after``."""

    event_id: UUID | None = None
    user_id: UUID | None = None
    after: UUID | None = None

    @model_validator(mode="after")
    def _somebodys(self) -> Self:
        if self.event_id is None and self.user_id is None:
            raise PydanticCustomError("nobodys_tickets", "Tickets are an event's or a buyer's")
        return self
