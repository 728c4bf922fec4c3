"""The payment service's table, and how payments are read."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Moment, among, word
from services.chassis.tables import chassis_tables, service_metadata
from services.payment.domain import Payment, Status

metadata = service_metadata()
tables = chassis_tables(metadata)

payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("status", word(Status), nullable=False),
    Column("reason", Text),
    Column("code", Text),
    Column("expires_at", Moment, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("refunded_at", Moment),
    CheckConstraint("amount_cents >= 0", name="amount"),
    CheckConstraint("(status = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
)

KINDS = {Payment: payments}


async def read_payments(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Payment]:
    """Those of the payments that exist."""
    found = await connection.execute(select(payments).where(among(payments.c.id, ids, connection.dialect.name)))
    return {row.id: Payment(*row) for row in found}
