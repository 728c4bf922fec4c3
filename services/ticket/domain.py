"""Ticket types on sale, and issued tickets. The ticket's row is the arbiter of *used or withdrawn*.

issued ticket: ``issued → used | voided``; an order's tickets are voided together or not at all.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID, uuid5

from services.chassis.kernel import Refused


@dataclass(slots=True)
class TicketType:
    """A kind of ticket for one event, as its organiser wants it sold. Its stock is the reservation service's."""

    id: UUID
    version: int
    event_id: UUID
    name: str
    quantity: int
    price_cents: int
    max_per_user: int | None
    sales_start: datetime | None
    sales_end: datetime | None

    def change(self, other: "TicketType") -> bool | Refused:
        """Take over what ``other`` says of its sale. False when that is nothing new; Refused for another event's, since
        seats of it may be sold already.
        """
        if other.event_id != self.event_id:
            return Refused("wrong_event")
        if replace(other, id=self.id, version=self.version) == self:
            return False
        self.version += 1
        self.name, self.quantity, self.price_cents = other.name, other.quantity, other.price_cents
        self.max_per_user, self.sales_start, self.sales_end = other.max_per_user, other.sales_start, other.sales_end
        return True


@dataclass(slots=True)
class EventFacts:
    """What a ticket shows of its event, and whether that is called off. Called off is for ever."""

    shared: ClassVar[bool] = True

    id: UUID
    version: int
    title: str
    location: str
    date: datetime
    timezone: str
    called_off: bool = False

    def learn(self, version: int, title: str, location: str, date: datetime, timezone: str) -> bool:
        """Take over a newer state. False for one that is known, or older."""
        if version <= self.version:
            return False
        self.version = version
        self.title, self.location, self.date, self.timezone = title, location, date, timezone
        return True

    def call_off(self) -> None:
        """It will not take place: nobody gets in any more."""
        self.called_off = True

    def gates_are_open(self, now: datetime, before_start: timedelta) -> bool:
        """Gates open so long before the start, and work offline from then on. Those of a called-off event stay shut."""
        return not self.called_off and now >= self.date - before_start


@dataclass(slots=True)
class Holder:
    """The buyer's name as tickets show it: personal data. Erased is for ever."""

    shared: ClassVar[bool] = True
    personal: ClassVar[frozenset[str]] = frozenset({"name"})

    id: UUID
    version: int
    name: str | None
    erased: bool = False

    def learn(self, version: int, name: str) -> bool:
        """Take over a newer name. False when the tickets need not change."""
        if self.erased or version <= self.version:
            return False
        renamed = name != self.name
        self.version, self.name = version, name
        return renamed

    def erase(self, version: int) -> bool:
        """The name is forgotten, on every ticket. False when it was before."""
        if self.erased:
            return False
        self.version, self.name, self.erased = max(version, self.version), None, True
        return True


class Status(StrEnum):
    """Where an issued ticket stands."""

    ISSUED = "issued"
    USED = "used"
    VOIDED = "voided"


def ticket_id(reservation_id: UUID, number: int) -> UUID:
    """The id of a reservation's ``number``-th ticket: always the same, so that issuing twice makes the same tickets."""
    return uuid5(reservation_id, str(number))


@dataclass(slots=True)
class Ticket:
    """The ``number``-th of ``total`` tickets of a reservation. Its PDF shows its event and holder at these versions.

    The gate and catalogue facts change it too, not only its order's messages.
    """

    shared: ClassVar[bool] = True

    id: UUID
    order_id: UUID
    reservation_id: UUID
    event_id: UUID
    user_id: UUID
    type_id: UUID
    type_name: str
    price_cents: int
    number: int
    total: int
    status: Status
    used_at: datetime | None
    pdf_key: str
    event_version: int
    holder_version: int

    def check_in(self, event: EventFacts, now: datetime) -> Refused | None:
        """Its holder enters, once. Refused when it was used or voided before, or the event is called off."""
        match self.status:
            case Status.USED:
                return Refused("already_used")
            case Status.VOIDED:
                return Refused("voided")
            case Status.ISSUED if event.called_off:
                return Refused("event_cancelled")
        self.status, self.used_at = Status.USED, now
        return None

    def void(self) -> None:
        """It opens no gate any more."""
        self.status = Status.VOIDED

    def reprint(self, pdf_key: str, event_version: int, holder_version: int) -> bool:
        """Its PDF is replaced. False when it was used or voided, or when the other one is not newer."""
        shown = (self.event_version, self.holder_version)
        older = event_version < self.event_version or holder_version < self.holder_version
        if self.status is not Status.ISSUED or older or (event_version, holder_version) == shown:
            return False
        self.pdf_key, self.event_version, self.holder_version = pdf_key, event_version, holder_version
        return True


class IssueStatus(StrEnum):
    """Where an order's tickets stand together."""

    ISSUED = "issued"
    VOIDED = "voided"


@dataclass(slots=True)
class Issue:
    """The tickets of one order: issued together, voided together."""

    id: UUID
    event_id: UUID
    ticket_ids: tuple[UUID, ...]
    status: IssueStatus = IssueStatus.ISSUED

    def void(self, tickets: Collection[Ticket], *, too_late: bool) -> Refused | None:
        """Make all its tickets worthless, or none: Refused when one was used, or when it is ``too_late`` to withdraw.

        Voided already is no refusal: the answer is the same again.
        """
        if self.status is IssueStatus.VOIDED:
            return None
        if any(ticket.status is Status.USED for ticket in tickets):
            return Refused("used")
        if too_late:
            return Refused("gates_open")
        for ticket in tickets:
            ticket.void()
        self.status = IssueStatus.VOIDED
        return None
