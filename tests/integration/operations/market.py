"""The seven services on real queues, in this process, each worker to be stopped and started by itself."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete

from contracts.routes import queues
from localstack.provision import provision
from services.chassis.http import create_app
from services.chassis.migrate import migrate
from services.chassis.runtime import Running, running_together
from services.chassis.serving import listen, serve
from services.operations.deployment import find
from services.operations.desk import at_desk
from services.operations.finding import Filter, find_purchase, list_purchases
from services.operations.laptop import State
from services.operations.purchases import Purchase
from services.operations.registry import SERVICES
from services.operations.settings import settings_of
from tests.eventually import eventually

_VISIBILITY_SECONDS = 8


@dataclass
class Market:
    """A running system, and a buyer's client for it."""

    running: dict[str, Running]
    urls: dict[str, str]
    environment: dict[str, str]
    client: httpx.AsyncClient
    _workers: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=dict)

    def start(self, *services: str) -> None:
        """Start these services' workers."""
        for name in services:
            stop = asyncio.Event()
            self._workers[name] = (stop, asyncio.create_task(self.running[name].worker().run(stop)))

    async def stop(self, *services: str) -> None:
        """Let these services' workers drain and end."""
        ending = [self._workers.pop(name) for name in services if name in self._workers]
        for stop, _ in ending:
            stop.set()
        await asyncio.gather(*(task for _, task in ending))

    @property
    def working(self) -> Collection[str]:
        """The services whose workers work."""
        return tuple(self._workers)

    async def purge(self, queue: str) -> None:
        """Throw away what is on a queue."""
        held = self.running["order"].queues
        await held.client.purge_queue(QueueUrl=await held.url(queue))

    async def arrived(self, queue: str, messages: int) -> None:
        """Wait until so many messages are on a queue."""
        held = self.running["order"].queues
        url = await held.url(queue)

        async def waiting() -> int:
            asked = await held.client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            return int(asked["Attributes"]["ApproximateNumberOfMessages"])

        await eventually(waiting, until=lambda found: found >= messages)

    async def soon_visible(self) -> None:
        """Let a message come back soon that LocalStack hands to the long poll of a worker that has ended."""
        held = self.running["order"].queues
        for queue in queues():
            await held.client.set_queue_attributes(
                QueueUrl=await held.url(queue.name), Attributes={"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
            )

    async def forget_outbox(self, service: str) -> int:
        """Delete a service's outbox rows, timers and all. Returns how many there were."""
        one = self.running[service]
        async with one.database.writing() as connection:
            return (await connection.execute(delete(one.service.tables.outbox))).rowcount

    async def post(self, service: str, path: str, **body: Any) -> str:
        """Make something, and wait a little for its outcome; its id."""
        answer = await self.client.post(self.urls[service] + path, json=body, headers={"Prefer": "wait=10"})
        assert answer.status_code in {200, 201, 202}, answer.text
        made: str = answer.json()["id"]
        return made

    async def status(self, order: str) -> str:
        """Where an order stands."""
        found: str = (await self.client.get(f"{self.urls['order']}/orders/{order}")).json()["status"]
        return found

    async def becomes(self, order: str, status: str) -> None:
        """Wait until an order has come so far."""
        await eventually(lambda: self.status(order), until=lambda found: found == status, seconds=120)

    async def put_on_sale(self) -> tuple[str, str, str]:
        """What a purchase needs; the ids of a buyer, an event and a ticket type."""
        buyer = await self.post("user", "/users/", name="Ana Souza", email=f"{uuid4()}@example.com")
        event = await self.post("event", "/events/", title="Show", location="Rio", date="2099-01-01T20:00:00-03:00")
        ticket = await self.post("ticket", "/tickets/", event_id=event, quantity=10, price=100)
        return buyer, event, ticket

    async def buy(self, total: int = 200) -> tuple[str, str]:
        """Reserve and order two seats, of 100 each; the ids of reservation and order."""
        buyer, event, ticket = await self.put_on_sale()
        seats = await self.post("reservation", "/reservations/", user_id=buyer, ticket_id=ticket, quantity=2)
        items = [{"reservation_id": seats}]
        order = await self.post("order", "/orders/", user_id=buyer, event_id=event, items=items, total_price=total)
        return seats, order

    async def command(self, *arguments: str, fails: bool = False) -> str:
        """Run ``bilhetagem saga ...`` as operators do; what it printed."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.operations", "saga", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, "COLUMNS": "300"},
        )
        out, err = await child.communicate()
        assert (child.returncode != 0) == fails, (out + err).decode()
        return (err if fails else out).decode()

    async def find(self, any_id: str) -> Purchase:
        """A purchase as operators see it."""
        async with at_desk(find(None, None, self.environment)) as desk:
            return await find_purchase(desk, UUID(any_id), datetime.now(UTC))

    async def stuck(self) -> Sequence[Purchase]:
        """The purchases that somebody should have carried on."""
        async with at_desk(find(None, None, self.environment)) as desk:
            return (await list_purchases(desk, Filter(stuck_for=timedelta(0)), datetime.now(UTC))).purchases


@asynccontextmanager
async def a_market(folder: Path, localstack_url: str, patch: pytest.MonkeyPatch) -> AsyncIterator[Market]:
    """A market with all workers at work."""
    state = State(folder)
    name = f"market-{uuid4().hex[:8]}"
    sockets = {service: listen("127.0.0.1", 0) for service in SERVICES}
    urls = {service: f"http://127.0.0.1:{one.getsockname()[1]}" for service, one in sockets.items()}
    environment = {
        **state.environment(aws=localstack_url, database_url=state.sqlite_url()),
        "BILHETAGEM_QUEUE_PREFIX": f"{name}-",
        "BILHETAGEM_TICKETS_BUCKET": name,
        "BILHETAGEM_PAYMENT_WEBHOOK_URL": f"{urls['payment']}/payments/webhook",
        "BILHETAGEM_PAYMENT_CONFIRMATION_SECONDS": "0.2",
        "BILHETAGEM_SERVICE_URLS": " ".join(f"{service}={url}" for service, url in urls.items()),
    }
    for variable, value in environment.items():
        patch.setenv(variable, value)
    await asyncio.to_thread(provision, localstack_url, f"{name}-", name)
    for service in SERVICES.values():
        await migrate(service, settings_of(service).database_url_of(service.name))
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            running_together({name: (service, settings_of(service)) for name, service in SERVICES.items()})
        )
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30))
        market = Market(running, urls, environment, client)
        closed = asyncio.Event()
        serving = [asyncio.create_task(serve(create_app(running[s], closed), sockets[s], closed)) for s in SERVICES]
        await market.soon_visible()
        market.start(*SERVICES)
        try:
            yield market
        finally:
            closed.set()
            await asyncio.gather(*serving, market.stop(*market.working))
