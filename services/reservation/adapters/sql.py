"""The reservation service's tables, in lock order, and how reservations and stock are read."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, Json, Moment, among, word
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.reservation.domain import Attachment, Bond, Reservation, Sale, Share, Status, Stock

metadata = service_metadata()
tables = chassis_tables(metadata)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("reservation_ids", Json(tuple[UUID, ...]), nullable=False),
    Column("status", word(Bond), nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("ticket_id", Uuid, nullable=False),
    Column("event_id", Uuid),
    Column("ticket_name", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_cents", BigInteger, nullable=False),
    Column("status", word(Status), nullable=False),
    Column("reason", Text),
    Column("order_id", Uuid),
    Column("expires_at", Moment),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_reservations_user_id_id", "user_id", "id"),
)

stock = Table(
    "stock",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("sold", Integer, nullable=False),
    Column("max_per_user", Integer),
    Column("sales_start", Moment),
    Column("sales_end", Moment),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("sold >= 0", name="sold"),
    CheckConstraint("held + sold <= quantity", name="never_sold_twice"),
)

shares = Table(
    "shares",
    metadata,
    Column("id", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
)

sales = Table(
    "sales",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("called_off", Boolean, nullable=False),
)

KINDS: dict[type[Any], Table] = {
    Attachment: attachments,
    Reservation: reservations,
    Stock: stock,
    Share: shares,
    Sale: sales,
}
"""In lock order: an attachment says which reservations are an order's, a reservation which stock it takes from."""


class Reservations:
    """Reservations and stock as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Reservation]:
        """Those of the reservations that exist."""
        query = select(reservations).where(among(reservations.c.id, ids, self._database.dialect))
        return {row.id: Reservation(*row) for row in await connection.execute(query)}

    async def of_user(self, user_id: UUID, page: Page) -> Sequence[Reservation]:
        """A page of a buyer's reservations."""
        query = page.of(select(reservations).where(reservations.c.user_id == user_id), by=reservations.c.id)
        async with self._database.reading() as connection:
            return [Reservation(*row) for row in await connection.execute(query)]

    async def stock(self, connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Stock]:
        """The stock of those of the ticket types that are known."""
        query = select(stock).where(among(stock.c.id, ids, self._database.dialect))
        return {row.id: Stock(*row) for row in await connection.execute(query)}
