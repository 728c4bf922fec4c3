"""What a database's errors mean to us: an outage is no message's fault, a mistake is no outage, and no row is told."""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import CheckConstraint, Column, Executable, Integer, MetaData, Table, Text, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable

from services.chassis.database import Database
from services.chassis.storage import SqlStore
from services.chassis.store import Conflict, Exists, Unavailable
from tests.chassis import KINDS, tables

people = Table(
    "people",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text),
    CheckConstraint("id > 0", name="positive"),
)


async def execute(database: Database, *statements: Executable) -> None:
    async with database.writing() as connection:
        for statement in statements:
            await connection.execute(statement)


@asynccontextmanager
async def opened(url: str, statement_seconds: float | None = 20) -> AsyncIterator[Database]:
    database = Database(url, statement_seconds=statement_seconds)
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELEC 1"])
async def test_a_mistake_in_a_statement_is_no_outage(database_url: str, statement: str) -> None:
    async with opened(database_url) as database:
        with pytest.raises(DBAPIError):
            await execute(database, text(statement))


async def test_a_database_without_our_tables_is_none(database_url: str) -> None:
    async with opened(database_url) as database:
        with pytest.raises(Unavailable):
            await SqlStore(database, KINDS, tables).probe()


async def test_of_two_that_wait_for_each_other_one_is_told_that_the_other_was_faster(postgres_database: str) -> None:
    first, second = (insert(people).values(id=number) for number in (1, 2))
    waits = asyncio.Barrier(2)

    async def insert_both(one: Executable, other: Executable) -> None:
        async with database.writing() as connection:
            await connection.execute(one)
            await waits.wait()
            await connection.execute(other)

    async with opened(postgres_database) as database:
        await execute(database, CreateTable(people))
        ended = await asyncio.gather(insert_both(first, second), insert_both(second, first), return_exceptions=True)

    assert [type(each) for each in ended if each] == [Conflict]


async def test_what_only_one_row_may_have_exists(database_url: str) -> None:
    async with opened(database_url) as database:
        await execute(database, CreateTable(people), insert(people).values(id=1))
        with pytest.raises(Exists):
            await execute(database, insert(people).values(id=1))


async def test_a_value_that_no_column_holds_is_no_outage(postgres_database: str) -> None:
    async with opened(postgres_database) as database:
        with pytest.raises(DBAPIError):
            await execute(database, CreateTable(people), insert(people).values(id=1 << 40, name="Ana"))


async def test_a_file_that_another_process_writes_to_for_too_long_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.database.BUSY_TIMEOUT_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "people.db", isolation_level=None)
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/people.db") as database:
        await execute(database, CreateTable(people))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await execute(database, insert(people).values(id=1))
    other.close()


NAME = "Ana Souza"


async def test_an_error_does_not_tell_the_row_that_it_is_about(database_url: str) -> None:
    async with opened(database_url) as database:
        with pytest.raises(IntegrityError) as caught:
            await execute(database, CreateTable(people), insert(people).values(id=0, name=NAME))
        told = "".join(traceback.format_exception(caught.value))
        assert "positive" in told
        assert NAME not in told


async def test_a_server_that_vanishes_without_hanging_up_is_an_outage_after_some_seconds(
    postgres_database: str,
) -> None:
    sockets = postgres_database.partition("?host=")[2]
    vanished = asyncio.Event()

    async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if not vanished.is_set():
                target.write(data)
        target.close()

    async def connect(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(f"{sockets}/.s.PGSQL.5432")
        await asyncio.gather(forward(client, to_server), forward(server, to_client), return_exceptions=True)

    with TemporaryDirectory() as folder:
        async with (
            await asyncio.start_unix_server(connect, f"{folder}/.s.PGSQL.5432"),
            opened(postgres_database.replace(sockets, folder), statement_seconds=0.5) as database,
        ):
            await execute(database, text("SELECT 1"))
            vanished.set()
            with pytest.raises(Unavailable):
                await asyncio.wait_for(execute(database, text("SELECT 1")), 15)
