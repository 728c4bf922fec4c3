"""The product service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.service import Assembly, Service
from services.product.adapters.http import router
from services.product.adapters.sql import KINDS, Products, metadata, tables
from services.product.handlers import on


@asynccontextmanager
async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
    """One process's adapters."""
    yield Assembly(adapters=Products(database))


product = Service(
    name="product",
    description="Complementary products and their stock.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    handlers=on,
)
