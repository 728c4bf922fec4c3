"""One system for all tests of this package, started as a user starts it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.box_office import BoxOffice, an_office, minted
from tests.e2e.system import System, running

SETTINGS = {"BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "0.3"}


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system. At the end it must stop as it should."""
    with running(System(tmp_path_factory.mktemp("system"), settings=SETTINGS)) as started:
        yield started


@pytest.fixture(scope="package")
def asked_in_vain(system: System) -> dict[str, str]:
    """Requests for what is nowhere, made as soon as the system is ready: paths by the reason that they end with.

    It may be in a queue still, so they wait for a minute; what comes of them is looked at when the others are tested.
    """
    return asyncio.run(ask_in_vain(system))


@pytest.fixture
async def office(system: System, asked_in_vain: dict[str, str]) -> AsyncIterator[BoxOffice]:
    """An event on sale."""
    async with an_office(system) as office:
        yield office


async def ask_in_vain(system: System) -> dict[str, str]:
    async with an_office(system) as office:
        ticket, buyer = await office.put_on_sale(5), await office.buyer()
        bought = await office.reserve(buyer, ticket)
        await office.order_becomes(await office.order(buyer, [bought], 100), "completed")
        unknown = await office.post("/reservations/", 202, user_id=buyer, ticket_id=minted(), quantity=1)
        withdrawn = await office.order(buyer, [minted()], 100)
        await office.becomes(f"/orders/{withdrawn}", status="placed")
        await office.cancel(withdrawn)
        orders = {
            "unknown_user": await office.order(minted(), [minted()], 100),
            "unknown_reservation": await office.order(buyer, [minted()], 100),
            "already_attached": await office.order(buyer, [bought], 100),
            "cancelled": withdrawn,
        }
    paths = {reason: f"/orders/{order}" for reason, order in orders.items()}
    return paths | {"unknown_ticket": f"/reservations/{unknown['id']}"}
