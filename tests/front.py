"""Two services made for tests of the ingress, whose routes are written as the real ones are."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, cast
from uuid import UUID

import httpx
from fastapi import FastAPI, Path, Query, Response
from pydantic import BaseModel, SecretStr
from sqlalchemy import Column, Table, Text, Uuid, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.fields import Text as Line
from contracts.message import Body, Envelope
from contracts.money import Money
from contracts.reservation import CancelReservation, ReservationBody, ReserveTickets
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.config import Settings
from services.chassis.database import Database, among
from services.chassis.http import (
    IdPath,
    IngressDep,
    Listing,
    OperatorDep,
    PageDep,
    Pending,
    Problem,
    Router,
    accepted,
    awaited,
    create_app,
    problems,
    shown,
)
from services.chassis.ids import uuid7
from services.chassis.runtime import Running, running
from services.chassis.service import Assembly, Service
from services.chassis.sqs import Queues
from services.chassis.store import Dispatch, Unavailable
from services.chassis.tables import chassis_tables, service_metadata

OPERATORS_SECRET = "an operators' secret"


@dataclass(slots=True)
class Row:
    """A hold, or a person."""

    id: UUID
    name: str
    status: str


metadata = service_metadata()
tables = chassis_tables(metadata)
rows = Table(
    "rows",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
)


class Shown(BaseModel):
    """A row as clients see it."""

    id: UUID
    name: str
    status: str

    @classmethod
    def of(cls, row: Row) -> "Shown":
        return cls(id=row.id, name=row.name, status=row.status)


class Views:
    """Reads rows, and counts how often."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def __call__(self, connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        self.calls.append(len(ids))
        found = await connection.execute(select(rows).where(among(rows.c.id, ids, connection.dialect.name)))
        return {row.id: Row(*row) for row in found}


class PersonBody(Body):
    """Who registers."""

    name: Line
    deposit: Money = Money(0)


def holds() -> Router:
    """Asynchronous routes."""
    router = Router()

    @router.post("/reservations/", status_code=202, response_model=Pending, responses=accepted(Shown))
    async def reserve(body: ReservationBody, ingress: IngressDep) -> Response:
        return await ingress.accept(
            lambda new: ReserveTickets(reservation_id=new, caller=ingress.caller.id, **dict(body)),
            location="/reservations/{id}",
            view=cast(Views, ingress.adapters),
            settled=lambda hold: hold.status != "held",
            show=Shown.of,
        )

    @router.get("/reservations/{id}", response_model=Shown | Pending, responses=awaited())
    async def get_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
        return await ingress.get(reservation_id, cast(Views, ingress.adapters), settled=lambda _: True, show=Shown.of)

    @router.delete("/reservations/{id}", status_code=202, responses=accepted())
    async def cancel_reservation(reservation_id: IdPath, ingress: IngressDep) -> Response:
        hold = await ingress.find(reservation_id, cast(Views, ingress.adapters))
        if hold and hold.status == "attached":
            raise Problem(409, "cancel_the_order", "It belongs to an order.")
        return await ingress.command(
            CancelReservation(reservation_id=reservation_id, caller=ingress.caller.id),
            resource_id=reservation_id,
            location="/reservations/{id}",
        )

    return router


def people() -> Router:
    """Synchronous routes."""
    router = Router()

    @router.get("/users/", response_model=Listing[Shown])
    async def list_users(
        page: PageDep, ingress: IngressDep, status: Annotated[str | None, Query(max_length=20)] = None
    ) -> Response:
        query = page.of(select(rows), rows.c.id)
        if status is not None:
            query = query.where(rows.c.status == status)
        async with ingress.database.reading() as connection:
            found = [Shown(id=row.id, name=row.name, status=row.status) for row in await connection.execute(query)]
        return page.answer(found)

    @router.get("/users/{id}", responses=problems(404))
    async def get_user(user_id: IdPath, ingress: IngressDep) -> Response:
        return await ingress.get(user_id, cast(Views, ingress.adapters), show=Shown.of)

    @router.post("/users/", status_code=201, response_model=Shown, responses=problems((409, "taken", "Take another.")))
    async def register(body: PersonBody, ingress: IngressDep) -> Response:
        return await ingress.create(
            Row,
            lambda new: Row(new, body.name, str(body.deposit)),
            announce=lambda row: UserRegistered(user_id=row.id, version=1, name=row.name),
            show=Shown.of,
            location="/users/{id}",
        )

    @router.put("/users/{id}", response_model=Shown)
    async def rename(user_id: IdPath, body: PersonBody, ingress: IngressDep) -> Response:
        async with ingress.work() as work:
            row = await work.load(Row, user_id)
            if row is None:
                raise Problem(404)
            row.name = body.name
            work.emit(UserUpdated(user_id=user_id, version=2, name=row.name))
        return shown(Shown.of(row))

    @router.delete("/users/{id}", status_code=204)
    async def erase(user_id: IdPath, ingress: IngressDep, _: OperatorDep) -> None:
        async with ingress.work() as work:
            work.emit(UserErased(user_id=user_id, version=3))

    @router.get("/users/{id}/mistake", status_code=204)
    async def mistake(user_id: Annotated[UUID, Path(alias="id")], ingress: IngressDep) -> None:
        async with ingress.work() as work:
            work.emit(UserErased(user_id=user_id, version=3))

    return router


@dataclass
class Desk:
    """A running service and a client. ``refuse`` says which messages its queues do not take."""

    app: FastAPI
    client: httpx.AsyncClient
    running: Running
    views: Views
    stop: asyncio.Event
    sends: list[list[Dispatch]] = field(default_factory=list)
    refuse: Callable[[Dispatch], bool] = lambda _: False

    @property
    def sent(self) -> list[Envelope]:
        return [Envelope.decode(row.body) for rows_ in self.sends for row in rows_]

    async def put(self, *new: Row) -> None:
        async with self.running.store.begin() as transaction:
            await transaction.save(new, ())

    def lose_the_database(self, monkeypatch: Any) -> None:
        def lost() -> None:
            raise Unavailable("no database")

        monkeypatch.setattr(self.running.database, "reading", lost)
        monkeypatch.setattr(self.running.database, "writing", lost)


@asynccontextmanager
async def desk(name: str, router: Router, database_url: str, queues: Queues | None = None) -> AsyncIterator[Desk]:
    """A service with these routes over an empty database; with no queues given, over queues in memory."""
    views = Views()

    @asynccontextmanager
    async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
        yield Assembly(adapters=views)

    service = Service(
        name=name,
        kinds={Row: rows},
        tables=tables,
        metadata=metadata,
        router=router,
        description="Made for tests.",
        assemble=assemble,
    )
    settings = Settings(database_url=database_url, operators_secret=SecretStr(OPERATORS_SECRET))
    recorder = _Recorder()
    async with running(service, settings, queues or cast(Queues, recorder), lambda: datetime.now(UTC)) as one:
        async with one.database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        stop = asyncio.Event()
        app = create_app(one, stop)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            recorder.desk = Desk(app, client, one, views, stop)
            yield recorder.desk


class _Recorder:
    """Queues in memory."""

    desk: Desk

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.desk.sends.append(list(dispatches))
        return {row.key for row in dispatches if not self.desk.refuse(row)}


def minted(ago: timedelta = timedelta(0)) -> UUID:
    """An id of so long ago."""
    return uuid7(datetime.now(UTC) - ago, 1)


def assert_problem(answer: httpx.Response, status: int, slug: str) -> None:
    """The answer is this problem, and a whole document."""
    problem = answer.json()
    assert (answer.status_code, problem["slug"]) == (status, slug), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["title"]) == (status, HTTPStatus(status).phrase)
    assert problem["type"].endswith(f"/{slug}")
    assert problem["detail"]


def by_type(envelopes: Sequence[Envelope]) -> dict[str, list[Envelope]]:
    """Envelopes, by their message's name."""
    found = defaultdict(list)
    for envelope in envelopes:
        found[type(envelope.message).__name__].append(envelope)
    return dict(found)
