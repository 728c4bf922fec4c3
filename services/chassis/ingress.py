"""What a route is handed: the doors through which a request lets a message in, changes rows, or reads."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from contracts.message import Message
from services.chassis.answers import Outcome, Shown, is_rejected, may_be_pending, pending, shown
from services.chassis.database import Database
from services.chassis.dispatching import Dispatcher
from services.chassis.edge import public_path
from services.chassis.front import Front
from services.chassis.idempotency import claim, key_row
from services.chassis.kernel import Clock
from services.chassis.origin import ANONYMOUS, Caller, check_emission, trace_of
from services.chassis.problems import NOTHING_UNDER_ID, Problem
from services.chassis.runtime import Running
from services.chassis.store import Unavailable
from services.chassis.telemetry import log_as
from services.chassis.waiting import View, seconds_preferred
from services.chassis.work import Work, working


@dataclass(frozen=True)
class Ingress:
    """A request's view of its service.

    Every method that answers sets status and headers itself; a route returns what it got. All of them raise Problem,
    and Unavailable or Unpublished (answered with 503) when the database or SQS does not answer.
    """

    front: Front
    request: Request
    caller: Caller = ANONYMOUS

    @property
    def running(self) -> Running:
        """The service."""
        return self.front.running

    @property
    def adapters(self) -> Any:
        """What the service's composition root put together for its routes."""
        return self.running.assembly.adapters

    @property
    def database(self) -> Database:
        """The service's database, for read views: ``async with ingress.database.reading() as connection``."""
        return self.running.database

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.running.clock

    async def accept[Row](
        self,
        make: Callable[[UUID], Message],
        *,
        location: str,
        view: View[Row],
        settled: Callable[[Row], bool],
        show: Callable[[Row], Outcome],
    ) -> Response:
        """Let in a request for a new resource: 202, or with ``Prefer: wait`` its outcome, 201, or 200 for a rejection.

        ``make`` gets the new resource's id. With an ``Idempotency-Key`` that is known, the same resource's message is
        sent once more, for the first one may have got lost; the inbox drops it otherwise.
        """
        resource_id = await self.claim(self.running.mint())
        message = make(resource_id)
        await self._publish(message, message.id_when(resource_id))
        headers = self._location(location, resource_id)
        seconds = self._seconds_to_wait()
        row = None
        if seconds:
            headers["Preference-Applied"] = f"wait={seconds}"
            with suppress(Unavailable):  # accepted it is all the same
                row = await self.front.waiting.outcome(view, resource_id, settled, seconds)
        if row is None or not settled(row):
            return pending(resource_id, 202, headers)
        outcome = show(row)
        return shown(outcome, 200 if is_rejected(outcome) else 201, headers)

    async def claim(self, resource_id: UUID) -> UUID:
        """The id of the resource that the request's ``Idempotency-Key`` stands for: this one, unless the key is known.

        For a POST that neither ``accept`` nor ``work`` does it for. Raises Problem(400) for a key that cannot be read,
        Problem(422) for one that came with another body before.
        """
        row = await key_row(self.request, self.caller.id, resource_id, self.clock())
        if row is None:
            return resource_id
        async with self.running.store.begin() as transaction:
            resource_id, _ = await claim(transaction, self.running.service.tables, row)
        return resource_id

    async def command(
        self, message: Message, *, resource_id: UUID, location: str, message_id: UUID | None = None
    ) -> Response:
        """Let in a request about a resource that exists: 202. ``message_id`` is fresh unless given."""
        await self._publish(message, message_id or message.id_when(self.running.mint()))
        return self.under_way(resource_id, location)

    def under_way(self, resource_id: UUID, location: str) -> Response:
        """Answer that what was asked for is on its way: 202."""
        return pending(resource_id, 202, self._location(location, resource_id))

    async def find[Row](self, resource_id: UUID, view: View[Row]) -> Row | None:
        """A resource's row, or None while it may be pending, by its age. Raises Problem(404) for any other id."""
        async with self.database.reading() as connection:
            found = (await view(connection, [resource_id])).get(resource_id)
        if found is None and not may_be_pending(resource_id, self.clock(), self.running.settings.pending_horizon):
            raise Problem(*NOTHING_UNDER_ID)
        return found

    async def get[Row](
        self,
        resource_id: UUID,
        view: View[Row],
        *,
        show: Callable[[Row], Shown],
        settled: Callable[[Row], bool] | None = None,
    ) -> Response:
        """Answer a GET: the resource; ``{id, status: "pending"}`` while it may be on its way; else Problem(404).

        With ``settled``, ``Prefer: wait`` holds the answer until the resource is.
        """
        headers: dict[str, str] = {}
        found = await self.find(resource_id, view)
        seconds = self._seconds_to_wait() if settled else 0
        if settled and seconds and (found is None or not settled(found)):
            found = await self.front.waiting.outcome(view, resource_id, settled, seconds) or found
            headers["Preference-Applied"] = f"wait={seconds}"
        if found is not None:
            return shown(show(found), 200, headers)
        return pending(resource_id, 200, headers)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction, for what is changed in the request itself; what it emits is sent after the commit."""
        async with working(self.running, self.request, self.caller) as work:
            yield work
        self.front.send(work.outgoing)

    async def create[Row](
        self,
        kind: type[Row],
        make: Callable[[UUID], Row],
        *,
        show: Callable[[Row], Shown],
        location: str,
        announce: Callable[[Row], Message] | None = None,
    ) -> Response:
        """Make a row, and publish its fact where others hear of it: 201. With a known ``Idempotency-Key`` the row as it
        is now, although nobody could make it any more.
        """
        async with self.work() as work:
            row_id, again = await work.identify()
            if again:
                row = await work.load(kind, row_id)
                if row is None:
                    raise Problem(410, detail="What this Idempotency-Key made has been deleted.")
            else:
                row = make(row_id)
                work.add(row)
                if announce:
                    work.emit(announce(row))
            body = show(row)
        return shown(body, 201, self._location(location, row_id))

    def _location(self, path: str, resource_id: UUID) -> dict[str, str]:
        return {"Location": public_path(self.request, path.format(id=resource_id))}

    async def _publish(self, message: Message, message_id: UUID) -> None:
        check_emission(self.request, message, self.running.service.requests)
        log_as(correlation_id=message.correlation)
        dispatcher = Dispatcher(self.running.service.name, self.clock(), self.running.mint)
        dispatcher.request(message, message_id, trace_of(self.request))
        await self.front.publisher.publish(dispatcher.at_once)

    def _seconds_to_wait(self) -> int:
        prefer = ",".join(self.request.headers.getlist("prefer"))
        return seconds_preferred(prefer, self.running.settings.longest_wait_seconds)


def ingress(request: Request) -> Ingress:
    """The ingress of a request."""
    front: Front = request.app.state.front
    return Ingress(front, request)


IngressDep = Annotated[Ingress, Depends(ingress)]
