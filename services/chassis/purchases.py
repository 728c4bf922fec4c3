"""A service's purchases, as it tells operators of them, and which ones they may ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Purchase(BaseModel):
    """Where a purchase stands. ``at_rest``: nothing is owed any more, unless a message is still under way."""

    id: UUID
    event_id: UUID | None
    status: str
    reason: str | None
    created_at: datetime
    order_id: UUID | None = None
    at_rest: bool


class PurchasePage(BaseModel):
    """A page; ``next`` is the cursor of the page after it, None on the last one."""

    items: list[Purchase]
    next: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which purchases: those with these ids; or else all that fit and are nobody's part, made before ``before``."""

    ids: Sequence[UUID] = ()
    since: datetime | None = None
    state: str | None = None
    event_id: UUID | None = None
    before: UUID | None = None
    limit: int = 50


class UnderWayPage(BaseModel):
    """Ids of purchases, by the id of the row that says so; ``next`` is the cursor of the page after it."""

    items: list[UUID]
    next: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """Which purchases: those in which this service owes something, by a row made between ``since`` and ``before``."""

    since: datetime
    before: datetime
    event_id: UUID | None = None
    after: UUID | None = None
    limit: int = 50


class HeldUp(BaseModel):
    """Ids of purchases, and of reservations that may be part of one, the oldest first."""

    items: list[UUID]
