"""Finding purchases in a running system: one by any of its ids, or those that fit."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.chassis.ids import minted_at
from services.chassis.journal import Journal
from services.chassis.purchases import Purchase as Row
from services.chassis.purchases import PurchasePage
from services.operations.dead_letters import DeadLetter
from services.operations.desk import Desk
from services.operations.errors import BadInput, Trouble
from services.operations.journals import NOT_KNOWN, Journals, Silent
from services.operations.purchases import STATES, Purchase, gather, unheard
from services.operations.timeline import Dead, Seen

_LISTING = ("order", "reservation")
"""The services that know purchases; the first one that has a row says where its purchase stands."""

_OWING = (*_LISTING, "payment")
"""The services whose rows say that a purchase is under way: a refund is owed when the order is over already."""

_PAGE = 50

MOST_UNDER_WAY = 1_000
"""Of so many purchases under way the journals are read to tell which are stuck; the oldest ones, of every service."""

_MOST_ON_A_PAGE = 200

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Before any purchase."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which purchases to list. ``stuck_for``: those that a worker should have carried on so long ago, of those that are
    under way: a service's own row says that something is owed, an outbox holds a message for too long, or a message is
    a dead letter (where a look changes nothing). Raises BadInput for a state that there is not.
    """

    since: datetime | None = None
    state: str | None = None
    event_id: UUID | None = None
    stuck_for: timedelta | None = None
    limit: int = _PAGE

    def __post_init__(self) -> None:
        if self.state is not None and self.state not in STATES:
            raise BadInput(f"{self.state!r} is no state of a purchase: it is one of {', '.join(STATES)}.")


@dataclass(frozen=True)
class Listed:
    """Purchases that fit. ``looked_at_all`` is False where more are under way than ``MOST_UNDER_WAY``: only the oldest
    ones were looked at.
    """

    purchases: Sequence[Purchase]
    looked_at_all: bool = True


async def find_purchase(desk: Desk, any_id: UUID, now: datetime) -> Purchase:
    """The purchase that has this order, reservation, payment, issued ticket or message; of a row of the catalogue, what
    became of its facts. Raises Trouble.
    """
    journals = journals_of(desk)
    found = await _root(journals, any_id)
    if found is None:
        return await _catalogue_row(journals, any_id, now)
    root, row = found
    (purchase,) = await gather(journals, {root: row}, now, silent=journals.silent)
    return purchase.after(await _look(desk, purchase.undecided), now)


async def list_purchases(desk: Desk, wanted: Filter, now: datetime) -> Listed:
    """The purchases that fit: newest first, or of those that are stuck the oldest first. Raises Silent where nobody
    answers who could list them, and Trouble.
    """
    journals = journals_of(desk)
    if wanted.stuck_for is not None:
        listed = await _stuck(desk, wanted, wanted.stuck_for, now)
    else:
        found: list[Purchase] = []
        async for rows in _pages(journals, wanted):
            found += await purchases_of(desk, rows[: wanted.limit - len(found)], now)
            if len(found) == wanted.limit:
                break
        listed = Listed(found)
    if journals.silent >= set(_LISTING):
        raise Silent(f"{', '.join(sorted(journals.silent))} did not answer: nobody else can list purchases.")
    return listed


async def _stuck(desk: Desk, wanted: Filter, stuck_for: timedelta, now: datetime) -> Listed:
    ids, more = await _under_way(desk, wanted, now - stuck_for)
    found: list[Purchase] = []
    for start in range(0, len(ids), _PAGE):
        roots = await _roots(journals_of(desk), ids[start : start + _PAGE])
        found += [
            purchase
            for purchase in await _gathered(desk, roots, now)
            if any(wait.is_stuck(now, stuck_for) for wait in purchase.waits) and wanted.state in {None, purchase.state}
        ]
        if len(found) >= wanted.limit:
            break
    return Listed(found[: wanted.limit], looked_at_all=not more)


async def purchases_of(desk: Desk, rows: Sequence[Row], now: datetime) -> list[Purchase]:
    """The purchases that these rows tell of, in their order. Raises Trouble."""
    return await _gathered(desk, {str(row.id): row for row in rows}, now)


async def _gathered(desk: Desk, roots: Mapping[str, Row | None], now: datetime) -> list[Purchase]:
    journals = journals_of(desk)
    found = await gather(journals, roots, now, silent=journals.silent)
    seen = await _look(desk, frozenset().union(*(purchase.undecided for purchase in found)))
    return [purchase.after(seen, now) for purchase in found]


def journals_of(desk: Desk) -> Journals:
    """The journals of the desk's system. Raises Trouble where nobody has said where they are."""
    if desk.journals is None:
        raise Trouble(NOT_KNOWN)
    return desk.journals


async def _root(journals: Journals, any_id: UUID) -> tuple[str, Row | None] | None:
    """The purchase's own id, and the row that says where it stands. None: nobody has heard of the id."""
    if found := await _row(journals, any_id):
        return found
    known = await journals.about({str(any_id)}, {any_id})
    if correlation := _correlation(known):
        return await _row(journals, UUID(correlation)) or (correlation, None)
    with _heard(journals, "ticket"):
        if order := await journals.order_of_ticket(any_id):
            return await _row(journals, order) or (str(order), None)
    if correlation := await journals.correlation_of(any_id):
        return await _row(journals, UUID(correlation)) or (correlation, None)
    return None


async def _catalogue_row(journals: Journals, row_id: UUID, now: datetime) -> Purchase:
    if owner := await journals.owner_of(row_id):
        return unheard(row_id, owner, await journals.about({str(row_id)}), now, journals.silent)
    silent = f" {', '.join(sorted(journals.silent))} did not answer." if journals.silent else ""
    raise Trouble(
        f"No service knows {row_id}.{silent} What no worker has handled yet exists only in its queue: "
        f"bilhetagem queues peek order-new --correlation {row_id} (or reservation-new) shows whether it is there. "
        "What is not there either is lost, and whoever asked for it has to ask again."
    )


async def _row(journals: Journals, row_id: UUID) -> tuple[str, Row | None] | None:
    """The purchase with an order's id; with a reservation's, that of the order it is, or was, meant for."""
    for row in await _rows(journals, [row_id], ("order",)):
        return str(row.id), row
    for row in await _rows(journals, [row_id], ("reservation",)):
        order = row.order_id
        if order is None:
            with _heard(journals, "order"):
                order = await journals.order_of_reservation(row_id)
        if order is None:
            return str(row.id), row
        return str(order), next(iter(await _rows(journals, [order], ("order",))), None)
    return None


async def _rows(journals: Journals, ids: Sequence[UUID], services: Sequence[str] = _LISTING) -> list[Row]:
    """The rows with these ids, in their order: an order's before a reservation's."""
    found: dict[UUID, Row] = {}
    for service in services:
        if missing := [row_id for row_id in ids if row_id not in found]:
            with _heard(journals, service):
                page = await journals.purchases(service, ids=missing)
                found.update((row.id, row) for row in page.items)
    return [found[row_id] for row_id in ids if row_id in found]


async def _roots(journals: Journals, ids: Sequence[UUID]) -> dict[str, Row | None]:
    """The purchases with these ids, and the rows that say where they stand: none, where no service has one, or none any
    more. A reservation that belongs to an order stands for that.
    """
    rows = {row.id: row for row in await _rows(journals, ids)}
    wholes = [(row.order_id if (row := rows.get(each)) else None) or each for each in ids]
    unread = [each for each in wholes if each not in ids]
    rows.update((row.id, row) for row in await _rows(journals, unread, ("order",)))
    return {str(each): rows.get(each) for each in wholes}


@contextmanager
def _heard(journals: Journals, service: str) -> Iterator[None]:
    """Go on without a service that does not answer, and note it."""
    try:
        yield
    except Silent:
        journals.silent.add(service)


def _correlation(known: dict[str, Journal]) -> str | None:
    for journal in known.values():
        for envelope in journal.envelopes:
            if "correlationid" in envelope:
                return str(envelope["correlationid"])
    return None


async def _pages(journals: Journals, wanted: Filter) -> AsyncIterator[Sequence[Row]]:
    """Pages of rows, newest first, of all services that list purchases: ids are time-ordered, so theirs interleave."""
    heads: dict[str, list[Row]] = {service: [] for service in _LISTING}
    cursors: dict[str, UUID | None] = dict.fromkeys(_LISTING)
    ended: set[str] = set()
    while True:
        for service in _LISTING:
            if heads[service] or service in ended:
                continue
            page = PurchasePage(items=[])
            with _heard(journals, service):
                page = await journals.purchases(
                    service,
                    since=wanted.since,
                    state=wanted.state,
                    event_id=wanted.event_id,
                    cursor=cursors[service],
                    limit=_PAGE,
                )
            heads[service], cursors[service] = list(page.items), page.next
            if page.next is None:
                ended.add(service)
        merged = sorted((row for rows in heads.values() for row in rows), key=lambda row: row.id, reverse=True)
        # What is older than the last row of an unfinished page may have newer ones of that service before it.
        bounds = [rows[-1].id for service, rows in heads.items() if rows and service not in ended]
        safe = [row for row in merged if not bounds or row.id >= max(bounds)]
        if not safe:
            return
        taken = {row.id for row in safe}
        heads = {service: [row for row in rows if row.id not in taken] for service, rows in heads.items()}
        yield safe


async def _under_way(desk: Desk, wanted: Filter, before: datetime) -> tuple[list[UUID], bool]:
    """Purchases under way that began before a moment, the oldest first; and whether there are more of them."""
    found, more = await _owed(journals_of(desk), wanted, before)
    found |= await _held_up(journals_of(desk), wanted, before)
    found |= await _given_up(desk, wanted, before)
    oldest = sorted(found)
    return oldest[:MOST_UNDER_WAY], more or len(oldest) > MOST_UNDER_WAY


async def _owed(journals: Journals, wanted: Filter, before: datetime) -> tuple[set[UUID], bool]:
    """By the services' rows."""
    found: set[UUID] = set()
    more = False
    for service in _OWING:
        cursor, seen = None, 0
        with _heard(journals, service):
            while seen < MOST_UNDER_WAY:
                page = await journals.under_way(
                    service,
                    since=wanted.since or _LONG_AGO,
                    before=before,
                    event_id=wanted.event_id,
                    cursor=cursor,
                    limit=_MOST_ON_A_PAGE,
                )
                found.update(page.items)
                seen, cursor = seen + len(page.items), page.next
                if cursor is None:
                    break
            else:
                more = True
    return found, more


async def _held_up(journals: Journals, wanted: Filter, before: datetime) -> set[UUID]:
    """By the services' outboxes, whatever became of a row."""
    found: set[UUID] = set()
    for service in journals.clients:
        with _heard(journals, service):
            since = wanted.since or _LONG_AGO
            found.update(
                await journals.held_up(
                    service, since=since, before=before, event_id=wanted.event_id, limit=MOST_UNDER_WAY
                )
            )
    return found


async def _given_up(desk: Desk, wanted: Filter, before: datetime) -> set[UUID]:
    """By dead letters, where a look changes nothing."""
    found: set[UUID] = set()
    for letter in await desk.dead_letters() if desk.access.peeks else ():
        message = letter.contents.envelope.message if letter.contents.envelope else None
        if message is None or not message.is_of_a_purchase():
            continue
        purchase = UUID(message.correlation)
        began = minted_at(purchase)
        is_meant = wanted.event_id is None or message.partition == str(wanted.event_id)
        if began is not None and (wanted.since or _LONG_AGO) <= began < before and is_meant:
            found.add(purchase)
    return found


async def _look(desk: Desk, queues: Collection[str]) -> Seen:
    """What the queues show of these messages, where a look changes nothing."""
    if not desk.access.peeks:
        return Seen()
    waiting: set[tuple[str, str]] = set()
    for queue in queues:
        for seen in await desk.access.look(queue):
            waiting.add((str(seen.contents.id), queue))
    dead = tuple(found for letter in await desk.dead_letters() if (found := _dead(letter)) is not None)
    return Seen(dead=dead, queues=frozenset(queues), waiting=frozenset(waiting))


def _dead(letter: DeadLetter) -> Dead | None:
    if letter.contents.id is None:
        return None
    return Dead(letter.contents.id, letter.queue.name, letter.reason, letter.error)
