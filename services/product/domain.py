"""Products on sale, and what of their stock is set aside for an order: all that it asks for, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from services.chassis.kernel import Refused

type RefusalReason = Literal["unknown_product", "wrong_event", "products_sold_out"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What the organiser decides of a product: ``event_id`` None is for every event, ``stock`` is sold in all."""

    event_id: UUID | None
    name: str
    unit_cents: int
    stock: int


@dataclass(slots=True)
class Product:
    """A product. ``allocated`` of its ``stock`` are set aside for orders, paid or not: 0 <= allocated <= stock.

    A withdrawn product is not sold any more, and kept for the orders that have it.
    """

    shared: ClassVar[bool] = True

    id: UUID
    event_id: UUID | None
    name: str
    unit_cents: int
    stock: int
    allocated: int
    withdrawn: bool

    @property
    def available(self) -> int:
        """How many can still be sold."""
        return 0 if self.withdrawn else self.stock - self.allocated

    def change(self, offer: Offer) -> Refused | None:
        """Take over a new offer; orders keep the price they were given.

        Refused(withdrawn) when it is not sold any more, Refused(below_allocated) when orders have more than its stock.
        """
        if self.withdrawn:
            return Refused("withdrawn")
        if offer.stock < self.allocated:
            return Refused("below_allocated")
        self.event_id, self.name, self.unit_cents = (offer.event_id, offer.name, offer.unit_cents)
        self.stock = offer.stock
        return None

    def withdraw(self) -> None:
        """Sell it no more, for ever."""
        self.withdrawn = True

    def take_back(self, quantity: int) -> None:
        """An order is off: so many are free again."""
        self.allocated -= quantity

    def refusal(self, quantity: int, event_id: UUID) -> RefusalReason | None:
        """Why an order for this event cannot have so many, or None when it can."""
        if self.withdrawn:
            return "unknown_product"
        if self.event_id not in (None, event_id):
            return "wrong_event"
        return "products_sold_out" if quantity > self.available else None


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product, at the price of the moment when they were set aside."""

    product_id: UUID
    name: str
    quantity: int
    unit_cents: int


class Status(StrEnum):
    """Where an order's allocation stands."""

    ALLOCATED = "allocated"
    RETURNED = "returned"
    REFUSED = "refused"


@dataclass(slots=True)
class Allocation:
    """The products of one order: ``allocated`` and perhaps ``returned``, or ``refused`` at birth for a reason."""

    order_id: UUID
    status: Status
    lines: tuple[Line, ...]
    reason: RefusalReason | None

    def release(self) -> tuple[Line, ...]:
        """The order is off. Returns the lines that go back into stock: all of them the first time, then none."""
        if self.status is not Status.ALLOCATED:
            return ()
        self.status = Status.RETURNED
        return self.lines


def allocate(
    order_id: UUID, event_id: UUID, wanted: Mapping[UUID, int], products: Mapping[UUID, Product | None]
) -> Allocation:
    """Set everything aside that an order wants, or nothing when one product refuses: the first one says why.

    ``products`` holds those wanted, None for one that there is not.
    """
    lines = []
    for product_id, quantity in wanted.items():
        product = products[product_id]
        reason = "unknown_product" if product is None else product.refusal(quantity, event_id)
        if product is None or reason is not None:
            return Allocation(order_id, Status.REFUSED, (), reason)
        lines.append((product, Line(product_id, product.name, quantity, product.unit_cents)))
    for product, line in lines:
        product.allocated += line.quantity
    return Allocation(order_id, Status.ALLOCATED, tuple(line for _, line in lines), None)
