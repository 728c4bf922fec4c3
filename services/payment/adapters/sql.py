"""The payment service's table, and how payments are read."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, Moment, among, word
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


class Payments:
    """The payments as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Payment]:
        """Those of the payments that exist."""
        query = select(payments).where(among(payments.c.id, ids, self._database.dialect))
        return {row.id: Payment(*row) for row in await connection.execute(query)}
