"""A request's transaction: rows loaded and locked, changed, added, and the facts that follow, all or nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.message import Message
from services.chassis.dispatching import Dispatcher
from services.chassis.idempotency import claim, key_row
from services.chassis.origin import Caller, check_emission, trace_of
from services.chassis.rows import Id, Key, Rows, values
from services.chassis.runtime import Running
from services.chassis.storage import SqlTransaction
from services.chassis.store import Dispatch


class Work:
    """What one request does in one transaction. Rows are changed in place; what differs at the end is written."""

    def __init__(self, transaction: SqlTransaction, running: Running, request: Request, caller: Caller) -> None:
        self._transaction = transaction
        self._running = running
        self._request = request
        self._caller = caller
        self._rows = Rows()
        self.now = running.clock()
        """The time of this transaction."""
        self._dispatcher = Dispatcher(running.service.name, self.now, running.mint)

    @property
    def connection(self) -> AsyncConnection:
        """The transaction's connection, for what is read by other keys than the id."""
        return self._transaction.connection

    async def identify(self, resource_id: UUID | None = None) -> tuple[UUID, bool]:
        """The id of what this request makes (or changes, if given), and whether an earlier request with the same
        ``Idempotency-Key`` did it already. Raises Problem (400, 422).
        """
        minted = resource_id or self._running.mint()
        row = await key_row(self._request, self._caller.id, minted, self.now)
        if row is None:
            return minted, False
        return await claim(self._transaction, self._running.service.tables, row)

    async def load[Kind](self, kind: type[Kind], row_id: Id) -> Kind | None:
        """A row, locked until the end, or None. Several: in the service's lock order and by id, against deadlocks."""
        key = Key(kind, row_id)
        if key not in self._rows.locked:
            self._rows.put([key], await self._transaction.load(kind, [row_id], lock=True), locked=True)
        return self._rows.peek(kind, row_id)

    def add(self, row: object) -> None:
        """Add a new row. A row that exists already becomes a 409."""
        self._rows.insert(Key(type(row), values(row)[0]), row)

    def emit(self, message: Message) -> None:
        """Publish a message with this transaction. Raises Forbidden when the choreography does not list it here."""
        check_emission(self._request, message, self._running.service.requests)
        self._dispatcher.request(message, message.id_when(self._running.mint()), trace_of(self._request))

    async def finish(self) -> None:
        """Write everything. What was emitted waits in the outbox."""
        await self._transaction.save(self._rows.added(), self._rows.changed())
        if self._dispatcher.dispatches:
            await self._transaction.enqueue(self._dispatcher.dispatches)

    @property
    def outgoing(self) -> list[Dispatch]:
        """The outbox rows to be sent after the commit."""
        return self._dispatcher.at_once


@asynccontextmanager
async def working(running: Running, request: Request, caller: Caller) -> AsyncIterator[Work]:
    """One transaction of a request; nothing of it is kept when the body raises."""
    async with running.store.begin() as transaction:
        work = Work(transaction, running, request, caller)
        yield work
        await work.finish()
