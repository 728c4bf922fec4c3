"""What the reservation handlers are handed, and what its routes read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from pydantic import BaseModel

from contracts.fields import Instant
from contracts.money import Money
from services.chassis import handling
from services.chassis.paging import Page
from services.reservation.domain import Status

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, kw_only=True)
class Ports(handling.Ports):
    """``hold_for``: how long seats are held. ``pending_horizon``: how long a request may still be in its queue."""

    hold_for: timedelta
    pending_horizon: timedelta


class Reservation(BaseModel):
    """Seats of one ticket type for one buyer, as clients see them."""

    id: UUID
    status: Status
    reason: str | None
    user_id: UUID
    ticket_id: UUID
    event_id: UUID | None
    quantity: int
    unit_price: Money | None
    total_price: Money | None
    expires_at: Instant | None
    order_id: UUID | None


class Availability(BaseModel):
    """The seats of one ticket type: how many are offered, free, held and sold."""

    id: UUID
    event_id: UUID
    quantity: int
    free: int
    held: int
    sold: int
    unit_price: Money
    max_per_user: int | None


class Reads(Protocol):
    """Reservations and stock as they are, without a lock."""

    async def reservations(self, connection: "AsyncConnection", ids: Collection[UUID]) -> Mapping[UUID, Reservation]:
        """Reservations by id."""

    async def availability(self, connection: "AsyncConnection", ids: Collection[UUID]) -> Mapping[UUID, Availability]:
        """Seats by ticket type."""

    async def of_user(self, user_id: UUID, page: Page) -> Sequence[Reservation]:
        """A page of a buyer's reservations. Raises Unavailable."""
