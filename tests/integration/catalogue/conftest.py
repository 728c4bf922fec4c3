"""A catalogue service over HTTP, in this process, on a real database; what it would send is kept."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from contracts.message import Envelope, Message
from services.chassis.config import Settings
from services.chassis.http import create_app
from services.chassis.runtime import Running, running
from services.chassis.service import Service
from services.chassis.store import Dispatch


@dataclass
class Sent:
    """Stands where SQS would: accepts everything."""

    dispatches: list[Dispatch] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.dispatches += dispatches
        return {dispatch.key for dispatch in dispatches}


@dataclass
class Api:
    """A service as its clients meet it."""

    http: httpx.AsyncClient
    running: Running
    _finish: Callable[[], Any]
    _sent: Sent

    async def told(self) -> dict[Message, set[str]]:
        """The facts that were sent so far, in order, and the queues that got them."""
        await self._finish()
        told: dict[Message, set[str]] = {}
        for dispatch in self._sent.dispatches:
            told.setdefault(Envelope.decode(dispatch.body).message, set()).add(dispatch.queue)
        return told


type Serve = Callable[[Service], AbstractAsyncContextManager[Api]]


@pytest.fixture
def serve(database_url: str) -> Serve:
    """Serve a service on an empty database."""

    @asynccontextmanager
    async def serve(service: Service) -> AsyncIterator[Api]:
        settings = Settings(database_url=database_url, operators_secret=SecretStr("an operators' secret"))
        sent = Sent()
        async with running(service, settings, cast(Any, sent)) as opened:
            async with opened.database.writing() as connection:
                await connection.run_sync(service.metadata.create_all)
            app = create_app(opened)
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://test") as http,
            ):
                yield Api(http, opened, app.state.front.finish, sent)

    return serve


def problem(response: httpx.Response) -> tuple[int, str]:
    """A problem's status and slug."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["slug"]
