"""Orders: placed, joined from the answers of reservation and product, completed or cancelled."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from contracts.fields import Instant, Quantity, Slug
from contracts.message import Body, Message
from contracts.money import Money
from contracts.product import ProductRefusalReason
from contracts.reservation import RefusalReason

type OrderRejection = (
    Literal["unknown_user", "event_cancelled", "total_mismatch", "cancelled", "expired"]
    | RefusalReason
    | ProductRefusalReason
)
type CancellationReason = Literal["expired", "payment_declined", "cancelled", "event_cancelled"]
type Withdrawal = Literal["cancelled", "event_cancelled"]
"""Who wants an order undone: its buyer (or an operator for them), or the event that is called off."""


class OrderItem(Body):
    """A reservation to buy. ``ticket_id`` and ``quantity`` may be repeated, and are then checked against it."""

    reservation_id: UUID
    ticket_id: UUID | None = None
    quantity: Quantity | None = None


class OrderProduct(Body):
    """A product to buy with the tickets."""

    product_id: UUID
    quantity: Quantity


class PaymentChoice(Body):
    """How to pay. ``token`` is handed to the gateway: for the mock it names the scenario to play."""

    method: Literal["pix"] = "pix"
    token: Slug | None = None


def _reservations_once(items: tuple[OrderItem, ...]) -> tuple[OrderItem, ...]:
    if _has_repeated([item.reservation_id for item in items]):
        raise PydanticCustomError("reservation_repeated", "A reservation is named once")
    return items


def _products_once(products: tuple[OrderProduct, ...]) -> tuple[OrderProduct, ...]:
    if _has_repeated([product.product_id for product in products]):
        raise PydanticCustomError("product_repeated", "A product is named once, with the quantity of it in all")
    return products


def _has_repeated(ids: Sequence[UUID]) -> bool:
    return len(set(ids)) < len(ids)


class OrderBody(Body):
    """What a buyer orders. The total is the buyer's own sum: a client agrees to a price and never sets one."""

    user_id: UUID
    event_id: UUID
    items: Annotated[tuple[OrderItem, ...], Field(min_length=1, max_length=20), AfterValidator(_reservations_once)]
    products: Annotated[tuple[OrderProduct, ...], Field(max_length=20), AfterValidator(_products_once)] = ()
    total_price: Money
    payment: PaymentChoice = PaymentChoice()


class PlaceOrder(OrderBody, Message):
    """Order what is reserved."""

    order_id: UUID
    caller: str


class CancelOrder(Message):
    """Undo an order, whatever has become of it."""

    order_id: UUID
    reason: Withdrawal
    caller: str


class CancelOrdersOf(Message):
    """Cancel a page of a called-off event's orders: those whose id comes after ``after``."""

    event_id: UUID
    after: UUID | None = None


class OrderPlaced(Message):
    """An order by a known buyer, for an event that is not called off."""

    order_id: UUID
    user_id: UUID
    event_id: UUID
    items: tuple[OrderItem, ...]
    products: tuple[OrderProduct, ...] = ()


class OrderRejected(Message):
    """The order will not be sold, and no money moved. The two totals are there for ``total_mismatch``."""

    order_id: UUID
    event_id: UUID
    reason: OrderRejection
    total_price: Money | None = None
    expected_total: Money | None = None


class PaymentRequested(Message):
    """The order's price is known and agreed: charge it before ``expires_at``."""

    order_id: UUID
    event_id: UUID
    amount: Money
    expires_at: Instant
    payment: PaymentChoice


class OrderCancelled(Message):
    """The order is undone: whoever holds something for it gives it back, and cannot refuse."""

    order_id: UUID
    event_id: UUID
    reason: CancellationReason


class OrderCompleted(Message):
    """The buyer has the tickets."""

    order_id: UUID
    event_id: UUID
    user_id: UUID
