"""One system for all tests of this folder, started as a user starts it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.box_office import BoxOffice, client_of
from tests.e2e.system import System, running

HOLD_SECONDS = 8
"""Long enough to order and be charged on a busy machine, short enough to see holds run out."""

SETTINGS = {
    "BILHETAGEM_HOLD_SECONDS": str(HOLD_SECONDS),
    "BILHETAGEM_ORDER_PAYMENT_MARGIN": "PT1S",
    "BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "0.3",
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system. At the end of the session it must stop as it should."""
    with running(System(tmp_path_factory.mktemp("system"), settings=SETTINGS)) as started:
        yield started


@pytest.fixture
async def office(system: System) -> AsyncIterator[BoxOffice]:
    """An event on sale, and an invariant at the end: everything of it comes to rest, and all counts agree."""
    async with client_of(system) as client:
        office = BoxOffice(client, system.secrets["BILHETAGEM_OPERATORS_SECRET"])
        await office.schedule()
        yield office
