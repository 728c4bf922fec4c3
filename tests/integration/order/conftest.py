"""The order service over HTTP, in this process, on a real database; what it would send is kept."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from contracts.message import Envelope, Message
from services.chassis.database import Database
from services.chassis.decision import Verdict
from services.chassis.http import create_app
from services.chassis.ids import uuid7
from services.chassis.letters import Delivery
from services.chassis.runtime import Running, running, system_clock
from services.chassis.store import Dispatch
from services.order.domain import Order
from services.order.service import Settings, order

ORDERS = next(table for table in order.kinds.values() if table.name == "orders")


@dataclass
class Sent:
    """Stands where SQS would: accepts everything."""

    dispatches: list[Dispatch] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.dispatches += dispatches
        return {dispatch.key for dispatch in dispatches}


@dataclass
class Orders:
    """The service as its clients and its queues meet it."""

    http: httpx.AsyncClient
    running: Running
    sent: Sent

    def taken(self) -> list[Message]:
        """The messages that were sent since one asked last, one for each queue that listens."""
        taken = [Envelope.decode(dispatch.body).message for dispatch in self.sent.dispatches]
        self.sent.dispatches.clear()
        return taken

    async def receive(self, *messages: Message, at: datetime | None = None) -> list[Verdict]:
        """Let the worker handle a batch."""
        made = at or system_clock()
        envelopes = [Envelope.request(message, by="test", at=made, message_id=uuid4()) for message in messages]
        deliveries = [Delivery("order-underway", envelope.encode(), "", 1) for envelope in envelopes]
        return await self.running.pipeline().handle(deliveries)

    async def put(self, *rows: object) -> None:
        """Write rows as they are."""
        async with self.running.store.begin() as transaction:
            await transaction.save(rows, ())

    async def row(self, order_id: UUID) -> Order:
        """An order as the database has it."""
        async with self.running.store.begin() as transaction:
            (row,) = await transaction.load(Order, [order_id], lock=False)
        return cast(Order, row)


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Orders]:
    """The order service on an empty database, of both kinds."""
    settings = Settings(database_url=database_url, operators_secret=SecretStr("an operators' secret"))
    sent = Sent()
    async with running(order, settings, cast(Any, sent)) as opened:
        async with opened.database.engine.begin() as connection:
            await connection.run_sync(order.metadata.create_all)
        app = create_app(opened)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as http,
        ):
            yield Orders(http, opened, sent)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The order service's empty database, of both kinds."""
    database = Database(database_url)
    async with database.writing() as connection:
        await connection.run_sync(order.metadata.create_all)
    yield database
    await database.close()


async def put_order(database: Database, at: datetime, status: str, pay_before: datetime | None = None) -> UUID:
    """Write an order's row as it may be, placed at a moment."""
    row: dict[str, Any] = {
        "id": uuid7(at, 7), "user_id": uuid4(), "event_id": uuid4(), "items": (), "wishes": (), "total_cents": 0,
        "payment_method": "pix", "created_at": at, "status": status, "expired": False, "pay_before": pay_before,
        "reason": "expired" if status in {"cancelled", "rejected"} else None,
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(ORDERS.insert(), row)
    found: UUID = row["id"]
    return found
