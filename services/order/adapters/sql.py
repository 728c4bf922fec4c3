"""The order service's tables, in lock order, and how orders are read."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, Json, Moment, among, word
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.order.domain import ENDED, Buyer, EventMark, Extra, Item, Order, Seats, Status, Wish
from services.order.ports import Filter

metadata = service_metadata()
tables = chassis_tables(metadata)

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("items", Json(tuple[Item, ...]), nullable=False),
    Column("wishes", Json(tuple[Wish, ...]), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("payment_method", Text, nullable=False),
    Column("payment_token", Text),
    Column("created_at", Moment, nullable=False),
    Column("status", word(Status), nullable=False),
    Column("reason", Text),
    Column("seats", Json(tuple[Seats, ...])),
    Column("extras", Json(tuple[Extra, ...])),
    Column("refusal", Text),
    Column("pay_before", Moment),
    Column("withdrawal", Text),
    Column("expired", Boolean, nullable=False),
    Column("kept", Text),
    Column("refunded_at", Moment),
    CheckConstraint("total_cents >= 0", name="total"),
    CheckConstraint("(status IN ('rejected', 'cancelled', 'refunded')) = (reason IS NOT NULL)", name="ended"),
    CheckConstraint("(status = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
    CheckConstraint("status <> 'cancelling' OR withdrawal IS NOT NULL", name="cancelling"),
    Index("ix_orders_user_id_id", "user_id", "id"),
    Index("ix_orders_event_id_id", "event_id", "id"),
    Index("ix_orders_status_id", "status", "id"),
)

buyers = Table(
    "buyers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("erased", Boolean, nullable=False),
)

event_marks = Table(
    "event_marks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("called_off", Boolean, nullable=False),
)

KINDS: dict[type[Any], Table] = {Order: orders, Buyer: buyers, EventMark: event_marks}


class Orders:
    """The orders as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Order]:
        """Those of the orders that exist."""
        query = select(orders).where(among(orders.c.id, ids, self._database.dialect))
        return {row.id: Order(*row) for row in await connection.execute(query)}

    async def page(self, page: Page, wanted: Filter) -> Sequence[Order]:
        """A page of the orders that a filter lets through."""
        query = select(orders)
        for column, value in (
            (orders.c.user_id, wanted.user_id),
            (orders.c.event_id, wanted.event_id),
            (orders.c.status, wanted.status),
        ):
            if value is not None:
                query = query.where(column == value)
        async with self._database.reading() as connection:
            return [Order(*row) for row in await connection.execute(page.of(query, by=orders.c.id))]

    async def live(self, event_id: UUID, after: UUID | None, limit: int) -> Sequence[UUID]:
        """The ids of an event's live orders, as the port ``LiveOrders`` has it."""
        query = select(orders.c.id).where(orders.c.event_id == event_id, orders.c.status.not_in(ENDED))
        if after is not None:
            query = query.where(orders.c.id > after)
        async with self._database.reading() as connection:
            return list((await connection.execute(query.order_by(orders.c.id).limit(limit))).scalars())
