"""What a whole purchase leaves in the logs: where to look further, and nothing about anybody."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from services.chassis.telemetry import LogSettings, log_to
from tests.eventually import eventually
from tests.integration.operations.market import Market, a_market
from tests.spans import Spans, told, trace_of

NAME, EMAIL, TOKEN = "Zulmira Quaresma", "zulmira.quaresma@example.com", "fail-twice-then-approve"


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    log_to(stream, LogSettings(level="debug", format="json"))
    yield stream
    root.handlers, root.level = before, level
    structlog.reset_defaults()


@pytest.fixture
def spans() -> Iterator[Spans]:
    with Spans().kept() as spans:
        yield spans


@pytest.fixture
async def market(
    tmp_path: Path, localstack_url: str, monkeypatch: pytest.MonkeyPatch, spans: Spans
) -> AsyncIterator[Market]:
    (tmp_path / "state").mkdir()
    async with a_market(tmp_path / "state", localstack_url, monkeypatch) as market:
        yield market


async def test_a_purchases_logs_hold_no_personal_data_and_no_secret(
    logs: io.StringIO, market: Market, spans: Spans
) -> None:
    buyer = await market.post("user", "/users/", name=NAME, email=EMAIL)
    order = await buy(market, buyer)
    await market.becomes(order, "completed")
    await go_wrong(market, order)
    await market.stop(*market.working)

    said = logs.getvalue()
    events = [json.loads(line) for line in said.splitlines()]
    secrets = [value for name, value in market.environment.items() if name.endswith(("_SECRET", "_SIGNING_KEY"))]
    assert len(secrets) == 4
    assert [word for word in (NAME, NAME.split()[0], EMAIL, TOKEN, *secrets) if word in said] == []
    # Those in whose way something came say in whose purchase, and where it is traced.
    retried = [event for event in events if event["event"] == "retried" and event.get("correlation_id") == order]
    traces = {trace_of(one) for one in spans.named("process") if told(one, "bilhetagem.outcome") == "retried"}
    assert len(retried) == 2
    assert {event["trace_id"] for event in retried} == traces
    assert "buried" in {event["event"] for event in events}


async def buy(market: Market, buyer: str) -> str:
    """An order, whose charge takes three tries."""
    event = await market.post("event", "/events/", title="Show", location="Rio", date="2099-01-01T20:00:00-03:00")
    ticket = await market.post("ticket", "/tickets/", event_id=event, quantity=10, price=100)
    seats = await market.post("reservation", "/reservations/", user_id=buyer, ticket_id=ticket, quantity=1)
    return await market.post(
        "order",
        "/orders/",
        user_id=buyer,
        event_id=event,
        items=[{"reservation_id": seats}],
        total_price=100,
        payment={"method": "pix", "token": TOKEN},
    )


async def go_wrong(market: Market, order: str) -> None:
    """What else may lead to a line: refused requests, a message that nobody can read."""
    users = f"{market.urls['user']}/users/"
    operators = {"Authorization": f"Bearer {market.environment['BILHETAGEM_OPERATORS_SECRET']}"}
    for body in ({"name": NAME, "email": EMAIL}, {"name": NAME, "email": EMAIL, "phone": 1}, {"name": [NAME]}):
        assert (await market.client.post(users, json=body)).is_client_error
    issued = (await market.client.get(f"{market.urls['ticket']}/tickets/issued?order_id={order}")).json()["items"]
    gate = f"{market.urls['ticket']}/tickets/issued/{issued[0]['id']}/check-in"
    assert (await market.client.post(gate, headers=operators)).status_code == 200
    assert (await market.client.post(gate, headers={"Authorization": f"Bearer {EMAIL}"})).status_code == 401
    queues = market.running["user"].queues
    unreadable = json.dumps({"name": NAME, "email": EMAIL})
    await queues.client.send_message(QueueUrl=await queues.url("order-underway"), MessageBody=unreadable)

    async def buried() -> int:
        return await queues.depth("order-underway-dlq")

    await eventually(buried)
