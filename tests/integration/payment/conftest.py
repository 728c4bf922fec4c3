"""The mock gateway's books on an empty database of either kind, and a clock that tests move."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.database import Database
from services.payment.adapters.gateway import Books
from services.payment.service import bank, payment


@dataclass
class Time:
    """A clock."""

    now: datetime = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(payment.metadata.create_all)
    yield Books(database, bank)
    await database.close()
