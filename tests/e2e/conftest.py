"""One system for all tests of this folder, started as a user starts it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.box_office import BoxOffice, an_office
from tests.e2e.system import System, running

SETTINGS = {"BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "0.3"}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system. At the end of the session it must stop as it should."""
    with running(System(tmp_path_factory.mktemp("system"), settings=SETTINGS)) as started:
        yield started


@pytest.fixture
async def office(system: System) -> AsyncIterator[BoxOffice]:
    """An event on sale."""
    async with an_office(system) as office:
        yield office
