"""An event: scheduled, perhaps moved, perhaps called off."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from services.chassis.kernel import Refused


class Status(StrEnum):
    """Whether an event takes place."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the organiser decides. ``timezone`` is the IANA name of the zone whose local time tickets show."""

    title: str
    location: str
    date: datetime
    timezone: str


@dataclass(slots=True)
class Event:
    """An event. ``version`` counts its changes; ``cancelled`` is final."""

    id: UUID
    version: int
    title: str
    location: str
    date: datetime
    timezone: str
    status: Status

    @classmethod
    def schedule(cls, event_id: UUID, plan: Plan, now: datetime) -> Self | Refused:
        """Announce an event. Refused(date_past) when it would have begun already."""
        if plan.date <= now:
            return Refused("date_past")
        return cls(event_id, 1, plan.title, plan.location, plan.date, plan.timezone, Status.SCHEDULED)

    @property
    def plan(self) -> Plan:
        """The plan as it stands."""
        return Plan(self.title, self.location, self.date, self.timezone)

    def change(self, plan: Plan, now: datetime) -> bool | Refused:
        """Follow a new plan. False when it is the present one.

        Refused(event_cancelled) once called off, Refused(date_past) when it is moved into the past: title and place of
        an event that has begun can still be put right.
        """
        if self.status is Status.CANCELLED:
            return Refused("event_cancelled")
        if plan == self.plan:
            return False
        if plan.date != self.date and plan.date <= now:
            return Refused("date_past")
        self.title, self.location, self.date, self.timezone = (plan.title, plan.location, plan.date, plan.timezone)
        self.version += 1
        return True

    def call_off(self) -> bool:
        """Call the event off, for ever. False when it is already."""
        if self.status is Status.CANCELLED:
            return False
        self.status = Status.CANCELLED
        self.version += 1
        return True
