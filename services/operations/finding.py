"""Finding purchases in a running system: one by any of its ids, or those that fit."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.chassis.journal import Journal
from services.chassis.purchases import Purchase as Row
from services.operations.dead_letters import DeadLetter
from services.operations.desk import Desk
from services.operations.errors import Trouble
from services.operations.journals import Journals, Silent
from services.operations.purchases import Purchase, gather
from services.operations.timeline import Dead, Seen

_LISTING = ("order", "reservation")
"""The services that know purchases; the first one that has a row says where its purchase stands."""

_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which purchases to list, newest first. ``stuck_for``: those that a worker should have carried on so long ago."""

    since: datetime | None = None
    state: str | None = None
    event_id: UUID | None = None
    stuck_for: timedelta | None = None
    limit: int = _PAGE


async def find_purchase(desk: Desk, any_id: UUID, now: datetime) -> Purchase:
    """The purchase that has this order, reservation, payment, issued ticket or message. Raises Trouble."""
    journals = journals_of(desk)
    root, row = await _root(journals, any_id)
    (found,) = await gather(journals, {root: row}, now, silent=journals.silent)
    return found.after(await _look(desk, found.undecided), now)


async def list_purchases(desk: Desk, wanted: Filter, now: datetime) -> AsyncIterator[Purchase]:
    """The purchases that fit, newest first. Raises Trouble."""
    journals = journals_of(desk)
    shown = 0
    async for rows in _pages(journals, wanted):
        for purchase in await purchases_of(desk, rows, now):
            if wanted.stuck_for is None or any(wait.is_stuck(now, wanted.stuck_for) for wait in purchase.waits):
                yield purchase
                shown += 1
                if shown == wanted.limit:
                    return


async def purchases_of(desk: Desk, rows: Sequence[Row], now: datetime) -> list[Purchase]:
    """The purchases that these rows tell of, in their order. Raises Trouble."""
    journals = journals_of(desk)
    found = await gather(journals, {str(row.id): row for row in rows}, now, silent=journals.silent)
    seen = await _look(desk, frozenset().union(*(purchase.undecided for purchase in found)))
    return [purchase.after(seen, now) for purchase in found]


def journals_of(desk: Desk) -> Journals:
    """The journals of the desk's system. Raises Trouble where nobody has said where they are."""
    if desk.journals is None:
        raise Trouble(
            "The services' own URLs and the operators' secret have to be known: name a laptop's system by --state, or "
            "set BILHETAGEM_SERVICE_URLS (such as http://{service}:8000) and BILHETAGEM_OPERATORS_SECRET."
        )
    return desk.journals


async def _root(journals: Journals, any_id: UUID) -> tuple[str, Row | None]:
    if found := await _row(journals, any_id):
        return found
    known = await journals.about({str(any_id)}, {any_id})
    if correlation := _correlation(known):
        return await _row(journals, UUID(correlation)) or (correlation, None)
    if order := await _order_of_ticket(journals, any_id):
        return await _row(journals, order) or (str(order), None)
    silent = f" {', '.join(sorted(journals.silent))} did not answer." if journals.silent else ""
    raise Trouble(
        f"No service knows {any_id}.{silent} What no worker has handled yet exists only in its queue: "
        f"bilhetagem queues peek order-new --correlation {any_id} (or reservation-new) shows whether it is there."
    )


async def _row(journals: Journals, row_id: UUID) -> tuple[str, Row | None] | None:
    for service in _LISTING:
        try:
            page = await journals.purchases(service, ids=[row_id])
        except Silent:
            journals.silent.add(service)
            continue
        for row in page.items:
            if row.order_id is not None:
                return await _row(journals, row.order_id) or (str(row.order_id), None)
            return str(row.id), row
    return None


def _correlation(known: dict[str, Journal]) -> str | None:
    for journal in known.values():
        for envelope in journal.envelopes:
            if "correlationid" in envelope:
                return str(envelope["correlationid"])
    return None


async def _order_of_ticket(journals: Journals, ticket_id: UUID) -> UUID | None:
    try:
        return await journals.order_of_ticket(ticket_id)
    except Silent:
        journals.silent.add("ticket")
        return None


async def _pages(journals: Journals, wanted: Filter) -> AsyncIterator[Sequence[Row]]:
    """Pages of rows, newest first, of all services that list purchases: ids are time-ordered, so theirs interleave."""
    heads: dict[str, list[Row]] = {service: [] for service in _LISTING}
    cursors: dict[str, UUID | None] = dict.fromkeys(_LISTING)
    ended: set[str] = set()
    while True:
        for service in _LISTING:
            if not heads[service] and service not in ended:
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
