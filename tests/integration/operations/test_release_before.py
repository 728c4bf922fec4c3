"""A release meets what the one before has left: its rows, its messages under way, and for a while its processes.

Migrations run first (docs/deploy.md), so the release before goes on working on the new tables: they may only expand.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from sqlalchemy import Connection, MetaData, Table, delete, insert, inspect

from services.chassis.database import Database
from services.chassis.memory import MemoryStore, MemoryTransaction
from services.chassis.migrate import migrate, revisions
from services.chassis.rows import Id, Key, field_names, values
from services.chassis.service import Service
from services.chassis.storage import SqlStore, SqlTransaction
from services.chassis.store import Attempt, Dispatch, Entry
from services.operations.recording import read
from services.operations.registry import SERVICES
from services.operations.replaying import replay
from tests.conftest import an_empty_database
from tests.recordings.stories import FOLDER

RECORDINGS = {file.stem: read(file.read_text().splitlines()) for file in sorted(FOLDER.glob("*.jsonl"))}
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@every_service
async def test_the_release_before_can_work_on_the_new_tables(service: Service, database_url: str) -> None:
    before: dict[str, dict[str, Any]] = {}
    for revision in revisions(service):
        await migrate(service, database_url, revision)
        async with closing(Database(database_url)) as database, database.reading() as connection:
            after = await connection.run_sync(columns)
        for table, had in before.items():
            has = after.get(table, {})
            assert has.keys() >= had.keys(), f"{revision} takes columns of {table} away"
            for name, column in has.items():
                if name in had:
                    assert str(column["type"]) == str(had[name]["type"]), f"{revision} changes the type of {name}"
                optional = column["nullable"] or column["default"] is not None
                assert optional or (name in had and not had[name]["nullable"]), f"{revision} demands {table}.{name}"
        before = after


@asynccontextmanager
async def closing(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()


def columns(connection: Connection) -> dict[str, dict[str, Any]]:
    inspector = inspect(connection)
    return {
        table: {column["name"]: dict(column) for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


@every_service
async def test_rows_of_the_release_before_are_read_by_this_one(service: Service, database_url: str) -> None:
    rows = recorded_rows(service)
    await migrate(service, database_url, revisions(service)[-2])
    async with closing(Database(database_url)) as database, database.writing() as connection:
        await connection.run_sync(write_as_before, service, rows)

    await migrate(service, database_url)

    async with closing(Database(database_url)) as database:
        store = SqlStore(database, service.kinds, service.tables)
        for kind in service.kinds:
            ids = [row_id for (of, row_id) in rows if of is kind]
            async with store.begin() as transaction:
                found = await transaction.load(kind, ids, lock=True)
            assert by_id(found) == {row_id: rows[kind, row_id] for row_id in ids}


def write_as_before(connection: Connection, service: Service, rows: Mapping[tuple[type[Any], Id], Any]) -> None:
    """Only with the columns that the release before knew of."""
    before = MetaData()
    before.reflect(connection)
    for (kind, _), row in rows.items():
        known = before.tables[service.kinds[kind].name].columns.keys()
        given = {name: getattr(row, name) for name in field_names(kind) if name in known}
        connection.execute(insert(service.kinds[kind]).values(given))


def recorded_rows(service: Service) -> dict[tuple[type[Any], Id], Any]:
    """Every row of the recordings as it was last, those first that others refer to."""
    kinds = {kind.__name__: kind for kind in service.kinds}
    rows = {}
    for recording in RECORDINGS.values():
        for handling in recording.handlings:
            for given in handling.given if handling.service == service.name else ():
                if given.columns is not None:
                    row = whole(TypeAdapter(kinds[given.kind]).validate_python(given.columns))
                    rows[type(row), values(row)[0]] = row
    kind_of = {table: kind for kind, table in service.kinds.items()}
    there: dict[tuple[type[Any], Id], Any] = {}
    for table in service.metadata.sorted_tables:
        for key, row in rows.items():
            # What a row refers to may not have been read, and so not recorded.
            if key[0] is kind_of.get(table) and all(
                (kind_of[link.column.table], getattr(row, link.parent.name)) in there for link in table.foreign_keys
            ):
                there[key] = row
    assert bool(there) == bool(rows)
    return there


@pytest.fixture(params=["sqlite", "postgresql"])
async def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, SqlStore]]:
    """A database for each service, as a release finds it."""
    async with AsyncExitStack() as stack:
        stores = {}
        for name, service in SERVICES.items():
            folder = tmp_path / name
            folder.mkdir()
            url = await stack.enter_async_context(an_empty_database(request, folder))
            await migrate(service, url)
            database = Database(url)
            stack.push_async_callback(database.close)
            stores[name] = SqlStore(database, service.kinds, service.tables)
        yield stores


async def test_messages_of_the_release_before_are_handled_on_the_new_tables(migrated: dict[str, SqlStore]) -> None:
    for story, recording in RECORDINGS.items():
        for store in migrated.values():
            async with store.begin() as transaction:
                for table in reversed(store.tables.inbox.metadata.sorted_tables):
                    await transaction.connection.execute(delete(table))
        mirrored = {name: Mirrored(store) for name, store in migrated.items()}
        replayed = await replay(recording, SERVICES, stores=mirrored)
        assert [str(difference) for _, difference in replayed.differences] == [], story
        for name, both in mirrored.items():
            await both.assert_alike(f"{story}: {name}")


class Mirrored(MemoryStore):
    """A store in memory. Whatever is done to it is done to a real one too, which must answer alike."""

    def __init__(self, real: SqlStore) -> None:
        super().__init__()
        self._real = real
        self._mirrored: dict[Key, tuple[Any, ...]] = {}

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        async with self._real.begin() as real:
            await self._give(real)
            both = Both(self, real)
            yield both
            for write in both.writes:
                write()
        self._mirrored = self._now()

    async def assert_alike(self, where: str) -> None:
        async with self._real.begin() as real:
            await self._give(real)
            for kind in self._real.kinds:
                ids = [key.id for key in self.rows if key.kind is kind]
                found = await real.load(kind, ids, lock=False)
                assert by_id(found) == by_id(self.of(kind)), where

    def _now(self) -> dict[Key, tuple[Any, ...]]:
        return {key: values(row) for key, row in self.rows.items()}

    async def _give(self, real: SqlTransaction) -> None:
        """Rows that the recording has put there, or taken away."""
        now = self._now()
        for key in self._mirrored.keys() | now.keys():
            if self._mirrored.get(key) == now.get(key):
                continue
            table: Table = self._real.kinds[key.kind]
            await real.connection.execute(delete(table).where(next(iter(table.primary_key)) == key.id))
            if key in now:
                await real.save([whole(self.rows[key])], [])


class Both(MemoryTransaction):
    """A transaction in memory and a real one."""

    def __init__(self, store: MemoryStore, real: SqlTransaction) -> None:
        super().__init__(store)
        self._real = real

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        known = await super().known(ids)
        assert await self._real.known(ids) == known
        return known

    async def load(self, kind: type[Any], ids: Sequence[Id], *, lock: bool) -> Sequence[Any]:
        rows = await super().load(kind, ids, lock=lock)
        assert by_id(await self._real.load(kind, ids, lock=lock)) == by_id(rows)
        return rows

    async def save(self, added: Iterable[Any], changed: Iterable[Any]) -> None:
        added, changed = list(added), list(changed)
        await super().save(added, changed)
        await self._real.save(map(whole, added), map(whole, changed))

    async def journal(self, entries: Sequence[Entry]) -> None:
        await super().journal(entries)
        await self._real.journal(entries)

    async def repeated(self, ids: Collection[UUID]) -> None:
        await super().repeated(ids)
        await self._real.repeated(ids)

    async def failed(self, attempt: Attempt) -> int:
        tries = await super().failed(attempt)
        assert await self._real.failed(attempt) == tries
        return tries

    async def enqueue(self, dispatches: Sequence[Dispatch]) -> None:
        await super().enqueue(dispatches)
        await self._real.enqueue(dispatches)


def by_id(rows: Iterable[Any]) -> Mapping[Id, Any]:
    return {values(row)[0]: whole(row) for row in rows}


def whole(row: Any) -> Any:
    """A recorded row has no personal data, which the tables insist on unless it is erased."""
    if getattr(row, "erased", True):
        return row
    absent = [name for name in getattr(type(row), "personal", ()) if getattr(row, name) is None]
    return replace(row, **dict.fromkeys(absent, "Somebody"))
