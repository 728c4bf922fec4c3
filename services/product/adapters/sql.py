"""The tables of products and their allocations."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, MetaData, Table, Text, Uuid

from services.chassis.database import Json, word
from services.chassis.tables import chassis_tables
from services.product.domain import Allocation, Line, Product, Status

metadata = MetaData()
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
