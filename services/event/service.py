"""The event service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.service import Assembly, Service
from services.event.adapters.http import restated, router
from services.event.adapters.sql import KINDS, Events, metadata, tables
from services.event.domain import Event


@asynccontextmanager
async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
    """One process's adapters."""
    yield Assembly(adapters=Events(database))


event = Service(
    name="event",
    description="Events: what takes place, where and when.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    facts={Event: restated},
)
