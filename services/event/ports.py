"""What the event service's adapters share."""

from dataclasses import dataclass
from datetime import datetime

from services.event.domain import Status


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for: those that begin from ``since`` on and before ``until``; None leaves all in."""

    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
