"""The user service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.service import Assembly, Service
from services.user.adapters.http import restated, router
from services.user.adapters.sql import KINDS, Users, metadata, tables
from services.user.domain import User


@asynccontextmanager
async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
    """One process's adapters."""
    yield Assembly(adapters=Users(database))


user = Service(
    name="user",
    description="Buyers: who they are.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    facts={User: restated},
)
