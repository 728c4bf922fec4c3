"""Services of the ingress's tests, on both databases."""

from collections.abc import AsyncIterator

import pytest

from tests.front import Desk, desk, holds, people


@pytest.fixture
async def holding(database_url: str) -> AsyncIterator[Desk]:
    """A service with asynchronous routes."""
    async with desk("reservation", holds(), database_url) as one:
        yield one


@pytest.fixture
async def registering(database_url: str) -> AsyncIterator[Desk]:
    """A service with synchronous routes."""
    async with desk("user", people(), database_url) as one:
        yield one
