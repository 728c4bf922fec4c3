"""What the product service's routes read. Its handlers need no more than the chassis's own ports."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from services.chassis.paging import Page
from services.product.domain import Product


class Products(Protocol):
    """The products as they are, without a lock."""

    async def find(self, product_id: UUID) -> Product | None:
        """A product, withdrawn ones too, or None for an unknown id. Raises Unavailable."""

    async def page(self, page: Page, event_id: UUID | None) -> Sequence[Product]:
        """A page of the products on sale; with ``event_id`` those that an order for this event may have.

        Raises Unavailable.
        """
