"""The servers that tests need, started by the first test that asks for one and stopped with the session."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import botocore.session
import pytest
import structlog
from hypothesis import settings

from localstack.server import LocalStack
from services.operations.postgres import Postgres

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# The models of AWS's services are read once, not for every client of every test: that takes a tenth of a second.
botocore.session.create_loader = cache(botocore.session.create_loader)


# As they are in a system that runs. The default draws an exception with all local variables, for a second and more.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def localstack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a LocalStack that all tests share: use names of your own for queues and buckets."""
    with LocalStack(tmp_path_factory.mktemp("localstack"), port=0) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that all tests share."""
    # Not under pytest's own folder: another session makes that private again, and the server is another user for root.
    with (
        TemporaryDirectory(prefix="bilhetagem-") as folder,
        Postgres(Path(folder) / "postgres", durable=False) as server,
    ):
        yield server


@pytest.fixture
async def postgres_database(postgres: Postgres) -> AsyncIterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = f"test_{uuid4().hex}"
    yield await postgres.ensure_database(name)
    await postgres.drop_database(name)


@asynccontextmanager
async def an_empty_database(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database, of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/test.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    yield await server.ensure_database(name)
    await server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database: the test runs on both kinds."""
    async with an_empty_database(request, tmp_path) as url:
        yield url
