"""The routes of ``/orders``."""

from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from contracts.fields import Instant
from contracts.money import Money
from contracts.order import CancelOrder, OrderBody, PlaceOrder
from services.chassis.http import (
    IdPath,
    Ingress,
    IngressDep,
    Listing,
    PageDep,
    Pending,
    Router,
    accepted,
    awaited,
    problems,
)
from services.order import domain
from services.order.domain import AT_REST, Extra, Item, Order, Seats, Status, Wish
from services.order.ports import Filter

if TYPE_CHECKING:
    from services.order.adapters.sql import Orders

router = Router()


class ItemView(BaseModel):
    """A reservation of an order. What the buyer did not say is null until the reservation belongs to the order."""

    model_config = ConfigDict(title="OrderedReservation")

    reservation_id: UUID
    ticket_id: UUID | None
    name: str | None = None
    quantity: int | None
    unit_price: Money | None = None

    @classmethod
    def of(cls, line: Item | Seats) -> Self:
        """As the buyer named it, or as it was answered."""
        if isinstance(line, Item):
            return cls(reservation_id=line.reservation_id, ticket_id=line.ticket_id, quantity=line.quantity)
        return cls(
            reservation_id=line.reservation_id,
            ticket_id=line.ticket_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=Money(line.unit_cents),
        )


class ProductView(BaseModel):
    """A product of an order. Name and price are null until it is set aside for the order."""

    model_config = ConfigDict(title="OrderedProduct")

    product_id: UUID
    name: str | None = None
    quantity: int
    unit_price: Money | None = None

    @classmethod
    def of(cls, line: Wish | Extra) -> Self:
        """As the buyer named it, or as it was answered."""
        if isinstance(line, Wish):
            return cls(product_id=line.product_id, quantity=line.quantity)
        return cls(
            product_id=line.product_id, name=line.name, quantity=line.quantity, unit_price=Money(line.unit_cents)
        )


_EXAMPLE: JsonDict = {
    "id": "01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09",
    "user_id": "01938b2a-0f35-7d52-9a41-6b1c2d3e4f50",
    "event_id": "01938b29-aa10-7f0e-8c33-1a2b3c4d5e6f",
    "status": "awaiting_payment",
    "reason": None,
    "items": [
        {
            "reservation_id": "01938b2d-51c4-7b1d-9e55-0f1e2d3c4b5a",
            "ticket_id": "01938b29-d2e8-7c44-b0a7-9f8e7d6c5b4a",
            "name": "Pista",
            "quantity": 2,
            "unit_price": 150.00,
        }
    ],
    "products": [
        {
            "product_id": "01938b2a-3b77-7e21-a1f0-8c7b6a594837",
            "name": "Estacionamento",
            "quantity": 1,
            "unit_price": 30.00,
        }
    ],
    "total_price": 330.00,
    "expected_total": 330.00,
    "payment_method": "pix",
    "payment_url": "/payments/01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09",
    "pay_before": "2027-03-01T12:09:50Z",
    "cancellation": None,
    "cancellation_refused": None,
    "created_at": "2027-03-01T12:00:02Z",
    "refunded_at": None,
}


class OrderView(BaseModel):
    """An order."""

    model_config = ConfigDict(title="Order", json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    user_id: UUID
    event_id: UUID
    status: Status
    reason: str | None = Field(description="why it was rejected or cancelled", examples=["total_mismatch"])
    items: list[ItemView]
    products: list[ProductView]
    total_price: Money = Field(description="what the buyer agreed to")
    expected_total: Money | None = Field(description="the sum of its lines; null until all of them are known")
    payment_method: str
    payment_url: str | None = Field(description="what to pay, while it awaits payment", examples=["/payments/0190"])
    pay_before: Instant | None = Field(description="while it awaits payment: money that comes later goes back")
    cancellation: domain.Withdrawal | None = Field(description="who asked for it to be cancelled, if anybody did")
    cancellation_refused: str | None = Field(
        description="why its tickets stay valid although it was to be cancelled", examples=["used", "gates_open"]
    )
    created_at: Instant
    refunded_at: Instant | None

    @classmethod
    def of(cls, order: Order) -> Self:
        """An order as clients see it."""
        payable = awaits_money(order)
        return cls(
            id=order.id,
            user_id=order.user_id,
            event_id=order.event_id,
            status=order.status,
            reason=order.reason,
            items=[ItemView.of(line) for line in order.seats or order.items],
            products=[ProductView.of(line) for line in order.extras or order.wishes],
            total_price=Money(order.total_cents),
            expected_total=None if order.expected_cents is None else Money(order.expected_cents),
            payment_method=order.payment_method,
            payment_url=f"/payments/{order.id}" if payable else None,
            pay_before=order.pay_before if payable else None,
            cancellation=order.withdrawal,
            cancellation_refused=order.kept,
            created_at=order.created_at,
            refunded_at=order.refunded_at,
        )


def awaits_money(order: Order) -> bool:
    """The next step is the buyer's. An order of total 0 passes through the same status, and nobody has to pay."""
    return order.status is Status.AWAITING_PAYMENT and order.total_cents > 0


def is_settled(order: Order) -> bool:
    """What a client waits for: that it is the buyer's turn to pay, or that nothing more happens by itself."""
    return awaits_money(order) or order.status in AT_REST


def orders(ingress: Ingress) -> "Orders":
    """Where orders are read."""
    reads: Orders = ingress.adapters
    return reads


@router.get("/orders/", response_model=Listing[OrderView])
async def list_orders(
    ingress: IngressDep,
    page: PageDep,
    user_id: Annotated[UUID | None, Query(description="Only this buyer's")] = None,
    event_id: Annotated[UUID | None, Query(description="Only those for this event")] = None,
    status: Annotated[Status | None, Query(description="Only these")] = None,
) -> Response:
    """The orders, the oldest first. One that is pending still is not among them."""
    found = await orders(ingress).page(page, Filter(user_id, event_id, status))
    return page.answer([OrderView.of(order) for order in found])


@router.get("/orders/{id}", response_model=OrderView | Pending, responses={**awaited(), **problems(404)})
async def get_order(order_id: IdPath, ingress: IngressDep) -> Response:
    """An order. ``Prefer: wait`` holds the answer until it awaits payment or is at its end."""
    return await ingress.get(order_id, orders(ingress).by_id, settled=is_settled, show=OrderView.of)


@router.post("/orders/", status_code=202, response_model=Pending, responses=accepted(OrderView))
async def place_order(body: OrderBody, ingress: IngressDep) -> Response:
    """Order what is reserved, and products with it, at a total that the buyer agrees to.

    ``Prefer: wait`` holds the answer until the order awaits payment, is rejected, or, where there is nothing to pay, is
    completed.
    """
    return await ingress.accept(
        lambda order_id: PlaceOrder(order_id=order_id, caller=ingress.caller.id, **dict(body)),
        location="/orders/{id}",
        view=orders(ingress).by_id,
        settled=is_settled,
        show=OrderView.of,
    )


@router.delete("/orders/{id}", status_code=202, response_model=Pending, responses={**accepted(), **problems(404)})
async def cancel_order(order_id: IdPath, ingress: IngressDep) -> Response:
    """Cancel an order, whatever has become of it: before it is paid, or its tickets and the money go back.

    What comes of it shows in the order: ``cancelled``, ``refunded``, or ``completed`` with why not.
    """
    await ingress.find(order_id, orders(ingress).by_id)
    message = CancelOrder(order_id=order_id, reason="cancelled", caller=ingress.caller.id)
    return await ingress.command(message, resource_id=order_id, location="/orders/{id}")
