"""``Prefer: wait`` (RFC 7240): holding an answer until a resource is settled, at one query for all who wait."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.database import Database
from services.chassis.tracing import detach

POLL_SECONDS = 0.05

type View[Row] = Callable[[AsyncConnection, Sequence[UUID]], Awaitable[Mapping[UUID, Row]]]
"""Reads the rows that exist of some ids. All who wait with the same view share its queries."""

_WAIT = re.compile(r'(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[;,]|$)', re.IGNORECASE)


def seconds_preferred(prefer: str, longest: int) -> int:
    """How long a client wants its answer to be held, ``longest`` at most; 0 without a readable preference."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), longest) if found else 0


@dataclass(eq=False, slots=True)
class _Waiter:
    id: UUID
    settled: Callable[[Any], bool]
    answer: asyncio.Future[Any]
    seen: Any = None


class Waiting:
    """All who wait in one process and service. Nobody waits: no query. ``stop`` ends every wait."""

    def __init__(self, database: Database, stop: asyncio.Event) -> None:
        self._database = database
        self._stop = stop
        self._waiters: dict[View[Any], set[_Waiter]] = {}
        self._polls: set[asyncio.Task[None]] = set()

    async def outcome[Row](
        self, view: View[Row], resource_id: UUID, settled: Callable[[Row], bool], seconds: float
    ) -> Row | None:
        """The row as soon as it is settled; when time is up or the process stops, as it is then, or None.

        Raises Unavailable.
        """
        waiter = _Waiter(resource_id, settled, asyncio.get_running_loop().create_future())
        waiters = self._waiters.get(view)
        if waiters is None:
            waiters = self._waiters[view] = set()
            poll = asyncio.create_task(self._poll(view, waiters))
            self._polls.add(poll)
            poll.add_done_callback(self._polls.discard)
        waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                return cast(Row | None, await waiter.answer)
        except TimeoutError:
            return cast(Row | None, waiter.seen)
        finally:
            waiters.discard(waiter)

    async def finish(self) -> None:
        """Wait for the looks that are under way. Nobody waits any more, so no further one is taken."""
        await asyncio.gather(*self._polls)

    async def _poll(self, view: View[Any], waiters: set[_Waiter]) -> None:
        detach()
        # A request that has just been accepted is not decided yet: the first look comes after a pause as well.
        await asyncio.sleep(POLL_SECONDS)
        while waiters:
            await self._look(view, waiters)
            await asyncio.sleep(POLL_SECONDS)
        del self._waiters[view]

    async def _look(self, view: View[Any], waiters: set[_Waiter]) -> None:
        asked = list(waiters)
        try:
            async with self._database.reading() as connection:
                found = await view(connection, list({waiter.id for waiter in asked}))
            for waiter in asked:
                self._tell(waiter, found.get(waiter.id))
        except Exception as error:  # a poll that ended would leave all who wait later without one
            for waiter in asked:
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)

    def _tell(self, waiter: _Waiter, seen: Any) -> None:
        waiter.seen = seen
        is_settled = seen is not None and waiter.settled(seen)
        if (is_settled or self._stop.is_set()) and not waiter.answer.done():
            waiter.answer.set_result(seen)
