"""The servers that tests need, started by the first test that asks for one and stopped with the session."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from localstack.server import LocalStack
from services.operations.postgres import Postgres


@pytest.fixture(scope="session")
def localstack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a LocalStack that all tests share: use names of your own for queues and buckets."""
    with LocalStack(tmp_path_factory.mktemp("localstack"), port=0) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server that all tests share."""
    with Postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture
async def postgres_database(postgres: Postgres) -> AsyncIterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = f"test_{uuid4().hex}"
    yield await postgres.ensure_database(name)
    await postgres.drop_database(name)
