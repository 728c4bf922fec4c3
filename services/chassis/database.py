"""Databases: engines for SQLite and PostgreSQL with the settings that matter, and the column types both share."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Delete,
    Dialect,
    Engine,
    Enum,
    Table,
    TypeDecorator,
    any_,
    delete,
    event,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.chassis import tracing
from services.chassis.database_login import Login
from services.chassis.outages import translated
from services.chassis.sql_spans import trace_sql

BUSY_TIMEOUT_SECONDS = 15
"""How long a SQLite writer waits for another process's write to end. Ours take milliseconds."""

STATEMENT_SECONDS = 20
"""How long a statement may take, its waiting for locks included: a server that vanished does not even hang up."""

POOL_SIZE = 4
"""Per process and service: PostgreSQL's default of 100 connections is shared by seven services' processes."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC on both databases; SQLite has no type for it and keeps sortable text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A typed value as JSON: dataclasses, tuples and ids go in and come out as such."""

    impl = JSON().with_variant(JSONB(), "postgresql")
    cache_ok = True

    def __init__(self, kind: Any = Any) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._adapter.validate_python(value)


def word(kind: type[StrEnum]) -> Enum:
    """A column of an enumeration's values, as text."""
    return Enum(kind, native_enum=False, length=32, values_callable=lambda members: [str(m) for m in members])


def among(column: Column[Any], values: Collection[Any], dialect: str) -> ColumnElement[bool]:
    """``column`` is one of ``values``: one statement for any number of them where the database has arrays."""
    if dialect == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


def delete_some(table: Table, rows: ColumnElement[bool], most: int) -> Delete:
    """Deletes at most ``most`` of these rows: PostgreSQL has no DELETE with a LIMIT."""
    key = table.primary_key.columns
    return delete(table).where(tuple_(*key).in_(select(*key).where(rows).limit(most)))


class Database:
    """One service's database. Everything of one process that uses it shares this object, and so its pool and lock."""

    def __init__(
        self,
        url: str,
        *,
        service: str = "bilhetagem",
        login: Login | None = None,
        statement_seconds: float | None = STATEMENT_SECONDS,
    ) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        self._write_lock: asyncio.Lock | None = None
        if self.dialect == "sqlite":
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self._write_lock = asyncio.Lock()
            arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_SECONDS}
        else:
            way_in = (login or Login()).arguments(self.url)
            arguments = {"timeout": 5, "command_timeout": statement_seconds, **way_in}
        self.engine = create_async_engine(
            self.url,
            pool_size=POOL_SIZE,
            max_overflow=4,
            pool_timeout=10,
            connect_args=arguments,
            hide_parameters=True,  # an error's text goes into logs and tries, and parameters may be personal data
        )
        if self.dialect == "sqlite":
            _prepare_sqlite(self.engine.sync_engine)
        if tracing.on():
            trace_sql(self.engine.sync_engine, service)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with. Raises Unavailable."""
        with translated():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction to write in. Raises Unavailable, and Conflict where another one was faster."""
        with translated():
            if self._write_lock is None:
                async with self.engine.begin() as connection:
                    yield connection
                return
            # One writer at a time (https://sqlite.org/wal.html): waiting here is fair, waiting in SQLite is polling.
            async with self._write_lock, self.engine.connect() as connection:
                await connection.execution_options(writes=True)
                async with connection.begin():
                    yield connection

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def _switch_to_wal(cursor: Any) -> None:
    # SQLite refuses the later of two that switch a new file at once, without waiting: a moment later it is switched.
    for tries_left in reversed(range(50)):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if not tries_left:
                raise
            time.sleep(0.02)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # SQLAlchemy emits BEGIN, see below
        cursor = connection.cursor()
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A read that turns into a write fails at once when another wrote meanwhile; IMMEDIATE waits at the beginning.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
