"""The ticket service's tables, in lock order, and what is read of them without locks."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    Uuid,
    or_,
    select,
)

from contracts.reservation import ReservationsConfirmed
from services.chassis.database import Database, Json, Moment, among, word
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.ticket.domain import EventFacts, Holder, Issue, IssueStatus, Status, Ticket, TicketType
from services.ticket.ports import Sheet

metadata = service_metadata()
tables = chassis_tables(metadata)

ticket_types = Table(
    "ticket_types",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("max_per_user", Integer),
    Column("sales_start", Moment),
    Column("sales_end", Moment),
    CheckConstraint("quantity >= 0", name="quantity"),
    CheckConstraint("price_cents >= 0", name="price_cents"),
    Index("ix_ticket_types_event_id_id", "event_id", "id"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("ticket_ids", Json(tuple[UUID, ...]), nullable=False),
    Column("status", word(IssueStatus), nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("issues.id"), nullable=False),
    Column("reservation_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("type_id", Uuid, nullable=False),
    Column("type_name", Text, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("status", word(Status), nullable=False),
    Column("used_at", Moment),
    Column("pdf_key", Text, nullable=False),
    Column("event_version", Integer, nullable=False),
    Column("holder_version", Integer, nullable=False),
    CheckConstraint("1 <= number AND number <= total", name="number"),
    CheckConstraint("(status = 'used') = (used_at IS NOT NULL)", name="used_at"),
    Index("ix_tickets_order_id_id", "order_id", "id"),
    Index("ix_tickets_event_id_id", "event_id", "id"),
    Index("ix_tickets_user_id_id", "user_id", "id"),
)

holders = Table(
    "holders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text),
    Column("erased", Boolean, nullable=False),
    CheckConstraint("erased = (name IS NULL)", name="erased"),
)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("date", Moment, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("called_off", Boolean, nullable=False),
)

# The event's row comes last: every issue of an event waits for it, so it is held for the shortest time.
KINDS = {TicketType: ticket_types, Issue: issues, Ticket: tickets, Holder: holders, EventFacts: events}


class Catalogue:
    """Ticket types, tickets, events and holders, as committed. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def event(self, event_id: UUID) -> EventFacts | None:
        """An event, None when it is not known yet."""
        return await self._one(EventFacts, event_id)

    async def holder(self, user_id: UUID) -> Holder | None:
        """A buyer, None when they are not known yet."""
        return await self._one(Holder, user_id)

    async def erased(self, user_ids: Collection[UUID]) -> Sequence[Holder]:
        """Those of these buyers who are erased."""
        if not user_ids:
            return []
        theirs = among(holders.c.id, user_ids, self._database.dialect)
        async with self._database.reading() as connection:
            return [Holder(*row) for row in await connection.execute(select(holders).where(theirs, holders.c.erased))]

    async def ticket_type(self, type_id: UUID) -> TicketType | None:
        """A ticket type."""
        return await self._one(TicketType, type_id)

    async def ticket(self, ticket_id: UUID) -> Ticket | None:
        """An issued ticket."""
        return await self._one(Ticket, ticket_id)

    async def sheet(self, ticket_id: UUID) -> Sheet | None:
        """What an issued ticket's PDF shows now."""
        return next(iter(await self._sheets(_SHEETS.where(tickets.c.id == ticket_id))), None)

    async def ticket_types(self, event_id: UUID | None, page: Page) -> Sequence[TicketType]:
        """A page of the ticket types of an event, or of all, and one more where another page follows."""
        query = select(ticket_types)
        if event_id is not None:
            query = query.where(ticket_types.c.event_id == event_id)
        async with self._database.reading() as connection:
            return [TicketType(*row) for row in await connection.execute(page.of(query, ticket_types.c.id))]

    async def tickets_of(self, order_id: UUID, page: Page | None = None) -> Sequence[Ticket]:
        """An order's tickets: all, or a page of them and one more where another page follows."""
        query = select(tickets).where(tickets.c.order_id == order_id)
        query = page.of(query, tickets.c.id) if page else query.order_by(tickets.c.id)
        async with self._database.reading() as connection:
            return [Ticket(*row) for row in await connection.execute(query)]

    async def failed_issue(self, order_id: UUID) -> tuple[UUID, ReservationsConfirmed] | None:
        """The confirmation of an order that was received here and failed, with its message's id; None without one."""
        attempts = tables.attempts.c
        query = (
            select(attempts.message_id, attempts.envelope)
            .where(attempts.correlation == str(order_id), attempts.type == ReservationsConfirmed.type)
            .order_by(attempts.failed_at.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row[0], ReservationsConfirmed.model_validate(row[1]["data"]))

    async def issue_waits(self, order_id: UUID) -> bool:
        """An order's confirmation was received here, and waits for what it needs."""
        outbox = tables.outbox.c
        query = select(outbox.key).where(
            outbox.correlation == str(order_id),
            outbox.type == ReservationsConfirmed.type,
            outbox.waits_for.is_not(None),
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query.limit(1))).first() is not None

    async def outdated(
        self, *, event_id: UUID | None, user_id: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Sheet]:
        """Tickets whose PDF shows an older state than the catalogue; see ``ports.Catalogue``."""
        ticket = tickets.c
        good = ticket.status == Status.ISSUED
        query = _SHEETS.where(or_(ticket.event_version < events.c.version, ticket.holder_version < holders.c.version))
        if user_id is not None:
            query = query.where(ticket.user_id == user_id, or_(good, holders.c.erased))
        else:
            query = query.where(ticket.event_id == event_id, good)
        if after is not None:
            query = query.where(ticket.id > after)
        return await self._sheets(query.order_by(ticket.id).limit(limit))

    async def _one[Kind](self, kind: type[Kind], row_id: UUID) -> Kind | None:
        table: Table = KINDS[kind]
        async with self._database.reading() as connection:
            row = (await connection.execute(select(table).where(table.c.id == row_id))).one_or_none()
        return None if row is None else kind(*row)

    async def _sheets(self, query: Select[*tuple[Any, ...]]) -> list[Sheet]:
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
        return [_sheet(row) for row in rows]


_SHOWN = {name: tickets.c[name] for name in ("id", "order_id", "type_name", "price_cents", "number", "total")}
_SHEETS = (
    select(*_SHOWN.values(), *events.c, *holders.c)
    .join_from(tickets, events, events.c.id == tickets.c.event_id)
    .join(holders, holders.c.id == tickets.c.user_id)
)


def _sheet(row: Row[*tuple[Any, ...]]) -> Sheet:
    columns = iter(row)
    shown = dict(zip(_SHOWN, islice(columns, len(_SHOWN)), strict=True))
    event, holder = EventFacts(*islice(columns, len(events.c))), Holder(*columns)
    return Sheet(**shown, event=event, holder=holder)
