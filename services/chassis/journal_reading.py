"""A service's journal, read from its database."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Table, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, among
from services.chassis.journal import Failed, Handled, Journal, Unsent, shown_envelope
from services.chassis.tables import ChassisTables

RECENT = 100_000
"""Messages whose emissions are searched one by one: a busy hour's, in less than a second."""


async def read_journal(
    database: Database,
    tables: ChassisTables,
    service: str,
    *,
    correlations: Collection[str] = (),
    messages: Collection[UUID] = (),
) -> Journal:
    """What the service knows of messages with these correlations or ids, each list in its order. Raises Unavailable."""
    async with database.reading() as connection:

        async def rows(table: Table, message_id: str, *order: str) -> list[Row[*tuple[Any, ...]]]:
            found = await connection.execute(
                _about(select(table), table, message_id, correlations, messages, connection).order_by(
                    *(table.c[name] for name in order)
                )
            )
            return list(found)

        return Journal(
            service=service,
            handled=[_handled(row) for row in await rows(tables.inbox, "id", "handled_at", "position", "id")],
            failed=[_failed(row) for row in await rows(tables.attempts, "message_id", "failed_at", "number")],
            unsent=[_unsent(row) for row in await rows(tables.outbox, "message_id", "send_at", "key")],
        )


async def read_emission(database: Database, tables: ChassisTables, message_id: UUID) -> dict[str, Any] | None:
    """The envelope of a message that the service emitted when it handled one of the last ``RECENT`` messages; None when
    it did not. Raises Unavailable.

    For a message that no listener has handled: its id stands nowhere but within what was emitted, which has no index.
    """
    inbox = tables.inbox.c
    recent = select(inbox.emitted).order_by(inbox.handled_at.desc()).limit(RECENT).subquery()
    naming = cast(recent.c.emitted, Text).contains(str(message_id))
    async with database.reading() as connection:
        found = (await connection.execute(select(recent.c.emitted).where(naming))).scalars()
        return next((one for emitted in found for one in emitted if one["id"] == str(message_id)), None)


def _about(
    query: Select[*tuple[Any, ...]],
    table: Table,
    message_id: str,
    correlations: Collection[str],
    messages: Collection[UUID],
    connection: AsyncConnection,
) -> Select[*tuple[Any, ...]]:
    dialect = connection.dialect.name
    return query.where(
        or_(among(table.c.correlation, correlations, dialect), among(table.c[message_id], messages, dialect))
    )


def _handled(row: Row[*tuple[Any, ...]]) -> Handled:
    return Handled.model_validate({name: getattr(row, name) for name in Handled.model_fields})


def _failed(row: Row[*tuple[Any, ...]]) -> Failed:
    return Failed.model_validate({name: getattr(row, name) for name in Failed.model_fields})


def _unsent(row: Row[*tuple[Any, ...]]) -> Unsent:
    return Unsent(
        message_id=row.message_id,
        envelope=shown_envelope(row.body),
        queue=row.queue,
        send_at=row.send_at,
        waits_for=row.waits_for,
    )
