"""A service's journal, read from its database."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, among
from services.chassis.journal import Failed, Handled, Journal, Unsent, shown_envelope
from services.chassis.tables import ChassisTables


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
