"""A migrated database is the one that the code declares, on both databases, all the way up and down."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from services.chassis.database import Database
from services.chassis.migrate import MigrationFailed, migrate, revisions, unmigrate
from services.chassis.service import Service
from services.operations.registry import SERVICES

pytestmark = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


async def schema(url: str, *, create: Service | None = None) -> dict[str, Any]:
    database = Database(url)
    try:
        async with database.writing() as connection:
            if create is not None:
                await connection.run_sync(create.metadata.create_all)
            return await connection.run_sync(described)
    finally:
        await database.close()


def described(connection: Connection) -> dict[str, Any]:
    """Everything of a schema that a statement can notice, as the database itself tells it."""
    inspector = inspect(connection)

    def of(table: str) -> dict[str, Any]:
        return {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)},
            "key": inspector.get_pk_constraint(table),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "checks": sorted((str(c["name"]), c["sqltext"]) for c in inspector.get_check_constraints(table)),
            "indexes": sorted(
                (str(i["name"]), str(i["column_names"]), i["unique"], str(i.get("dialect_options", {}).items()))
                for i in inspector.get_indexes(table)
            ),
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(table))),
        }

    return {table: of(table) for table in inspector.get_table_names() if table != "alembic_version"}


async def test_a_migrated_database_is_the_declared_one(service: Service, database_url: str) -> None:
    await migrate(service, database_url)
    migrated = await schema(database_url)
    await unmigrate(service, database_url)

    declared = await schema(database_url, create=service)

    assert migrated == declared


async def test_every_step_goes_up_down_and_up_again(service: Service, database_url: str) -> None:
    before: dict[str, Any] = {}
    for revision in revisions(service):
        await migrate(service, database_url, revision)
        after = await schema(database_url)
        assert after != before, f"{revision} changes nothing"
        await unmigrate(service, database_url, "-1")
        assert await schema(database_url) == before
        await migrate(service, database_url, revision)
        assert await schema(database_url) == after
        before = after


async def test_two_that_migrate_at_once_do_it_once(service: Service, database_url: str) -> None:
    moves = await asyncio.gather(*(migrate(service, database_url) for _ in range(3)))

    assert sorted(before is None for before, _ in moves) == [False, False, True]
    assert {after for _, after in moves} == {revisions(service)[-1]}


async def test_a_database_of_a_newer_release_is_left_alone(service: Service, database_url: str) -> None:
    await migrate(service, database_url)
    database = Database(database_url)
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()
    before = await schema(database_url)

    with pytest.raises(MigrationFailed, match="9999"):
        await migrate(service, database_url)

    assert await schema(database_url) == before
