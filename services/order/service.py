"""The order service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field

from contracts.order import CancelOrdersOf
from services.chassis import config
from services.chassis.database import Database
from services.chassis.service import Assembly, Purchases, Service
from services.order import effects
from services.order.adapters.http import router
from services.order.adapters.sql import KINDS, Orders, metadata, tables
from services.order.domain import AT_REST, Order
from services.order.handlers import on
from services.order.ports import Ports


class Settings(config.Settings):
    """The order service's settings."""

    order_payment_margin: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(seconds=10)
    """How long before its reservations end an order can be paid no more: what the news of the payment may take."""


@asynccontextmanager
async def assemble(settings: Settings, database: Database) -> AsyncIterator[Assembly]:
    """One process's adapters."""
    orders = Orders(database)
    yield Assembly(
        ports=partial(Ports, payment_margin=settings.order_payment_margin, pending_horizon=settings.pending_horizon),
        effects={CancelOrdersOf: partial(effects.live_page, orders=orders)},
        adapters=orders,
    )


order = Service(
    name="order",
    description="Orders: what is bought, at which price, and what became of it.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    handlers=on,
    settings=Settings,
    purchases=Purchases(Order, AT_REST, waits_until="pay_before"),
)
