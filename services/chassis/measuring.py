"""What a worker measures of its service's database now and then: an outbox that is late, purchases, stuck ones."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select

from contracts.metrics import Metric
from services.chassis.database import Database, among
from services.chassis.ids import uuid7
from services.chassis.kernel import Clock
from services.chassis.metrics import Instruments
from services.chassis.purchase_reading import owes
from services.chassis.relay import sleep_unless
from services.chassis.service import Service

_EVERY_SECONDS = 30
"""Twice in the minute that is told at once, so that none is without."""

_BEGUN_WITHIN = timedelta(hours=1)
_MOST_STUCK = 1000

log = structlog.get_logger()


class Measuring:
    """Reads a service's gauges. ``stuck_after`` is how long a purchase that owes something may stay untouched."""

    def __init__(
        self, service: Service, database: Database, instruments: Instruments, clock: Clock, stuck_after: timedelta
    ) -> None:
        self._service = service
        self._database = database
        self._instruments = instruments
        self._clock = clock
        self._stuck_after = stuck_after

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until stopped. Survives any error."""
        while not stop.is_set():
            try:
                await self.once()
            except Exception as error:
                log.warning("not_measured", error=repr(error))
            await sleep_unless(stop, _EVERY_SECONDS)

    async def once(self) -> None:
        """Measure everything. Raises Unavailable."""
        now = self._clock()
        lag = await self._outbox_lag(now)
        self._instruments.read(Metric.OUTBOX_LAG, lag.total_seconds(), service=self._service.name)
        purchases = self._service.purchases
        if purchases is None:
            return
        table = self._service.kinds[purchases.kind]
        self._instruments.read(Metric.STUCK, len(await self.stuck(now)))
        if purchases.whole and "order_id" not in table.c:
            for state, number in (await self._by_state(table, now)).items():
                self._instruments.read(Metric.PURCHASES, number, state=state)

    async def _outbox_lag(self, now: datetime) -> timedelta:
        oldest = select(func.min(self._service.tables.outbox.c.send_at))
        async with self._database.reading() as connection:
            due = (await connection.execute(oldest)).scalar()
        return max(timedelta(0), now - due) if due else timedelta(0)

    async def _by_state(self, table: Any, now: datetime) -> dict[str, int]:
        begun = table.c.id >= uuid7(now - _BEGUN_WITHIN, 0)
        query = select(table.c.status, func.count()).where(begun).group_by(table.c.status)
        async with self._database.reading() as connection:
            found = {str(status): number for status, number in await connection.execute(query)}
        return dict.fromkeys(table.c.status.type.enums, 0) | found

    async def stuck(self, now: datetime) -> Collection[UUID]:
        """Purchases in which this service owes something, and for which nothing has come for too long. Those that wait
        in peace, for a moment that their row names, have until then and as long again. A thousand at most.
        """
        purchases = self._service.purchases
        assert purchases is not None
        table, inbox = self._service.kinds[purchases.kind], self._service.tables.inbox.c
        since = now - self._stuck_after
        quiet = select(table.c.id).where(owes(self._service, table), table.c.id < uuid7(since, 0))
        if purchases.waits_until is not None:
            until = table.c[purchases.waits_until]
            quiet = quiet.where(or_(until.is_(None), until < since))
        if purchases.whole and "order_id" in table.c:
            quiet = quiet.where(table.c.order_id.is_(None))
        async with self._database.reading() as connection:
            owed = list((await connection.execute(quiet.order_by(table.c.id).limit(_MOST_STUCK))).scalars())
            names = {str(each): each for each in owed}
            of_them = among(inbox.correlation, list(names), self._database.dialect)
            touched = select(inbox.correlation).where(of_them, inbox.handled_at >= since).distinct()
            alive = set((await connection.execute(touched)).scalars()) if owed else set()
        return [each for name, each in names.items() if name not in alive]
