"""The one store, over SQLAlchemy Core: whole rows by id, and the inbox, tries and outbox beside them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database, among, delete_some
from services.chassis.rows import Id, field_names, values
from services.chassis.store import Attempt, Dispatch, Entry, Unavailable
from services.chassis.tables import ChassisTables

_OUTBOX_FIELDS = field_names(Dispatch)


class SqlStore:
    """A service's database. ``kinds`` maps each kind of row to its table, in the service's lock order."""

    def __init__(self, database: Database, kinds: Mapping[type[Any], Table], tables: ChassisTables) -> None:
        for kind, table in kinds.items():
            if (columns := tuple(table.columns.keys())) != field_names(kind):
                raise TypeError(f"{kind.__name__} has fields {field_names(kind)}, its table columns {columns}")
        self.database = database
        self.kinds = kinds
        self.tables = tables

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["SqlTransaction"]:
        """Begin a writing transaction. Raises Unavailable and Conflict."""
        async with self.database.writing() as connection:
            yield SqlTransaction(connection, self)

    async def probe(self) -> None:
        """Ask the database whether it is there, with its tables. Raises Unavailable."""
        try:
            async with self.database.reading() as connection:
                await connection.execute(select(self.tables.inbox.c.id).limit(1))
        except DBAPIError as error:
            raise Unavailable(str(error.orig)) from error


class SqlTransaction:
    """One writing transaction of a SqlStore."""

    def __init__(self, connection: AsyncConnection, store: SqlStore) -> None:
        self.connection = connection
        self._kinds = store.kinds
        self._tables = store.tables
        self._dialect = store.database.dialect

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that the inbox has."""
        inbox = self._tables.inbox.c
        found = await self.connection.execute(select(inbox.id).where(among(inbox.id, ids, self._dialect)))
        return set(found.scalars())

    async def load(self, kind: type[Any], ids: Sequence[Id], *, lock: bool) -> Sequence[Any]:
        """Rows by id. A kind with ``on_sight`` has a row as soon as one is asked for under a lock."""
        table = self._kinds[kind]
        key = next(iter(table.primary_key.columns))
        if lock and (on_sight := getattr(kind, "on_sight", None)):
            upsert = postgres_insert if self._dialect == "postgresql" else sqlite_insert
            born = [dict(zip(field_names(kind), values(on_sight(row_id)), strict=True)) for row_id in ids]
            await self.connection.execute(upsert(table).on_conflict_do_nothing(), born)
        query = select(table).where(among(key, ids, self._dialect)).order_by(key)
        found = await self.connection.execute(query.with_for_update() if lock else query)
        return [kind(*row) for row in found]

    async def save(self, added: Iterable[Any], changed: Iterable[Any]) -> None:
        """Write new and changed rows, a statement per table, in lock order and by id."""
        for kind, rows in self._by_kind(added):
            await self.connection.execute(insert(self._kinds[kind]), rows)
        for kind, rows in self._by_kind(changed):
            key, *others = field_names(kind)
            table = self._kinds[kind]
            statement = (
                update(table)
                .where(table.c[key] == bindparam(f"the_{key}"))
                .values({name: bindparam(f"the_{name}", type_=table.c[name].type) for name in others})
            )
            await self.connection.execute(
                statement,
                [{f"the_{name}": value for name, value in row.items()} for row in rows],
            )

    def _by_kind(self, rows: Iterable[Any]) -> list[tuple[type[Any], list[dict[str, Any]]]]:
        grouped = defaultdict(list)
        for row in rows:
            grouped[type(row)].append(values(row))
        return [
            (
                kind,
                [dict(zip(field_names(kind), row, strict=True)) for row in sorted(grouped[kind], key=itemgetter(0))],
            )
            for kind in self._kinds
            if kind in grouped
        ]

    async def journal(self, entries: Sequence[Entry]) -> None:
        """Write the inbox rows, in id order so that two workers with the same messages do not deadlock."""
        rows = [
            {
                "id": entry.envelope.id,
                "type": entry.envelope.message.type,
                "correlation": entry.envelope.message.correlation,
                "envelope": entry.envelope.attributes(personal=False),
                "outcome": entry.outcome,
                "handled_at": entry.now,
                "effect": entry.effect,
                "read": entry.read,
                "emitted": entry.emitted,
                "position": position,
            }
            for position, entry in sorted(enumerate(entries), key=lambda placed: placed[1].envelope.id)
        ]
        await self.connection.execute(insert(self._tables.inbox), rows)

    async def repeated(self, ids: Collection[UUID]) -> None:
        """Count one more arrival of messages that are known."""
        inbox = self._tables.inbox
        await self.connection.execute(
            update(inbox).where(among(inbox.c.id, ids, self._dialect)).values(repeats=inbox.c.repeats + 1)
        )

    async def failed(self, attempt: Attempt) -> int:
        """Record a failed try. Returns how many there are of its message."""
        attempts, envelope = self._tables.attempts, attempt.envelope
        tries = select(func.count()).where(attempts.c.message_id == envelope.id)
        number = int((await self.connection.execute(tries)).scalar_one()) + 1
        row = {
            "message_id": envelope.id,
            "number": number,
            "type": envelope.message.type,
            "correlation": envelope.message.correlation,
            "envelope": envelope.attributes(personal=False),
            "error": attempt.error,
            "place": attempt.place,
            "failed_at": attempt.failed_at,
        }
        await self.connection.execute(insert(attempts), row)
        return number

    async def failures(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that failed before."""
        attempts = self._tables.attempts.c
        query = select(attempts.message_id).distinct().where(among(attempts.message_id, ids, self._dialect))
        return set((await self.connection.execute(query)).scalars())

    async def enqueue(self, dispatches: Sequence[Dispatch]) -> None:
        """Write outbox rows."""
        await self.connection.execute(insert(self._tables.outbox), [asdict(dispatch) for dispatch in dispatches])

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Dispatch]:
        """Take outbox rows that are due, past those that another relay is taking, and put them off."""
        outbox = self._tables.outbox
        due = (
            select(outbox.c.key)
            .where(outbox.c.send_at <= now)
            .order_by(outbox.c.send_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # A CTE that locks runs once; the planner may run a bare subquery again for each row it updates.
            .cte("due")
        )
        claim = (
            update(outbox)
            .where(outbox.c.key.in_(select(due.c.key)))
            .values(send_at=until)
            .returning(*(outbox.c[name] for name in _OUTBOX_FIELDS))
        )
        return [Dispatch(*row) for row in await self.connection.execute(claim)]

    async def sent(self, keys: Collection[UUID]) -> None:
        """Delete outbox rows that are on their queues."""
        outbox = self._tables.outbox
        await self.connection.execute(delete(outbox).where(among(outbox.c.key, keys, self._dialect)))

    async def forget(self, *, journal_before: datetime, keys_before: datetime, most: int) -> bool:
        """Delete what is from before these moments, at most so many rows of a table. Whether there may be more."""
        inbox, attempts, keys = self._tables.inbox, self._tables.attempts, self._tables.idempotency
        deleted = [
            (await self.connection.execute(delete_some(table, old, most))).rowcount
            for table, old in (
                (inbox, inbox.c.handled_at < journal_before),
                (attempts, attempts.c.failed_at < journal_before),
                (keys, keys.c.created_at < keys_before),
            )
        ]
        return max(deleted) >= most
