"""What the order service needs from outside: settings for its handlers, and orders to be found by their event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from services.chassis import handling
from services.order.domain import Status


@dataclass(frozen=True, kw_only=True)
class Ports(handling.Ports):
    """``payment_margin``: how long before its reservations end an order can be paid no more. ``pending_horizon``: how
    long a request may still be in its queue.
    """

    payment_margin: timedelta
    pending_horizon: timedelta


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders are asked for; None leaves all in."""

    user_id: UUID | None = None
    event_id: UUID | None = None
    status: Status | None = None


class LiveOrders(Protocol):
    """The orders of an event that are not ended: committed, read without locks."""

    async def live(self, event_id: UUID, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Their ids in order, at most ``limit`` of those that come after ``after``. Raises Unavailable."""


class LivePage(handling.Result):
    """A page of an event's live orders. ``more``: the page was full, others may follow."""

    order_ids: tuple[UUID, ...]
    more: bool
