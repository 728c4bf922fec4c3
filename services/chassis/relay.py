"""Sending what the outbox holds: right after the commit by whoever wrote it, later by the relay."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from services.chassis.decision import RETENTION, SHORTEST_RETENTION
from services.chassis.dispatching import LEASE
from services.chassis.kernel import Clock
from services.chassis.store import Dispatch, Store

SEND_SECONDS = 10
"""The longest that a send may take: it ends before the lease does, when someone else may send the same rows."""

_CLAIM_AT_ONCE = 100
_IDLE_SECONDS = 0.5
_PRUNE_EVERY = timedelta(hours=1)
_PRUNE_AT_ONCE = 1000
"""Rows of a table: some milliseconds, whatever has piled up. Timers do not wait for it, and SQLite has one writer."""

_KEYS_REMEMBERED = SHORTEST_RETENTION - timedelta(days=1)
"""Idempotency keys, kept for less time than the inbox remembers: a key that is known still finds its message known."""

log = structlog.get_logger()

type Send = Callable[[Sequence[Dispatch]], Awaitable[set[UUID]]]


class Outbox:
    """One service's outbox: rows are deleted as soon as their queue has accepted them."""

    def __init__(self, store: Store, send: Send, clock: Clock, retention: timedelta = RETENTION) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._retention = retention
        self.heard_of = clock()
        """When the relay last looked at what is due."""

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """Send committed rows and delete them. Never raises: what fails stays, and is the relay's after the lease."""
        if not dispatches:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                accepted = await self._send(dispatches)
            if accepted:
                async with self._store.begin() as transaction:
                    await transaction.sent(accepted)
        except Exception as error:
            log.warning("outbox_left", rows=len(dispatches), error=repr(error))

    async def relay_once(self) -> int:
        """Claim rows that are due, send and delete them. Returns how many were claimed. Raises Unavailable."""
        now = self._clock()
        async with self._store.begin() as transaction:
            due = await transaction.claim_due(now, now + LEASE, _CLAIM_AT_ONCE)
        await self.send(due)
        return len(due)

    async def relay(self, stop: asyncio.Event) -> None:
        """Relay, and now and then prune, until stopped. Survives any error: timers depend on it."""
        prune_at = self._clock()
        while not stop.is_set():
            claimed = 0
            self.heard_of = self._clock()
            try:
                claimed = await self.relay_once()
                if self._clock() >= prune_at:
                    prune_at = self._clock() + _PRUNE_EVERY
                    if await self._prune():
                        prune_at = self._clock()
            except Exception as error:
                log.warning("relay_failed", error=repr(error))
            if claimed < _CLAIM_AT_ONCE:
                await sleep_unless(stop, _IDLE_SECONDS)

    async def _prune(self) -> bool:
        """Whether there is more to forget."""
        now = self._clock()
        journal_before, keys_before = now - self._retention, now - _KEYS_REMEMBERED
        async with self._store.begin() as transaction:
            return await transaction.forget(journal_before=journal_before, keys_before=keys_before, most=_PRUNE_AT_ONCE)


async def sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past the stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
