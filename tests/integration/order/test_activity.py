"""What a service has been doing, for operators: messages a minute, purchases by status, and those under way."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.activity import Activity, read_activity
from services.chassis.database import Database
from services.chassis.purchase_reading import read_under_way
from services.chassis.purchases import Unsettled
from services.order.service import order
from tests.integration.order.conftest import put_order

NOW = datetime(2027, 3, 1, 12, 0, 30, tzinfo=UTC)


async def handled(database: Database, *ago: timedelta) -> None:
    rows = [
        {"id": uuid4(), "type": "x", "correlation": "x", "envelope": {}, "outcome": "handled", "read": [],
         "emitted": [], "handled_at": NOW - each}
        for each in ago
    ]  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(order.tables.inbox.insert(), rows)


async def placed(database: Database, ago: timedelta, status: str) -> str:
    return str(await put_order(database, NOW - ago, status))


async def activity(database: Database) -> Activity:
    return await read_activity(database, order, now=NOW, minutes=3, since=NOW - timedelta(hours=24))


async def test_messages_are_counted_by_the_minutes_of_the_clock(database: Database) -> None:
    seconds = (0, 30, 31, 90, 91, 150, 151)  # 12:00:30, 12:00:00, 11:59:59, 11:59:00, 11:58:59, 11:58:00, 11:57:59
    await handled(database, *(timedelta(seconds=each) for each in seconds))

    assert (await activity(database)).handled == [2, 2, 2]


async def test_purchases_that_began_since_are_counted_by_status(database: Database) -> None:
    for hours, status in ((1, "completed"), (2, "completed"), (3, "cancelled"), (25, "completed")):
        await placed(database, timedelta(hours=hours), status)

    assert (await activity(database)).statuses == {"cancelled": 1, "completed": 2}


async def test_those_under_way_are_all_counted_whenever_they_began(database: Database) -> None:
    await placed(database, timedelta(hours=1), "completed")
    await placed(database, timedelta(minutes=5), "awaiting_payment")
    await placed(database, timedelta(days=40), "confirmed")

    assert (await activity(database)).under_way == 2


async def under_way(database: Database, **wanted: Any) -> tuple[list[str], str | None]:
    """Orders under way that began in the last 30 days, but for the last five minutes."""
    asked = Unsettled(since=NOW - timedelta(days=30), before=NOW - timedelta(minutes=5), **wanted)
    page = await read_under_way(database, order, asked)
    return [str(each) for each in page.items], str(page.next) if page.next else None


async def test_only_what_owes_something_and_began_in_the_period_is_under_way(database: Database) -> None:
    for hours, status in enumerate(("completed", "cancelled", "rejected")):
        await placed(database, timedelta(hours=hours + 1), status)
    await placed(database, timedelta(minutes=4), "placed")
    await placed(database, timedelta(days=31), "placed")
    live = [
        await placed(database, timedelta(minutes=ago), status)
        for ago, status in ((40, "placed"), (30, "awaiting_payment"), (20, "confirmed"), (10, "placed"))
    ]

    assert await under_way(database) == (live, None)
    assert await under_way(database, limit=3) == (live[:3], live[2])
    assert await under_way(database, limit=3, after=UUID(live[2])) == (live[3:], None)
    assert await under_way(database, event_id=uuid4()) == ([], None)
