"""The ingress over real queues, and a worker's health."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import httpx
import pytest

from contracts.message import Envelope
from localstack.provision import REGION, provision
from services.chassis.http import health_app
from services.chassis.sqs import Queues, open_queues
from services.chassis.store import Unavailable
from services.chassis.worker import Worker
from tests.front import Desk, assert_problem, desk, holds

ORDER = {"user_id": str(uuid4()), "ticket_id": str(uuid4()), "quantity": 2}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
async def queues(localstack_url: str, credentials: None) -> AsyncIterator[Queues]:
    prefix = f"{uuid4().hex[:8]}-"
    await asyncio.to_thread(provision, localstack_url, prefix=prefix, bucket=f"{prefix}tickets")
    async with open_queues(prefix, localstack_url, REGION) as opened:
        yield opened


async def test_every_accepted_request_is_on_the_queue_once(queues: Queues, tmp_path: Path) -> None:
    async with desk("reservation", holds(), f"sqlite+aiosqlite:///{tmp_path}/test.db", queues) as one:
        answers = await asyncio.gather(*(one.client.post("/reservations/", json=ORDER) for _ in range(35)))
    assert {answer.status_code for answer in answers} == {202}
    received: list[str] = []
    while batch := await queues.receive("reservation-new", wait_seconds=1):
        received += [Envelope.decode(delivery.body).message.subject for delivery in batch]
    assert sorted(received) == sorted(answer.json()["id"] for answer in answers)


async def test_without_sqs_a_request_is_answered_in_time_and_may_be_sent_again(tmp_path: Path) -> None:
    async with (
        open_queues("", "http://127.0.0.1:9", REGION) as nowhere,  # the discard port: nobody listens
        desk("reservation", holds(), f"sqlite+aiosqlite:///{tmp_path}/test.db", nowhere) as one,
        asyncio.timeout(15),
    ):
        await refused(one)


async def refused(one: Desk) -> None:
    answer = await one.client.post("/reservations/", json=ORDER)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"


class _Hanging:
    """A worker of which one loop hangs."""

    def stale(self) -> list[str]:
        return ["order-new/1"]

    async def probe(self) -> None:
        return


async def test_a_worker_with_a_loop_that_hangs_is_not_healthy() -> None:
    transport = httpx.ASGITransport(health_app(cast(Worker, _Hanging())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/health/")
        assert_problem(answer, 503, "stale")
        assert answer.json()["loops"] == ["order-new/1"]
        assert (await client.get("/ready")).status_code == 200
        assert_problem(await client.get("/"), 404, "not_found")


class _Cut:
    """A worker whose loops wait for its database."""

    def stale(self) -> list[str]:
        return []

    async def probe(self) -> None:
        raise Unavailable("no database")


async def test_a_worker_without_its_database_lives_and_is_not_ready() -> None:
    transport = httpx.ASGITransport(health_app(cast(Worker, _Cut())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert_problem(await client.get("/ready"), 503, "unavailable")
