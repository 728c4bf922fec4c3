"""What a whole purchase leaves in the logs: where to look further, and nothing about anybody."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from sqlalchemy import text

from contracts.message import Envelope
from contracts.user import UserRegistered
from services.chassis.runtime import system_clock
from services.chassis.serving import listen, serve
from services.chassis.telemetry import LogSettings, log_to
from services.operations.gateway import Gateway, forwarding
from services.operations.printed_qr import token_in
from services.operations.registry import SERVICES
from services.payment.ports import SIGNATURE_HEADER
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


@pytest.fixture
async def gateway(market: Market) -> AsyncIterator[str]:
    """The base URL, of a gateway before services that are other processes to it."""
    listening, stop = listen("127.0.0.1", 0), asyncio.Event()
    async with forwarding(market.urls) as (apps, _):
        serving = asyncio.create_task(serve(Gateway(apps, documents), listening, stop))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        stop.set()
        await serving


async def documents() -> dict[str, object]:
    return {}


async def test_a_purchases_logs_hold_no_personal_data_and_no_secret(
    logs: io.StringIO, market: Market, gateway: str, spans: Spans
) -> None:
    market.urls = dict.fromkeys(SERVICES, gateway)
    buyer = await market.post("user", "/users/", name=NAME, email=EMAIL)
    order = await buy(market, buyer)
    await market.becomes(order, "completed")
    got = await fetched(market, order)
    failed = await go_wrong(market, order, buyer)
    await market.stop(*market.working)

    said = logs.getvalue()
    events = [json.loads(line) for line in said.splitlines()]
    secrets = [value for name, value in market.environment.items() if name.endswith(("_SECRET", "_SIGNING_KEY"))]
    assert len(secrets) == 4
    kept = (*NAME.split(), EMAIL, EMAIL.partition("@")[0], TOKEN, *secrets, *got)
    assert [word for word in kept if word.lower() in said.lower()] == []
    # Those in whose way something came say in whose purchase, and where it is traced.
    retried = [event for event in events if event["event"] == "retried" and event.get("correlation_id") == order]
    traces = {trace_of(one) for one in spans.named("process") if told(one, "bilhetagem.outcome") == "retried"}
    assert len(retried) == 2
    assert {event["trace_id"] for event in retried} == traces
    assert [event["reference"] for event in events if event["event"] == "request_failed"] == failed
    assert sum(event["event"] == "buried" for event in events) == 2


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


async def fetched(market: Market, order: str) -> tuple[str, str]:
    """What only the buyer should have: the code that was paid by, and what the ticket's QR code says."""
    code: str = (await market.client.get(f"{market.urls['payment']}/payments/{order}")).json()["code"]
    pdf = await market.client.get(f"{market.urls['ticket']}/tickets/{await issued(market, order)}/pdf")
    return code, token_in(pdf.content)


async def issued(market: Market, order: str) -> str:
    """The id of the order's ticket."""
    answer = await market.client.get(f"{market.urls['ticket']}/tickets/issued?order_id={order}")
    found: str = answer.json()["items"][0]["id"]
    return found


async def go_wrong(market: Market, order: str, buyer: str) -> list[str]:
    """What else may lead to a line. The references of the requests that failed on our side."""
    await be_refused(market)
    await show_tokens(market, order)
    await bury(market, json.dumps({"name": NAME, "email": EMAIL}))
    registered = UserRegistered(user_id=uuid4(), version=1, name=NAME)
    envelope = Envelope.request(registered, by="user", at=system_clock(), message_id=uuid4())
    await bury(market, envelope.encode().replace(f'"{NAME}"', f'["{NAME}"]'))
    await change(market, "UPDATE users SET email = 'zulmira.quaresma'")
    unshown = await market.client.get(f"{market.urls['user']}/users/{buyer}")
    await change(market, "ALTER TABLE users RENAME TO lost")
    unwritten = await market.client.post(f"{market.urls['user']}/users/", json={"name": NAME, "email": EMAIL})
    assert (unshown.status_code, unwritten.status_code) == (500, 500)
    return [unshown.json()["reference"], unwritten.json()["reference"]]


async def be_refused(market: Market) -> None:
    """Requests that say nothing, or what nobody may say."""
    users = f"{market.urls['user']}/users/"
    buyer = {"name": NAME, "email": EMAIL}  # whose e-mail is taken
    for body in (buyer, {**buyer, "phone": 1}, {"name": [NAME]}):
        assert (await market.client.post(users, json=body)).is_client_error
    half = json.dumps(buyer)[:-3]
    answer = await market.client.post(users, content=half, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


async def show_tokens(market: Market, order: str) -> None:
    """The operators' secret at the gate, and tokens and signatures that are none."""
    gate = f"{market.urls['ticket']}/tickets/issued/{await issued(market, order)}/check-in"
    webhook = f"{market.urls['payment']}/payments/webhook"
    for url, header, value, status in (
        (gate, "Authorization", f"Bearer {market.environment['BILHETAGEM_OPERATORS_SECRET']}", 200),
        (gate, "Authorization", f"Bearer {EMAIL}", 401),
        (webhook, SIGNATURE_HEADER, EMAIL, 401),
    ):
        assert (await market.client.post(url, headers={header: value})).status_code == status


async def bury(market: Market, body: str) -> None:
    """Send what a worker can only give up, and wait until it has."""
    queues = market.running["order"].queues
    before = await queues.depth("order-underway-dlq")
    await queues.client.send_message(QueueUrl=await queues.url("order-underway"), MessageBody=body)
    await eventually(lambda: queues.depth("order-underway-dlq"), until=lambda depth: depth > before)


async def change(market: Market, statement: str) -> None:
    """Break the user service's database."""
    async with market.running["user"].database.writing() as connection:
        await connection.execute(text(statement))
