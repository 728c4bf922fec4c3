"""The events' table, and how it is read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Integer, Table, Text, Uuid, select

from services.chassis.database import Database, Moment, word
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.event.domain import Event, Status
from services.event.ports import Filter

metadata = service_metadata()
tables = chassis_tables(metadata)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("date", Moment, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("status", word(Status), nullable=False),
)

KINDS: dict[type[Any], Table] = {Event: events}


class Events:
    """The events as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, event_id: UUID) -> Event | None:
        """An event, or None for an unknown id."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(events).where(events.c.id == event_id))).first()
        return Event(*row) if row else None

    async def page(self, page: Page, wanted: Filter) -> Sequence[Event]:
        """A page of the events that a filter lets through."""
        query = select(events)
        if wanted.status is not None:
            query = query.where(events.c.status == wanted.status)
        if wanted.since is not None:
            query = query.where(events.c.date >= wanted.since)
        if wanted.until is not None:
            query = query.where(events.c.date < wanted.until)
        async with self._database.reading() as connection:
            return [Event(*row) for row in await connection.execute(page.of(query, by=events.c.id))]
