"""A purchase over the queues and through the API that CloudFormation made, with every service behind them.

What LocalStack only says that it made, the firewall and the user pool, is looked at in the templates.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contracts.event import EventBody
from contracts.money import Money
from contracts.order import OrderBody, OrderItem
from contracts.queues import queues_made
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from infra.tests.deployed.cloudformation import REGION, Cloud
from infra.tests.front import front, settings_of
from services.chassis.migrate import migrate
from services.operations.addresses import Taken, taking
from services.operations.client import Bilhetagem
from services.operations.hosting import host_all
from services.operations.registry import SERVICES

PREFIX = "bilhetagem-dev-"
BUCKET = "tickets-of-the-deployed"
DEADLINE_SECONDS = 60


def deployed(cloud: Cloud, folder: Path, target: str) -> str:
    """The API's id, once the dev environment's identity and edge stacks are deployed in front of the target."""
    templates = front(folder, {"dev": settings_of("dev", target=target)}).templates
    cloud.deploy("Bilhetagem-dev-Identity", templates["Bilhetagem-dev-Identity"])
    return cloud.deploy("Bilhetagem-dev-Edge", templates["Bilhetagem-dev-Edge"])["Api"]


def all_queues(cloud: Cloud) -> set[str]:
    urls = cloud.client("sqs").list_queues(MaxResults=1000)["QueueUrls"]
    return {url.rpartition("/")[2] for url in urls}


def queues_of_the_stack(cloud: Cloud) -> set[str]:
    made = cloud.client("cloudformation").describe_stack_resources(StackName="Bilhetagem-dev-Messaging")
    return {
        each["PhysicalResourceId"].rpartition("/")[2]
        for each in made["StackResources"]
        if each["ResourceType"] == "AWS::SQS::Queue"
    }


def environment(cloud: Cloud, folder: Path, api: str) -> dict[str, str]:
    """What the services are started with."""
    secret = "of-this-test-only"
    return {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_REGION": REGION,
        "BILHETAGEM_QUEUE_PREFIX": PREFIX,
        "BILHETAGEM_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/{{service}}.db",
        "BILHETAGEM_OPERATORS_SECRET": secret,
        "BILHETAGEM_TICKETS_BUCKET": BUCKET,
        "BILHETAGEM_TICKETS_PDF_SECRET": secret,
        "BILHETAGEM_TICKETS_SIGNING_KEY": b64encode(bytes(32)).decode(),
        "BILHETAGEM_PAYMENT_WEBHOOK_SECRET": secret,
        # Through the gateway, as a payment gateway would.
        "BILHETAGEM_PAYMENT_WEBHOOK_URL": f"{cloud.url}/_aws/execute-api/{api}/v1/payments/webhook",
    }


@asynccontextmanager
async def serving(taken: Taken, database_url: str) -> AsyncIterator[None]:
    """Every ingress and worker, on queues that are there, or not at all: nothing is provisioned."""
    for service in SERVICES.values():
        await migrate(service, database_url.replace("{service}", service.name))
    stop = asyncio.Event()
    hosting = asyncio.create_task(host_all(tuple(SERVICES.values()), taken, stop))
    try:
        yield
    finally:
        stop.set()
        await hosting


async def purchase(api: Bilhetagem) -> list[bytes]:
    """An event, a buyer, seats, an order that is paid: its PDFs."""
    date = datetime.now(UTC) + timedelta(days=30)
    event = await api.schedule(EventBody(title="Noite de Samba", location="Lapa, Rio", date=date))
    price = Money.parse(150)
    kind = await api.put_on_sale(TicketTypeBody(event_id=event.id, name="Pista", quantity=10, price=price))
    await api.availability(kind.id)
    buyer = await api.register(UserBody(name="Ana Lúcia Gonçalves", email="ana@example.com"))
    held = await api.reserve(ReservationBody(user_id=buyer.id, ticket_id=kind.id, quantity=2))
    assert (held.status, held.reason) == ("held", None)
    items = (OrderItem(reservation_id=held.id),)
    body = OrderBody(user_id=buyer.id, event_id=event.id, items=items, total_price=price * 2)
    order = await api.order_becomes((await api.place_order(body)).id, seconds=DEADLINE_SECONDS)
    assert (order.status, order.reason) == ("completed", None)
    return [await api.pdf(ticket) async for ticket in api.issued(order.id)]


async def test_it_ends_in_pdfs_and_makes_no_queue_of_its_own(
    with_queues: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_queues.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    before = all_queues(with_queues)
    with taking("127.0.0.1", 0) as taken:
        api = deployed(with_queues, tmp_path / "cdk.out", f"127.0.0.1:{taken.addresses.base}")
        settings = environment(with_queues, tmp_path, api)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        # By its name, as on AWS: then a path begins with the stage, and so does what Location says.
        by_name = {"Host": f"{api}.execute-api.localhost.localstack.cloud"}
        async with (
            serving(taken, settings["BILHETAGEM_DATABASE_URL"]),
            httpx.AsyncClient(base_url=f"{with_queues.url}/v1", headers=by_name, trust_env=False, timeout=60) as client,
        ):
            pdfs = await purchase(Bilhetagem(client))

    assert [pdf[:5] for pdf in pdfs] == [b"%PDF-", b"%PDF-"]
    assert all_queues(with_queues) == before, "somebody made queues besides CloudFormation"
    stack_s = {name for name in before if name.startswith(PREFIX)}
    assert stack_s == queues_of_the_stack(with_queues) == {queue.name for queue in queues_made(PREFIX)}
