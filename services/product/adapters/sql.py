"""The tables of products and their allocations, and how products are read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, Table, Text, Uuid, or_, select

from services.chassis.database import Database, Json, word
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.product.domain import Allocation, Line, Product, Status

metadata = service_metadata()
tables = chassis_tables(metadata)

products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_id", Uuid, index=True),
    Column("name", Text, nullable=False),
    Column("unit_cents", BigInteger, nullable=False),
    Column("stock", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    CheckConstraint("0 <= allocated AND allocated <= stock", name="allocated_within_stock"),
    CheckConstraint("unit_cents >= 0", name="price_not_negative"),
)

allocations = Table(
    "allocations",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("status", word(Status), nullable=False),
    Column("lines", Json(tuple[Line, ...]), nullable=False),
    Column("reason", Text),
    CheckConstraint("(status = 'refused') = (reason IS NOT NULL)", name="refused_for_a_reason"),
)

KINDS: dict[type[Any], Table] = {Allocation: allocations, Product: products}
"""In lock order: an allocation says which products it holds."""


class Products:
    """The products as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, product_id: UUID) -> Product | None:
        """A product, withdrawn ones too, or None for an unknown id."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(products).where(products.c.id == product_id))).first()
        return Product(*row) if row else None

    async def page(self, page: Page, event_id: UUID | None) -> Sequence[Product]:
        """A page of the products on sale; with ``event_id`` the event's own and those for every event."""
        query = select(products).where(products.c.withdrawn.is_(False))
        if event_id is not None:
            query = query.where(or_(products.c.event_id == event_id, products.c.event_id.is_(None)))
        async with self._database.reading() as connection:
            return [Product(*row) for row in await connection.execute(page.of(query, by=products.c.id))]
