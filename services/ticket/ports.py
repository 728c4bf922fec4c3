"""What the ticket service needs from outside: settings for its handlers, catalogue rows and a press for its effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from services.chassis import handling
from services.chassis.handling import Result
from services.ticket.domain import EventFacts, Holder


@dataclass(frozen=True, kw_only=True)
class Ports(handling.Ports):
    """``gates_open_before``: how long before an event's start a buyer can withdraw no more."""

    gates_open_before: timedelta


@dataclass(frozen=True, slots=True)
class Sheet:
    """One ticket to print: who it is, and what its PDF shows. Equal sheets are printed to equal PDFs."""

    id: UUID
    order_id: UUID
    type_name: str
    price_cents: int
    number: int
    total: int
    event: EventFacts
    holder: Holder


class Catalogue(Protocol):
    """What is known of events, of ticket holders and of tickets already issued: committed, read without locks."""

    async def event(self, event_id: UUID) -> EventFacts | None:
        """An event, None when it is not known yet."""

    async def holder(self, user_id: UUID) -> Holder | None:
        """A buyer, None when they are not known yet."""

    async def outdated(
        self, *, event_id: UUID | None, user_id: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Sheet]:
        """Tickets of an event or of a buyer whose PDF shows an older state than the catalogue, in the order of their
        ids: at most ``limit`` of those that come after ``after``.

        Used and voided tickets stay as they are, but for the name of a buyer who was erased.
        """


class Press(Protocol):
    """Prints tickets and stores their PDFs."""

    async def __call__(self, sheets: Sequence[Sheet]) -> Sequence[str]:
        """Print and store. Returns the PDFs' keys in the order of the sheets; the same sheet has the same key.

        A sheet whose holder is erased, or was while it was printed, replaces every PDF of its ticket that was stored
        before: no name outlives its erasure.
        """


class Printed(Result):
    """The PDFs of an order that is to be issued, by the ids of their tickets, and what they show."""

    event_version: int
    holder_version: int
    pdf_keys: dict[UUID, str]


class Reprint(Result):
    """A ticket's new PDF, and what it shows."""

    ticket_id: UUID
    pdf_key: str
    event_version: int
    holder_version: int


class Reprints(Result):
    """A page of tickets that were printed again. ``more``: the page was full, others may follow."""

    tickets: tuple[Reprint, ...]
    more: bool
