"""Purchases put together from what the seven services know: their timelines, and what they wait for."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.ids import minted_at
from services.chassis.journal import Journal, joined
from services.chassis.purchases import Purchase as Row
from services.operations.journals import Source
from services.operations.timeline import Fate, Seen, Timeline, timeline
from services.operations.waits import Wait, waits

_LONGEST_ANCESTRY = 50
"""An event with many orders is called off page by page, and each page causes the next."""


STATES = (
    "placed", "held", "awaiting_payment", "confirmed", "completed", "cancelling", "cancelled", "refunded", "released",
    "rejected",
)  # fmt: skip
"""What a purchase can be, in the order of its life: the statuses of orders, and of reservations without one."""

CATALOGUE = "catalogue"
"""In place of a state: it is no purchase, but an event, ticket type or buyer, whose facts are told as well."""


@dataclass(frozen=True)
class Purchase:
    """A purchase: the row that says where it stands, if a service has one yet, and all journals that tell of it."""

    id: str
    row: Row | None
    correlations: frozenset[str]
    journals: Mapping[str, Journal]
    timeline: Timeline
    waits: tuple[Wait, ...]
    owner: str | None = None
    """Of a catalogue row that no journal tells of: the service that has it, and can tell its fact anew."""

    @property
    def state(self) -> str:
        """Where it stands: the order's status, or the reservation's where nobody has ordered; pending before that."""
        if self.row:
            return self.row.status
        return CATALOGUE if self.owner or _is_of_the_catalogue(self.timeline) else "pending"

    @property
    def undecided(self) -> frozenset[str]:
        """The queues that alone can tell what became of some of its messages."""
        undecided = {Fate.ON_ITS_WAY, Fate.FAILING, Fate.UNKNOWN}
        hearings = (hearing for message in self.timeline.told for hearing in message.hearings)
        return frozenset(hearing.queue.name for hearing in hearings if hearing.fate in undecided)

    def after(self, seen: Seen, now: datetime) -> "Purchase":
        """The same, after a look at the queues."""
        return purchase(self.id, self.row, self.correlations, self.journals, now, seen, self.timeline.silent)

    @property
    def began(self) -> datetime | None:
        """When it began."""
        first = min((message.time for message in self.timeline.told if message.time), default=None)
        return first or (self.row.created_at if self.row else minted_at(UUID(self.id)))


async def gather(
    source: Source,
    roots: Mapping[str, Row | None],
    now: datetime,
    *,
    silent: Collection[str] = (),
) -> list[Purchase]:
    """The purchases of these ids (an order's, or that of a reservation without one), each with its journals.

    An order's reservations are part of it. Of other correlations only single messages are asked for: what led to the
    purchase's own, and what became of those that it sent out to others.
    """
    found = await source.about(roots.keys())
    reservations = {root: _reservations(found, {root}) for root in roots}
    others = set().union(*reservations.values()) - roots.keys()
    if others:
        found = _merged(found, await source.about(others))
    asked: set[UUID] = set()
    for _ in range(_LONGEST_ANCESTRY):
        wanted = set(_missing(found, {*roots, *others})) - asked
        if not wanted:
            break
        asked |= wanted
        found = _merged(found, await source.about((), wanted))
    gathered = [(root, row, frozenset({root}) | reservations[root]) for root, row in roots.items()]
    return [purchase(*each, found, now, Seen(), silent) for each in gathered]


def purchase(
    root: str,
    row: Row | None,
    correlations: frozenset[str],
    journals: Mapping[str, Journal],
    now: datetime,
    seen: Seen,
    silent: Collection[str],
) -> Purchase:
    """The purchase that these journals tell of."""
    tree = timeline(root, correlations, journals, now, seen=seen, silent=silent)
    first = min((message.time for message in tree.told if message.time), default=now)
    at_rest = row.at_rest if row else _is_of_the_catalogue(tree)
    open_waits = waits(tree, at_rest=at_rest, since=row.created_at if row else first)
    return Purchase(root, row, correlations, journals, tree, tuple(open_waits))


def unheard(
    row_id: UUID, owner: str, journals: Mapping[str, Journal], now: datetime, silent: Collection[str]
) -> Purchase:
    """A row of the catalogue that no journal tells of: no listener has handled a fact of it, or so long ago that it is
    forgotten.
    """
    root, began = str(row_id), minted_at(row_id) or now
    tree = timeline(root, (root,), journals, now, seen=Seen(), silent=silent)
    forgotten = any(began < now - journal.retention for journal in journals.values())
    lost = Wait("operator", "no listener has handled a fact of it: it is on its queues, or lost", began)
    return Purchase(root, None, frozenset({root}), journals, tree, () if forgotten else (lost,), owner)


def _is_of_the_catalogue(tree: Timeline) -> bool:
    own = [told for told in tree.told if told.envelope.get("correlationid") == tree.purchase]
    return bool(own) and all(told.is_of_the_catalogue for told in own)


def _reservations(journals: Mapping[str, Journal], correlations: Collection[str]) -> frozenset[str]:
    envelopes = (envelope for journal in journals.values() for envelope in journal.envelopes)
    data = (envelope.get("data") for envelope in envelopes if envelope.get("correlationid") in correlations)
    return frozenset(value for payload in data for value in named(payload, "reservation_id"))


def named(payload: Any, field: str) -> Iterator[str]:
    """Every value that a payload has under a field of this name, however deep."""
    if isinstance(payload, dict):
        for name, value in payload.items():
            if name == field:
                yield str(value)
            else:
                yield from named(value, field)
    elif isinstance(payload, list):
        for value in payload:
            yield from named(value, field)


def _missing(journals: Mapping[str, Journal], own: Collection[str]) -> Iterator[UUID]:
    """Messages of other correlations that belong to the story: causes of what is known, and what was told to others."""
    known = {handled.envelope["id"] for journal in journals.values() for handled in journal.handled}
    for envelope in (e for journal in journals.values() for e in journal.envelopes):
        cause = envelope.get("causationid")
        if cause is not None and cause not in known:
            yield UUID(cause)
    for journal in journals.values():
        for handled in journal.handled:
            if handled.envelope.get("correlationid") in own:
                for envelope in handled.emitted:
                    if envelope["correlationid"] not in own and envelope["id"] not in known:
                        yield UUID(envelope["id"])


def _merged(one: Mapping[str, Journal], other: Mapping[str, Journal]) -> dict[str, Journal]:
    return {name: joined(*(part[name] for part in (one, other) if name in part)) for name in one.keys() | other.keys()}
