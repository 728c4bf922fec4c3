"""The reservation service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field

from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.service import Assembly, Purchases, Service
from services.reservation.adapters.http import router
from services.reservation.adapters.sql import KINDS, Reservations, metadata, tables
from services.reservation.domain import AT_REST, Reservation
from services.reservation.handlers import on
from services.reservation.ports import Ports


class ReservationSettings(Settings):
    """The settings of the reservation service."""

    hold_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    """How long seats are held for a buyer who has not paid."""


@asynccontextmanager
async def assemble(settings: ReservationSettings, database: Database) -> AsyncIterator[Assembly]:
    """One process's adapters."""
    yield Assembly(
        ports=partial(
            Ports, hold_for=timedelta(seconds=settings.hold_seconds), pending_horizon=settings.pending_horizon
        ),
        adapters=Reservations(database),
    )


reservation = Service(
    name="reservation",
    description="Seats held for some minutes, and how many are free.",
    kinds=KINDS,
    tables=tables,
    metadata=metadata,
    router=router,
    assemble=assemble,
    handlers=on,
    settings=ReservationSettings,
    purchases=Purchases(Reservation, AT_REST, waits_until="expires_at"),
)
