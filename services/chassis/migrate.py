"""Migrations: one Alembic environment for all services, a folder of versions and a database for each."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

import services
from services.chassis.database import Database
from services.chassis.database_login import Login
from services.chassis.service import Service

_ENVIRONMENT = Path(__file__).parent / "migrations_env"


class MigrationFailed(Exception):
    """A database cannot be brought to the wished revision; the text says why."""


def _scripts(service: Service) -> Config:
    """Alembic's configuration for one service: the shared environment, the service's own versions."""
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(Path(services.__path__[0]) / service.name / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.attributes["metadata"] = service.metadata
    return config


def revisions(service: Service) -> list[str]:
    """Every revision, the oldest first; the last one is what this release of the service needs."""
    walk = ScriptDirectory.from_config(_scripts(service)).walk_revisions()
    return [script.revision for script in walk][::-1]


async def migrate(
    service: Service, url: str, revision: str = "head", *, login: Login | None = None
) -> tuple[str | None, str | None]:
    """Bring a service's database up to a revision, in one transaction: all of it or nothing.

    Several may do so at once: one works, the others wait and find the work done. Returns the revision before and after.
    Raises Unavailable, and MigrationFailed when the database knows a revision that this release does not.
    """
    return await _move(service, url, lambda config: command.upgrade(config, revision), login)


async def unmigrate(service: Service, url: str, revision: str = "base") -> tuple[str | None, str | None]:
    """Bring a service's database down to a revision, as ``migrate`` brings it up."""
    return await _move(service, url, lambda config: command.downgrade(config, revision))


async def draft(service: Service, message: str) -> Path:
    """Write a new revision, from the newest one to the tables as declared. It has to be read before it is kept."""
    config = _scripts(service)

    def write(connection: Connection) -> Path:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        script = command.revision(config, message, autogenerate=True, rev_id=f"{len(revisions(service)) + 1:04}")
        assert isinstance(script, Script)
        return Path(script.path)

    with TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/draft.db")
        try:
            async with database.writing() as connection:
                return await connection.run_sync(write)
        finally:
            await database.close()


async def _move(
    service: Service, url: str, go: Callable[[Config], None], login: Login | None = None
) -> tuple[str | None, str | None]:
    config = _scripts(service)

    def move(connection: Connection) -> tuple[str | None, str | None]:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(service)})
        config.attributes["connection"] = connection
        before = _revision(connection)
        go(config)
        return before, _revision(connection)

    database = Database(url, login=login, statement_seconds=None)
    try:
        # The write transaction is SQLite's lock; PostgreSQL's is taken inside it, and both end with it.
        async with database.writing() as connection:
            return await connection.run_sync(move)
    except CommandError as error:
        raise MigrationFailed(f"The database of {service.name} cannot be migrated: {error}") from error
    finally:
        await database.close()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _lock_key(service: Service) -> int:
    return int.from_bytes(hashlib.sha256(f"bilhetagem migrate {service.name}".encode()).digest()[:8], signed=True)
