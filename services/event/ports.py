"""What the event service's routes read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.chassis.paging import Page
from services.event.domain import Event, Status


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for: those that begin from ``since`` on and before ``until``; None leaves all in."""

    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None


class Events(Protocol):
    """The events as they are, without a lock."""

    async def find(self, event_id: UUID) -> Event | None:
        """An event, or None for an unknown id. Raises Unavailable."""

    async def page(self, page: Page, wanted: Filter) -> Sequence[Event]:
        """A page of the events that a filter lets through. Raises Unavailable."""
