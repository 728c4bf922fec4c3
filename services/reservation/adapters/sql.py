"""The reservation service's tables, in lock order, and its read views."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Row,
    Table,
    Text,
    Uuid,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Json, Moment, among, word
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

KINDS = {Attachment: attachments, Reservation: reservations, Stock: stock, Share: shares, Sale: sales}
