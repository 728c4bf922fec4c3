"""Many buyers at once, and several workers per service."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from localstack.child import Child
from localstack.provision import REGION
from services.operations.postgres import Postgres
from tests.e2e.box_office import ENDED, BoxOffice, an_office
from tests.e2e.conftest import SETTINGS
from tests.e2e.queues import depths, soon_visible
from tests.e2e.system import READY_SECONDS, System, a_folder, running
from tests.eventually import eventually


@pytest.fixture(scope="module")
def postgres_system() -> Iterator[System]:
    """A system over PostgreSQL, which further workers may join."""
    with a_folder() as folder, running(System(folder, ("--database", "postgres"), SETTINGS)) as started:
        soon_visible(started)
        yield started


@pytest.fixture
async def busy_office(postgres_system: System) -> AsyncIterator[BoxOffice]:
    async with an_office(postgres_system) as office:
        yield office


@pytest.mark.parametrize("system_name", ["system", "postgres_system"], ids=["sqlite", "postgres"])
async def test_of_fifty_buyers_ten_get_the_last_ten_seats(request: pytest.FixtureRequest, system_name: str) -> None:
    async with an_office(request.getfixturevalue(system_name)) as office:
        ticket = await office.put_on_sale(10)
        buyers = await asyncio.gather(*(office.buyer() for _ in range(50)))
        decided = await asyncio.gather(*(office.ask(buyer, ticket) for buyer in buyers))
        assert Counter((r["status"], r["reason"]) for r in decided) == {
            ("held", None): 10,
            ("rejected", "sold_out"): 40,
        }
        assert await office.seats(ticket) == (0, 10, 0)
        holds = [r for r in decided if r["status"] == "held"]
        orders = await asyncio.gather(*(office.order(hold["user_id"], [hold["id"]], 100) for hold in holds))
        await asyncio.gather(*(office.order_becomes(order, "completed") for order in orders))
        await office.at_rest()
        assert await office.seats(ticket) == (0, 0, 10)


async def test_three_workers_on_the_same_rows_do_not_deadlock(postgres_system: System, busy_office: BoxOffice) -> None:
    office, chance = busy_office, random.Random(1)
    types = [await office.put_on_sale(40) for _ in range(3)]
    shirts = [await office.stock_product(200) for _ in range(3)]

    async def buy() -> None:
        buyer, wanted = await office.buyer(), chance.sample(types, 3)
        asked = await asyncio.gather(*(office.ask(buyer, ticket, chance.randint(1, 2)) for ticket in wanted))
        held = [r for r in asked if r["status"] == "held"]
        if held:
            products = dict.fromkeys(chance.sample(shirts, 2), 1)
            total = 100 * sum(r["quantity"] for r in held) + 40
            token = chance.choice(["approve", "approve", "decline"])
            holds = [r["id"] for r in held]
            order = await office.order(buyer, holds, total, products=products, token=token)
            if chance.random() < 0.3:
                await office.cancel(order)
            else:
                await eventually(
                    lambda: office.get(f"/orders/{order}"),
                    until=lambda seen: seen["status"] in ENDED,
                    seconds=180,
                    every=0.5,
                )

    with more_workers(postgres_system, "reservation", "reservation", "order", "order"):
        await asyncio.gather(*(buy() for _ in range(24)))
        await office.at_rest()
    for service in ("reservation", "order", "product"):
        assert await rows(postgres_system, service, "SELECT type, error FROM attempts") == []
        assert await rows(postgres_system, service, "SELECT deadlocks FROM pg_stat_database WHERE deadlocks > 0") == []
    assert "deadlock" not in (postgres_system.state / "postgres" / "postgres.log").read_text()


async def test_workers_killed_in_the_middle_of_twenty_purchases_lose_none(
    postgres_system: System, busy_office: BoxOffice
) -> None:
    office = busy_office
    ticket, shirt = await office.put_on_sale(40), await office.stock_product(50)

    async def buy() -> str:
        buyer = await office.buyer()
        holds = await asyncio.gather(office.reserve(buyer, ticket), office.reserve(buyer, ticket))
        return await office.order(buyer, holds, 220, products={shirt: 1})

    with more_workers(postgres_system, "reservation", "order", "payment", "ticket", end=signal.SIGKILL):
        orders = await asyncio.gather(*(buy() for _ in range(20)))
    assert await _statuses(office, orders) != {"completed": 20}, "they were killed too late"
    await eventually(
        lambda: _statuses(office, orders), until=lambda seen: seen == {"completed": 20}, seconds=300, every=0.5
    )
    await office.at_rest()
    assert await office.seats(ticket) == (0, 0, 40)
    assert depths(postgres_system, dead=True) == {}


async def _statuses(office: BoxOffice, orders: list[str]) -> Counter[str]:
    return Counter([(await office.get(f"/orders/{order}"))["status"] for order in orders])


@contextmanager
def more_workers(system: System, *services: str, end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Further workers of these services, beside the system's own: at work when this begins, ended by ``end``."""
    environment = {
        **os.environ,
        **system.secrets,
        "AWS_ENDPOINT_URL": system.aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "BILHETAGEM_DATABASE_URL": _database_url(system, "{service}"),
        "BILHETAGEM_PAYMENT_WEBHOOK_URL": f"{system.url}/payments/webhook",
    }
    with ExitStack() as stack:
        workers = []
        for number, service in enumerate(services):
            command = (sys.executable, "-m", "services.operations", "work", service)
            log = system.folder / f"{service}-{number}.log"
            workers.append(Child(command, log=log, cwd=system.folder, env=environment))
            stack.callback(workers[-1].stop)
        deadline = time.monotonic() + READY_SECONDS
        while not all("worker_works" in worker.log_tail() for worker in workers):
            assert time.monotonic() < deadline, [worker.log_tail() for worker in workers]
            time.sleep(0.05)
        yield
        for worker in workers:
            if end is signal.SIGKILL:
                os.kill(worker.pid, end)
            worker.stop(grace=30)
        assert {worker.exit_code for worker in workers} == {-end if end is signal.SIGKILL else 0}


async def rows(system: System, service: str, query: str) -> list[tuple[object, ...]]:
    """What a service's database says."""
    engine = create_async_engine(_database_url(system, service))
    try:
        async with engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]
    finally:
        await engine.dispose()


def _database_url(system: System, service: str) -> str:
    return Postgres(system.state / "postgres").url(service)
