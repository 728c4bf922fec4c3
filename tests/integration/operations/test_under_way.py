"""A purchase is under way as long as one service owes something in it, though its order may be over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.ids import uuid7
from services.chassis.purchase_reading import read_held_up, read_purchases, read_under_way
from services.chassis.purchases import Unsettled, Wanted
from services.operations.registry import SERVICES

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=1)
PART, WHOLE = uuid7(BEGAN, 1), uuid7(BEGAN, 2)

PAYMENT = {"amount_cents": 100, "status": "refunding", "expires_at": NOW, "requested_at": BEGAN}
HOLD = {"user_id": uuid4(), "ticket_id": uuid4(), "ticket_name": "Pista", "quantity": 1, "unit_cents": 100,
        "created_at": BEGAN}  # fmt: skip


@pytest.mark.parametrize(
    ("service", "row", "found"),
    [
        ("payment", PAYMENT, [PART]),
        ("payment", PAYMENT | {"status": "approved"}, []),
        ("reservation", HOLD | {"status": "attached", "order_id": WHOLE}, [WHOLE]),
        ("reservation", HOLD | {"status": "held"}, [PART]),
        ("reservation", HOLD | {"status": "released", "order_id": WHOLE}, []),
        ("ticket", None, []),
    ],
)
async def test_what_a_service_owes_is_told_by_the_purchase_that_it_is_for(
    database_url: str, service: str, row: dict[str, Any] | None, found: list[UUID]
) -> None:
    one = SERVICES[service]
    database = Database(database_url)
    async with database.writing() as connection:
        await connection.run_sync(one.metadata.create_all)
        if row is not None:
            assert one.purchases is not None
            table = one.kinds[one.purchases.kind]
            await connection.execute(table.insert(), {"id": PART, "event_id": uuid4(), **row})
    page = await read_under_way(database, one, Unsettled(since=NOW - timedelta(days=1), before=NOW))
    listed = await read_purchases(database, one, Wanted())
    await database.close()
    assert page.items == found
    assert [each.id for each in listed.items] == ([PART] if found == [PART] and service == "reservation" else [])


APPROVED, EVENT = "bilhetagem.payment.payment-approved.v1", uuid4()
DUE, LATER = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"waits_for": "the moon"}, [WHOLE]),
        ({"send_at": DUE}, [WHOLE]),
        ({}, []),
        ({"send_at": DUE, "correlation": str(uuid7(NOW - timedelta(days=2), 3))}, []),
        ({"send_at": DUE, "correlation": str(uuid7(NOW, 3))}, []),
        ({"send_at": DUE, "type": "bilhetagem.user.user-registered.v1"}, []),
        ({"send_at": DUE, "group": str(uuid4())}, []),
    ],
    ids=[
        "parked",
        "due and not sent",
        "a timer",
        "too long ago",
        "too new",
        "a fact of the catalogue",
        "another event",
    ],
)
async def test_what_an_outbox_should_not_have_any_more_is_told_whatever_the_rows_say(
    database_url: str, row: dict[str, Any], found: list[UUID]
) -> None:
    one = SERVICES["reservation"]
    about = {"correlation": str(WHOLE), "type": APPROVED, "group": str(EVENT), "queue": "reservation-underway",
             "body": "{}", "send_at": LATER}  # fmt: skip
    database = Database(database_url)
    async with database.writing() as connection:
        await connection.run_sync(one.metadata.create_all)
        for _ in range(2):
            await connection.execute(
                one.tables.outbox.insert(), {"key": uuid4(), "message_id": uuid4(), **about, **row}
            )
    wanted = Unsettled(since=NOW - timedelta(days=1), before=NOW, event_id=EVENT)
    held_up = await read_held_up(database, one, wanted)
    await database.close()
    assert held_up.items == found
