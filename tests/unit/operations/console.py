"""A console over queues in memory and services that answer what a test says, and a browser's view of it."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx

from contracts.routes import SERVICES
from services.chassis.activity import Activity
from services.chassis.journal import Journal
from services.chassis.problems import Problem, answer
from services.chassis.purchases import HeldUp, Purchase, PurchasePage, UnderWayPage
from services.chassis.resends import Resend, Resent, Sent
from services.operations.console.app import create_console
from services.operations.console.entering import Entry
from services.operations.console.settings import ConsoleSettings
from services.operations.desk import Desk
from services.operations.journals import Journals
from services.operations.queue_access import QueueAccess, Taken
from services.operations.queues import Counts, Seen

PASSWORD = "only operators know it"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class MemoryQueues:
    """Queues in memory, by name. ``peeks``: as on LocalStack, a look changes nothing."""

    messages: dict[str, list[Seen]] = field(default_factory=dict)
    peeks: bool = True
    looks: int = 0

    async def counts(self, name: str) -> Counts:
        return Counts(len(self.messages.get(name, [])), 0, 0)

    async def age(self, name: str) -> timedelta | None:
        return None

    async def look(self, name: str, most: int | None = None) -> list[Seen]:
        self.looks += 1
        return list(self.messages.get(name, []))[:most]

    async def take(self, name: str, sqs_ids: Collection[str]) -> AsyncGenerator[list[Taken]]:
        if found := [Taken(each, each.sqs_id) for each in self.messages.get(name, []) if each.sqs_id in sqs_ids]:
            yield found

    async def send(self, name: str, copies: Iterable[Seen]) -> set[str]:
        sent = list(copies)
        self.messages.setdefault(name, []).extend(replace(each, sqs_id=str(uuid4())) for each in sent)
        return {each.sqs_id for each in sent}

    async def delete(self, name: str, receipts: Sequence[str]) -> None:
        self.messages[name] = [each for each in self.messages[name] if each.sqs_id not in receipts]

    async def give_back(self, name: str, receipts: Sequence[str]) -> None:
        """Nothing was hidden."""


@dataclass
class Answers:
    """What the services answer: journals, purchases of two of them, and what their outboxes hold up."""

    journals: dict[str, Journal] = field(default_factory=dict)
    purchases: list[Purchase] = field(default_factory=list)
    reservations: list[Purchase] = field(default_factory=list)
    held_up: dict[str, list[UUID]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unheard: list[str] = field(default_factory=list)
    """The silent services that were asked, as often as they were."""
    rows: dict[str, int] = field(default_factory=dict)
    """Paths of catalogue rows, and the statuses with which they are answered."""
    gone: set[UUID] = field(default_factory=set)
    """Messages and rows that no service can send again."""
    resent: list[tuple[str, Resend]] = field(default_factory=list)

    def client(self, service: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.MockTransport(lambda request: self._answer(service, request)), base_url=f"http://{service}"
        )

    def _answer(self, service: str, request: httpx.Request) -> httpx.Response:
        if service in self.silent:
            self.unheard.append(service)
            raise httpx.ConnectError("refused", request=request)
        own = {"order": self.purchases, "reservation": self.reservations}.get(service, [])
        match request.url.path:
            case "/operations/activity":
                open_ones = sum(1 for purchase in own if not purchase.at_rest)
                statuses = {purchase.status: 1 for purchase in own}
                found: Any = Activity(
                    service=service, handled=[0] * 29 + [len(own)], statuses=statuses, under_way=open_ones
                )
            case "/operations/under-way":
                found = UnderWayPage(items=[purchase.id for purchase in own if not purchase.at_rest])
            case "/operations/held-up":
                found = HeldUp(items=self.held_up.get(service, []))
            case "/operations/purchases":
                ids = request.url.params.get_list("id")
                found = PurchasePage(items=[each for each in own if not ids or str(each.id) in ids])
            case "/operations/journal":
                found = self.journals.get(service, Journal(service=service))
            case "/operations/resend":
                wanted = Resend.model_validate_json(request.content)
                self.resent.append((service, wanted))
                sent = [Sent(id=each.id, type="x", queue=f"{service}-new") for each in wanted.messages]
                asked = (*(each.id for each in wanted.messages), *wanted.facts)
                found = Resent(sent=sent, unknown=[each for each in asked if each in self.gone])
            case path:
                status = self.rows.get(path, 404)
                return httpx.Response(status, content=bytes(answer(Problem(status), path).body))
        return httpx.Response(200, text=found.model_dump_json())


@dataclass
class Browser:
    """A client that keeps cookies and finds the tokens of forms."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        answer = await self.client.get(path, **more)
        if found := _CSRF.search(answer.text):
            self.csrf = found[1]
        return answer

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form of the page that was seen last."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields})

    async def sign_in(self) -> "Browser":
        await self.get("/login")
        assert (await self.post("/login", password=PASSWORD)).status_code == 303
        await self.get("/")
        return self


@asynccontextmanager
async def a_console(
    folder: Path,
    queues: MemoryQueues | None = None,
    answers: Answers | None = None,
    *,
    entry: Entry | None = None,
    settings: ConsoleSettings | None = None,
) -> AsyncIterator[Browser]:
    """A browser in front of a console; nobody has signed in yet."""
    told = answers or Answers()
    journals = Journals({service: told.client(service) for service in SERVICES}, set())
    desk = Desk(cast(QueueAccess, queues or MemoryQueues()), journals)
    app = create_console(
        desk, entry or Entry(PASSWORD), settings or ConsoleSettings(), record=folder / "discarded.jsonl", port=8008
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8008") as client:
        yield Browser(client)
    await app.state.redrives.end()
