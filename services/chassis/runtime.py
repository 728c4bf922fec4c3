"""One service in one process: its database, outbox and adapters, shared by its ingress and its worker."""

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.routes import queues_of
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.ids import Mint, minting
from services.chassis.kernel import Clock
from services.chassis.measuring import Measuring
from services.chassis.metrics import instruments
from services.chassis.pipeline import Pipeline
from services.chassis.relay import Outbox
from services.chassis.service import Assembly, Background, Service
from services.chassis.sqs import Queues, open_queues
from services.chassis.storage import SqlStore
from services.chassis.worker import Worker


def system_clock() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service with everything that it needs to run."""

    service: Service
    settings: Any
    database: Database
    store: SqlStore
    queues: Queues
    outbox: Outbox
    assembly: Assembly
    clock: Clock
    mint: Mint

    def pipeline(self) -> Pipeline:
        """The pipeline over this service's store."""
        return Pipeline(
            service=self.service.name,
            handlers=self.service.handlers,
            ports=self.assembly.ports,
            effects=self.assembly.effects,
            reactions=self.service.reactions,
            lock_order=tuple(self.service.kinds),
            store=self.store,
            sender=self.outbox,
            clock=self.clock,
            mint=self.mint,
            chance=random.random,
            retention=self.settings.retention,
        )

    def worker(self) -> Worker:
        """The worker over this service's queues. Raises Disagreement when handlers and choreography disagree."""
        self.service.check_handlers()
        return Worker(
            self.pipeline(),
            self.queues,
            queues_of(self.service.name),
            self.outbox,
            self.store,
            self.clock,
            [*self.assembly.background, *self._measuring()],
        )

    def _measuring(self) -> Iterator[Background]:
        if meters := instruments():
            yield Measuring(self.service, self.database, meters, self.clock, self.settings.stuck_after).run


@asynccontextmanager
async def running(
    service: Service, settings: Settings, queues: Queues, clock: Clock = system_clock
) -> AsyncIterator[Running]:
    """Open a service's database and adapters; close them at the end."""
    database = Database(settings.database_url_of(service.name), service=service.name, login=settings.login)
    try:
        store = SqlStore(database, service.kinds, service.tables)
        async with service.assemble(settings, database) as assembly:
            yield Running(
                service=service,
                settings=settings,
                database=database,
                store=store,
                queues=queues,
                outbox=Outbox(store, queues.send, clock, settings.retention),
                assembly=assembly,
                clock=clock,
                mint=minting(clock),
            )
    finally:
        await database.close()


@asynccontextmanager
async def running_together(settings: Mapping[str, tuple[Service, Settings]]) -> AsyncIterator[dict[str, Running]]:
    """Open several services in one process, by name: they share a client of the queues, and nothing else."""
    common = next(iter(settings.values()))[1]
    async with AsyncExitStack() as stack:
        queues = await stack.enter_async_context(
            open_queues(common.queue_prefix, common.aws_endpoint_url, common.aws_region)
        )
        yield {
            name: await stack.enter_async_context(running(service, own, queues))
            for name, (service, own) in settings.items()
        }
