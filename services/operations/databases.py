"""A database and a login for each service, in one PostgreSQL: ``bilhetagem create-databases``, with the master's login.

For RDS, where services log in by IAM and the master is no superuser; any PostgreSQL of version 16 or later will do.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Json, SecretStr
from rich.markup import escape
from sqlalchemy import URL, NullPool, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.chassis.config import DatabaseSettings
from services.chassis.database_login import Login
from services.chassis.forms import POSTGRES_URL, DatabaseUrl
from services.chassis.outages import translated
from services.chassis.process import run
from services.chassis.store import Unavailable
from services.operations.commands import console
from services.operations.errors import Trouble
from services.operations.registry import service_named
from services.operations.settings import complete

_REFUSED = "28"
"""Invalid authorization (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_LOCK_KEY = 7_262_816_411_004_297
"""Of this command alone, in the maintenance database."""


def _names_each_service(url: str) -> str:
    parts = make_url(url)
    of_each = all("{service}" in (name or "") for name in (parts.username, parts.database))
    if parts.get_backend_name() != "postgresql" or not of_each:
        raise ValueError(f"should be {POSTGRES_URL}, as services read it")
    return url


class Master(BaseModel):
    """The login that may make others."""

    username: str
    password: SecretStr


class MasterSettings(DatabaseSettings):
    """What ``create-databases`` needs: what the services are told, and the master's login.

    Host and port are read from the services' URL, and what a service's login and database are called in there.
    """

    database_url: Annotated[DatabaseUrl, AfterValidator(_names_each_service)]
    """An SQLAlchemy URL; ``{service}`` stands for the service's name, since each has a database of its own."""

    database_master: Json[Master]
    """The master's login, as RDS keeps it in Secrets Manager: ``{"username": "...", "password": "..."}``."""


@dataclass(frozen=True)
class Place:
    """Where a service keeps what it owns."""

    service: str
    login: str
    database: str


def place_of(service: str, url: str) -> Place:
    """The place that a service's database URL names, in which ``{service}`` stands for the service."""
    parts = make_url(url)
    login, database = (str(name).replace("{service}", service) for name in (parts.username, parts.database))
    return Place(service, login, database)


def create_databases(names: Sequence[str]) -> None:
    """Make what is missing of the services' databases and logins, and say what that was."""
    services = [service_named(name).name for name in names]
    settings = complete(MasterSettings, "`create-databases`")
    for service, made in run(create(settings, services)).items():
        console.print(f"{service:12} {escape(f'new: {", ".join(made)}' if made else 'as it was')}")


async def create(settings: MasterSettings, services: Sequence[str]) -> dict[str, list[str]]:
    """Make what is missing, and return what that was: running it again changes nothing. Several may do so at once.

    Afterwards a service's login owns its database, and no other login can connect to that. Raises Unavailable, and
    Trouble when PostgreSQL refuses the master, or a database is there that belongs to another login.
    """
    try:
        with translated():
            async with _as_the_master(settings) as connection:
                await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
                places = [place_of(service, settings.database_url) for service in services]
                return {place.service: [made async for made in _make(connection, place)] for place in places}
    except Unavailable as error:
        if isinstance(error.__cause__, DBAPIError) and _is_refusal(error.__cause__):
            raise Trouble(f"PostgreSQL refuses the master's login (BILHETAGEM_DATABASE_MASTER): {error}") from error
        raise


@asynccontextmanager
async def _as_the_master(settings: MasterSettings) -> AsyncIterator[AsyncConnection]:
    """A connection of the master's: by its password or, where that is refused and services log in by IAM, as they do.

    Since PostgreSQL 16 (CREATE ROLE), whoever makes a login stays a member of it with the right to give it to others,
    which only a superuser can take back. So the master is a member of ``rds_iam`` through the logins that have it, and
    of such RDS takes no password (RDS User Guide, IAM database authentication).
    """
    master = settings.database_master
    url = make_url(settings.database_url).set(username=master.username, database="postgres")
    password = {"password": master.password.get_secret_value()}
    try:
        connection = await _connect(url, Login(ca_file=settings.database_ca_file).arguments(url) | password)
    except DBAPIError as error:
        if settings.database_auth != "iam" or not _is_refusal(error):
            raise
        connection = await _connect(url, settings.login.arguments(url))
    try:
        yield connection
    finally:
        await connection.close()


async def _connect(url: URL, arguments: Mapping[str, Any]) -> AsyncConnection:
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",  # a database cannot be made inside a transaction
        connect_args={"timeout": 10, "command_timeout": 60, **arguments},
        hide_parameters=True,
    )
    return await engine.connect()


def _is_refusal(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(_REFUSED)


async def _make(connection: AsyncConnection, place: Place) -> AsyncIterator[str]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    login, database = quote(place.login), quote(place.database)
    if await _asked(connection, "SELECT rolname FROM pg_roles WHERE rolname = :name", place.login) is None:
        await connection.execute(text(f"CREATE ROLE {login} LOGIN"))
        yield "login"
    if await _owner(connection, place) is None:
        async with _member_of(connection, login):
            await connection.execute(text(f"CREATE DATABASE {database} OWNER {login}"))
        yield "database"
    if await _asked(connection, "SELECT has_database_privilege('public', :name, 'CONNECT')", place.database):
        async with _member_of(connection, login):
            await connection.execute(text(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"))
        yield "closed to others"
    if await _lacks_iam(connection, place.login):
        await connection.execute(text(f"GRANT rds_iam TO {login}"))
        yield "IAM login"


async def _owner(connection: AsyncConnection, place: Place) -> str | None:
    question = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :name"
    owner = await _asked(connection, question, place.database)
    if owner not in (None, place.login):
        raise Trouble(f"There is a database {place.database!r} that belongs to {owner!r}, not to {place.login!r}.")
    return None if owner is None else str(owner)


async def _lacks_iam(connection: AsyncConnection, login: str) -> bool:
    """Only RDS has the role by which one logs in by IAM (RDS User Guide, IAM database authentication)."""
    question = """
        SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = iam.oid AND member = CAST(:name AS regrole))
        FROM pg_roles iam WHERE rolname = 'rds_iam'
    """
    quoted = connection.dialect.identifier_preparer.quote_identifier(login)
    return bool(await _asked(connection, question, quoted))


@asynccontextmanager
async def _member_of(connection: AsyncConnection, login: str) -> AsyncIterator[None]:
    """Whoever is no superuser gives a database only to a login that they can become.

    Nor does the master stay one who can: what is a service's is nobody else's.
    """
    await connection.execute(text(f"GRANT {login} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE"))
    try:
        yield
    finally:
        await connection.execute(text(f"REVOKE {login} FROM CURRENT_USER"))


async def _asked(connection: AsyncConnection, question: str, name: str) -> object:
    return (await connection.execute(text(question), {"name": name})).scalar()
