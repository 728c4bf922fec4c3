"""The ticket service in this process, on a real database and a real bucket; what it would send is kept."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID, uuid4

import boto3
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from contracts.event import EventScheduled
from contracts.message import Envelope, Message
from contracts.ticket import RenderTickets
from contracts.user import UserRegistered
from services.chassis.decision import Verdict
from services.chassis.http import create_app
from services.chassis.letters import Delivery
from services.chassis.runtime import Running, running
from services.chassis.store import Dispatch
from services.ticket.adapters.s3 import Archive, open_archive
from services.ticket.service import TicketSettings, ticket
from tests.unit.ticket.tickets import BUYER, CONCERT, CONFIRMED, NOW, STARTS_AT

REGION: Literal["sa-east-1"] = "sa-east-1"
KEY = Ed25519PrivateKey.generate()
OPERATOR = {"Authorization": "Bearer the secret of a gate"}

SCHEDULED = EventScheduled(
    event_id=CONCERT,
    version=1,
    title="Tributo a Milton",
    location="Circo Voador",
    date=STARTS_AT,
    timezone="America/Sao_Paulo",
)
REGISTERED = UserRegistered(user_id=BUYER, version=1, name="Ana Souza")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make_bucket(url: str) -> str:
    name = f"tickets-{uuid4().hex}"
    client = boto3.client("s3", endpoint_url=url, region_name=REGION)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.close()
    return name


@pytest.fixture(params=["moto_url", "localstack_url"])
async def archive(request: pytest.FixtureRequest) -> AsyncIterator[Archive]:
    url = request.getfixturevalue(request.param)
    async with open_archive(make_bucket(url), b"secret", url, REGION) as opened:
        yield opened


@dataclass
class Sent:
    """Stands where SQS would: accepts everything."""

    dispatches: list[Dispatch] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.dispatches += dispatches
        return {dispatch.key for dispatch in dispatches}


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Box:
    """The ticket service as its clients, its colleagues and its bucket meet it."""

    http: httpx.AsyncClient
    running: Running
    clock: Clock
    bucket: Any
    sent: Sent

    async def hear(self, *messages: Message, message_id: UUID | None = None) -> list[Verdict]:
        """Let it handle messages in one batch, and then what it sends to itself. The verdicts on the messages."""
        envelopes = [
            Envelope.request(message, by="test", at=self.clock.now, message_id=message_id or uuid4())
            for message in messages
        ]
        verdicts = await self._handle([envelope.encode() for envelope in envelopes])
        while own := [d for d in self.sent.dispatches if d.type == RenderTickets.type]:
            self.sent.dispatches = [d for d in self.sent.dispatches if d not in own]
            await self._handle([dispatch.body for dispatch in own])
        return verdicts

    async def _handle(self, bodies: Sequence[str]) -> list[Verdict]:
        deliveries = [Delivery("ticket-underway", body, str(number), 1) for number, body in enumerate(bodies)]
        return await self.running.pipeline().handle(deliveries)

    async def told(self) -> list[Message]:
        """What it has sent to others since the last time."""
        await self.finish()
        told = {dispatch.message_id: dispatch.body for dispatch in self.sent.dispatches}
        self.sent.dispatches.clear()
        return [Envelope.decode(body).message for body in told.values()]

    async def finish(self) -> None:
        await cast(Any, self.http._transport).app.state.front.finish()

    def stored(self) -> dict[str, bytes]:
        """Every object of the bucket."""
        return {one.key: one.get()["Body"].read() for one in self.bucket.objects.all()}


@pytest.fixture
async def box(database_url: str, moto_url: str) -> AsyncIterator[Box]:
    settings = TicketSettings(
        database_url=database_url,
        aws_endpoint_url=moto_url,
        operators_secret=SecretStr("the secret of a gate"),
        tickets_bucket=make_bucket(moto_url),
        tickets_pdf_secret=SecretStr("nobody guesses it"),
        tickets_signing_key=SecretStr(b64encode(KEY.private_bytes_raw()).decode()),
    )
    sent, clock = Sent(), Clock()
    bucket = boto3.resource("s3", endpoint_url=moto_url, region_name=REGION).Bucket(settings.tickets_bucket)
    async with running(ticket, settings, cast(Any, sent), clock) as service:
        async with service.database.writing() as connection:
            await connection.run_sync(ticket.metadata.create_all)
        app = create_app(service)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            box = Box(http, service, clock, bucket, sent)
            yield box
            await box.finish()


@pytest.fixture
async def issued(box: Box) -> Box:
    """A box with one order's two tickets."""
    await box.hear(SCHEDULED, REGISTERED)
    await box.hear(CONFIRMED)
    await box.told()
    return box


def problem(response: httpx.Response) -> tuple[int, str]:
    """What a problem document says, which the answer must be."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["slug"]
