"""The mock gateway's books: its charges, and the webhooks that it owes. Nothing else reads them.

They are tables in the payment service's database, so that all its processes deal with one gateway, and what it knows
survives a crash of them all; never in one transaction with the service's own rows.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, Uuid, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, Moment, among
from services.chassis.trace_context import traceparent


@dataclass(frozen=True, slots=True)
class BankTables:
    """The mock gateway's tables."""

    charges: Table
    webhooks: Table


def bank_tables(metadata: MetaData) -> BankTables:
    """Declare the mock gateway's tables in a database that keeps them."""
    charges = Table(
        "mock_charges",
        metadata,
        Column("order_id", Uuid, primary_key=True),
        Column("amount_cents", BigInteger, nullable=False),
        Column("token", Text, nullable=False),
        Column("code", Text, nullable=False),
        Column("expires_at", Moment, nullable=False),
        Column("lost_answers", Integer, nullable=False),
        Column("failed_refunds", Integer, nullable=False),
        Column("cancelled_at", Moment),
        Column("refunded_at", Moment),
    )
    webhooks = Table(
        "mock_webhooks",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("order_id", Uuid, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("amount_cents", BigInteger, nullable=False),
        Column("due_at", Moment, nullable=False),
        Column("send_at", Moment),
        Column("traceparent", Text),
        Index("ix_mock_webhooks_order_id", "order_id"),
        Index("ix_mock_webhooks_send_at", "send_at"),
    )
    return BankTables(charges, webhooks)


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """A charge. ``lost_answers`` and ``failed_refunds`` count the calls that the scenario has let fail so far."""

    order_id: UUID
    amount_cents: int
    token: str
    code: str
    expires_at: datetime
    lost_answers: int = 0
    failed_refunds: int = 0
    cancelled_at: datetime | None = None
    refunded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """What the bank tells at ``due_at``: from then on the charge is paid or declined, whether or not it was heard.

    ``send_at`` is when it is tried next, None once it was heard. ``traceparent`` is the trace in which the charge was
    asked for, or cancelled.
    """

    id: UUID
    event_id: UUID
    order_id: UUID
    outcome: str
    amount_cents: int
    due_at: datetime
    send_at: datetime | None
    traceparent: str | None = None

    @classmethod
    def of(cls, charge: ChargeRow, outcome: str, due_at: datetime, copy: int = 0) -> "Webhook":
        """A webhook about a charge. Its copies are the same event, told again."""
        event_id = uuid5(charge.order_id, outcome)
        return cls(
            id=uuid5(event_id, str(copy)),
            event_id=event_id,
            order_id=charge.order_id,
            outcome=outcome,
            amount_cents=charge.amount_cents,
            due_at=due_at,
            send_at=due_at,
            traceparent=traceparent(),
        )


class Books:
    """The way into the books."""

    def __init__(self, database: Database, tables: BankTables) -> None:
        self._database = database
        self._tables = tables

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Page"]:
        """A transaction in the books. Raises Unavailable."""
        async with self._database.writing() as connection:
            yield Page(connection, self._tables, self._database.dialect)

    async def owes(self, now: datetime) -> bool:
        """Whether any webhook is due. Raises Unavailable."""
        webhooks = self._tables.webhooks.c
        async with self._database.reading() as connection:
            due = await connection.execute(select(webhooks.id).where(webhooks.send_at <= now).limit(1))
            return due.first() is not None


class Page:
    """One transaction in the books."""

    def __init__(self, connection: AsyncConnection, tables: BankTables, dialect: str) -> None:
        self._connection = connection
        self._tables = tables
        self._dialect = dialect

    async def enter(self, charge: ChargeRow) -> bool:
        """Enter a new charge. False when its order has one already."""
        upsert = postgres_insert if self._dialect == "postgresql" else sqlite_insert
        charges = self._tables.charges
        entered = await self._connection.execute(
            upsert(charges).values(asdict(charge)).on_conflict_do_nothing().returning(charges.c.order_id)
        )
        return entered.first() is not None

    async def find(self, order_id: UUID) -> ChargeRow | None:
        """An order's charge, locked."""
        charges = self._tables.charges
        found = await self._connection.execute(select(charges).where(charges.c.order_id == order_id).with_for_update())
        row = found.first()
        return ChargeRow(*row) if row else None

    async def note(self, order_id: UUID, **columns: Any) -> None:
        """Write columns of a charge."""
        charges = self._tables.charges
        await self._connection.execute(update(charges).where(charges.c.order_id == order_id).values(columns))

    async def paid(self, order_id: UUID, now: datetime) -> bool:
        """Whether the money of a charge is here."""
        webhooks = self._tables.webhooks.c
        approval = select(webhooks.id).where(
            webhooks.order_id == order_id, webhooks.outcome == "approved", webhooks.due_at <= now
        )
        return (await self._connection.execute(approval.limit(1))).first() is not None

    async def owe(self, webhooks: Sequence[Webhook]) -> None:
        """Enter webhooks to be delivered."""
        if webhooks:
            await self._connection.execute(insert(self._tables.webhooks), [asdict(webhook) for webhook in webhooks])

    async def strike_out(self, order_id: UUID, now: datetime) -> None:
        """Forget what would have become of a charge after now."""
        webhooks = self._tables.webhooks
        await self._connection.execute(delete(webhooks).where(webhooks.c.order_id == order_id, webhooks.c.due_at > now))

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[Webhook]:
        """Take webhooks that are due, past those that another process is taking, and put them off ``until``."""
        webhooks = self._tables.webhooks
        due = (
            select(webhooks.c.id)
            .where(webhooks.c.send_at <= now)
            .order_by(webhooks.c.send_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim = update(webhooks).where(webhooks.c.id.in_(select(due.c.id))).values(send_at=until).returning(webhooks)
        return [Webhook(*row) for row in await self._connection.execute(claim)]

    async def heard(self, ids: Collection[UUID]) -> None:
        """Owe these webhooks no more."""
        webhooks = self._tables.webhooks
        await self._connection.execute(
            update(webhooks).where(among(webhooks.c.id, ids, self._dialect)).values(send_at=None)
        )
