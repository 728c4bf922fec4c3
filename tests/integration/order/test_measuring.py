"""What a worker measures of its database: an outbox that is late, purchases by state, and those that are stuck."""

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.exporting import MetricSettings, exporting_metrics
from services.chassis.measuring import Measuring
from services.chassis.metrics import instruments
from services.order.service import order
from tests.integration.order.conftest import put_order

NOW = datetime(2027, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def placed(database: Database, ago: timedelta, status: str, pay_before: datetime | None = None) -> UUID:
    return await put_order(database, NOW - ago, status, pay_before)


async def touched(database: Database, order_id: UUID, ago: timedelta) -> None:
    row = {
        "id": uuid4(), "type": "x", "correlation": str(order_id), "envelope": {}, "outcome": "handled", "read": [],
        "emitted": [], "handled_at": NOW - ago,
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(order.tables.inbox.insert(), row)


async def waiting(database: Database, send_at: datetime) -> None:
    row = {
        "key": uuid4(), "message_id": uuid4(), "correlation": "x", "type": "x", "queue": "x", "group": "x", "body": "x",
        "send_at": send_at,
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(order.tables.outbox.insert(), row)


async def measured(database: Database) -> list[dict[str, Any]]:
    stream = io.StringIO()
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", "bilhetagem-", stream):
        meters = instruments()
        assert meters is not None
        await Measuring(order, database, meters, lambda: NOW, 10 * MINUTE).once()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def one(lines: list[dict[str, Any]], metric: str, **dimensions: str) -> Any:
    [line] = [line for line in lines if metric in line and dimensions.items() <= line.items()]
    return line[metric]


async def test_an_outbox_is_late_by_its_oldest_message(database: Database) -> None:
    assert one(await measured(database), "OutboxLag", Service="order") == 0
    await waiting(database, NOW + timedelta(hours=1))
    assert one(await measured(database), "OutboxLag", Service="order") == 0
    await waiting(database, NOW - timedelta(seconds=90))
    await waiting(database, NOW - timedelta(seconds=5))
    assert one(await measured(database), "OutboxLag", Service="order") == 90


async def test_orders_of_the_last_hour_are_counted_by_state(database: Database) -> None:
    for minutes, status in ((1, "completed"), (2, "completed"), (3, "cancelled"), (61, "completed")):
        await placed(database, minutes * MINUTE, status)
    lines = await measured(database)
    states = {line["State"]: line["Purchases"] for line in lines if "Purchases" in line}
    assert {state: number for state, number in states.items() if number} == {"cancelled": 1, "completed": 2}
    assert {"placed", "awaiting_payment", "refunded"} <= states.keys()


async def test_an_order_is_stuck_that_owes_something_and_that_nothing_has_come_for(database: Database) -> None:
    await placed(database, 60 * MINUTE, "completed")
    await placed(database, 9 * MINUTE, "placed")
    await placed(database, 20 * MINUTE, "awaiting_payment", pay_before=NOW - 5 * MINUTE)  # its timer may still come
    lively = await placed(database, 40 * MINUTE, "confirmed")
    await touched(database, lively, 30 * MINUTE)
    await touched(database, lively, 2 * MINUTE)
    assert one(await measured(database), "PurchasesStuck") == 0

    quiet = await placed(database, 41 * MINUTE, "confirmed")
    await touched(database, quiet, 11 * MINUTE)
    await placed(database, 30 * MINUTE, "awaiting_payment", pay_before=NOW - 15 * MINUTE)
    await placed(database, 11 * MINUTE, "placed")
    assert one(await measured(database), "PurchasesStuck") == 3


async def test_a_database_that_is_lost_ends_no_measuring(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, asked = asyncio.Event(), 0

    def lost() -> None:
        nonlocal asked
        asked += 1
        stop.set()
        raise OSError("no database")

    monkeypatch.setattr(database, "reading", lost)
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", "bilhetagem-", io.StringIO()):
        meters = instruments()
        assert meters is not None
        await asyncio.wait_for(Measuring(order, database, meters, lambda: NOW, 10 * MINUTE).run(stop), 20)
    assert asked == 1
