"""What the API answers. Statuses and reasons are texts, and unknown fields are ignored: a client outlives a release."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.money import Money


class Answer(BaseModel):
    """A resource, as it was when it was asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class InvalidField(Answer):
    """What is wrong with one part of a request."""

    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    detail: str


class Problem(Answer):
    """Why a request was refused (RFC 9457). ``slug`` is for programs, ``detail`` for people."""

    type: str
    title: str
    status: int
    slug: str
    detail: str
    instance: str
    errors: tuple[InvalidField, ...] | None = None


class Pending(Answer):
    """Accepted, not decided yet."""

    id: UUID
    status: Literal["pending"]


class User(Answer):
    """A buyer."""

    id: UUID
    name: str
    email: str


class Event(Answer):
    """A concert, a match, a play."""

    id: UUID
    title: str
    location: str
    date: datetime
    timezone: str
    status: str


class Product(Answer):
    """A complementary product and its stock."""

    id: UUID
    event_id: UUID | None
    name: str
    price: Money
    stock: int
    allocated: int
    available: int


class TicketType(Answer):
    """A kind of ticket on sale."""

    id: UUID
    event_id: UUID
    name: str
    quantity: int
    price: Money
    max_per_user: int | None
    sales_start: datetime | None
    sales_end: datetime | None


class Availability(Answer):
    """The seats of a ticket type."""

    id: UUID
    event_id: UUID
    quantity: int
    free: int
    held: int
    sold: int
    unit_price: Money
    max_per_user: int | None


class Reservation(Answer):
    """Seats held for a buyer, or why not."""

    id: UUID
    status: str
    reason: str | None
    user_id: UUID
    ticket_id: UUID
    event_id: UUID | None
    quantity: int
    unit_price: Money | None
    total_price: Money | None
    expires_at: datetime | None
    order_id: UUID | None


class OrderedSeats(Answer):
    """A reservation as part of an order."""

    reservation_id: UUID
    ticket_id: UUID | None
    name: str | None = None
    quantity: int | None
    unit_price: Money | None = None


class OrderedProduct(Answer):
    """A product as part of an order."""

    product_id: UUID
    name: str | None = None
    quantity: int
    unit_price: Money | None = None


class Order(Answer):
    """A purchase."""

    id: UUID
    user_id: UUID
    event_id: UUID
    status: str
    reason: str | None
    items: tuple[OrderedSeats, ...]
    products: tuple[OrderedProduct, ...]
    total_price: Money
    expected_total: Money | None
    payment_method: str
    payment_url: str | None
    pay_before: datetime | None
    cancellation: str | None
    cancellation_refused: str | None
    created_at: datetime
    refunded_at: datetime | None


class Payment(Answer):
    """The charge of an order."""

    id: UUID
    order_id: UUID
    event_id: UUID
    amount: Money
    status: str
    code: str | None
    reason: str | None
    expires_at: datetime
    refunded_at: datetime | None


class IssuedTicket(Answer):
    """A ticket that admits one."""

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
    status: str
    used_at: datetime | None
    pdf: str
