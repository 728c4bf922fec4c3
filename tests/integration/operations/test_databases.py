"""A database and a login for each service, made as on RDS: by a master who is no superuser."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from services.operations.cli import app
from services.operations.databases import MasterSettings, create
from services.operations.errors import Trouble
from services.operations.postgres import Postgres

SERVICES = ("order", "payment")
"""The first is a word of SQL's own, so names have to be quoted."""

LOGINS = tuple(f"{service}_login" for service in SERVICES)


class Server:
    """A PostgreSQL, spoken to as a superuser, or as anybody else."""

    def __init__(self, postgres: Postgres) -> None:
        self._sockets = str(make_url(postgres.url("postgres")).query["host"])
        self.url = f"postgresql+asyncpg://{{service}}_login@/{{service}}?host={self._sockets}"

    def settings(self, master: str = "master") -> MasterSettings:
        login = json.dumps({"username": master, "password": "a secret", "engine": "postgres"})
        return MasterSettings(database_url=self.url, database_master=login)  # type: ignore[arg-type]

    async def ask(self, question: str, *values: str, login: str = "postgres", database: str = "postgres") -> Any:
        connection = await asyncpg.connect(host=self._sockets, user=login, database=database)
        try:
            return await connection.fetchval(question, *values)
        finally:
            await connection.close()

    async def everything(self) -> Sequence[Any]:
        """Logins, who is whose member, databases, owners and rights."""
        logins = "SELECT array_agg(r::text ORDER BY rolname) FROM pg_roles r WHERE rolname NOT LIKE 'pg_%'"
        members = "SELECT array_agg(m::text ORDER BY oid) FROM pg_auth_members m"
        databases = "SELECT array_agg((oid, datname, datdba, datacl)::text ORDER BY oid) FROM pg_database"
        return [await self.ask(question) for question in (logins, members, databases)]


@pytest.fixture
async def server(postgres: Postgres) -> AsyncIterator[Server]:
    """With a master as RDS's is: it may make logins and databases, and nothing else."""
    server = Server(postgres)
    await server.ask("CREATE ROLE master LOGIN CREATEROLE CREATEDB")
    yield server
    for service in SERVICES:
        await postgres.drop_database(service)
    for role in (*LOGINS, "rds_iam", "master"):
        await server.ask(f'DROP ROLE IF EXISTS "{role}"')


@pytest.fixture
async def rds(server: Server) -> Server:
    """With the role that on RDS stands for logging in by IAM. The master may give it."""
    await server.ask("CREATE ROLE rds_iam NOLOGIN")
    await server.ask("GRANT rds_iam TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    return server


async def test_each_service_owns_a_database_of_its_own(rds: Server) -> None:
    made = await create(rds.settings(), SERVICES)

    assert made == {service: ["login", "database", "closed to others", "IAM login"] for service in SERVICES}
    for service, login in zip(SERVICES, LOGINS, strict=True):
        await rds.ask("CREATE TABLE mine (id integer)", login=login, database=service)
        assert await rds.ask("SELECT pg_has_role($1::name, 'rds_iam', 'USAGE')", login)


@pytest.mark.parametrize(("login", "database"), [("order_login", "payment"), ("payment_login", "order")])
async def test_no_service_can_connect_to_another_one_s_database(rds: Server, login: str, database: str) -> None:
    await create(rds.settings(), SERVICES)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await rds.ask("SELECT 1", login=login, database=database)


async def test_running_it_again_changes_nothing(rds: Server) -> None:
    await create(rds.settings(), SERVICES)
    await rds.ask("CREATE TABLE kept (id integer)", login="order_login", database="order")
    before = await rds.everything()

    assert await create(rds.settings(), SERVICES) == {service: [] for service in SERVICES}

    assert await rds.everything() == before
    assert await rds.ask("SELECT count(*) FROM kept", login="order_login", database="order") == 0


async def test_the_master_cannot_become_what_it_has_made(rds: Server) -> None:
    await create(rds.settings(), SERVICES)

    for login in LOGINS:
        assert not await rds.ask("SELECT pg_has_role('master', $1::name, 'SET')", login)
        assert not await rds.ask("SELECT pg_has_role('master', $1::name, 'USAGE')", login)


async def test_what_was_interrupted_is_taken_up_again(rds: Server) -> None:
    await rds.ask("CREATE ROLE order_login LOGIN", login="master")
    await rds.ask("CREATE ROLE payment_login LOGIN", login="master")
    await rds.ask("CREATE DATABASE payment OWNER payment_login")

    assert await create(rds.settings(), SERVICES) == {
        "order": ["database", "closed to others", "IAM login"],
        "payment": ["closed to others", "IAM login"],
    }


async def test_elsewhere_than_on_rds_a_login_is_given_no_iam(server: Server) -> None:
    assert await create(server.settings(), ["order"]) == {"order": ["login", "database", "closed to others"]}


async def test_a_superuser_may_be_the_master(server: Server) -> None:
    await create(server.settings("postgres"), SERVICES)

    assert await server.ask("SELECT current_user", login="order_login", database="order") == "order_login"


async def test_a_database_of_somebody_else_is_left_alone(server: Server) -> None:
    await server.ask('CREATE DATABASE "order"')

    with pytest.raises(Trouble, match="There is a database 'order' that belongs to 'postgres', not to 'order_login'"):
        await create(server.settings(), SERVICES)


async def test_a_master_that_is_refused_is_told(server: Server) -> None:
    with pytest.raises(Trouble, match=r"refuses the master's login \(BILHETAGEM_DATABASE_MASTER\).*nobody"):
        await create(server.settings("nobody"), SERVICES)


def command(**environment: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, ["create-databases", "order"], env={"COLUMNS": "200", **environment})
    return ran.exit_code, ran.output


async def test_the_command_says_what_it_has_made(server: Server) -> None:
    environment = {
        "BILHETAGEM_DATABASE_URL": server.url,
        "BILHETAGEM_DATABASE_MASTER": '{"username": "master", "password": "a secret"}',
    }

    first, second = [await asyncio.to_thread(command, **environment) for _ in range(2)]

    assert first == (0, "order        new: login, database, closed to others\n")
    assert second == (0, "order        as it was\n")


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:///{service}.db", "postgresql+asyncpg://{service}@host/all", "no url"]
)
def test_settings_that_cannot_be_meant_are_named_without_the_secret(url: str) -> None:
    code, said = command(BILHETAGEM_DATABASE_URL=url, BILHETAGEM_DATABASE_MASTER="a secret")

    assert code == 2
    assert "The settings of `create-databases` are not complete" in said
    assert "BILHETAGEM_DATABASE_URL: " in said
    assert "BILHETAGEM_DATABASE_MASTER: " in said
    assert "a secret" not in said
