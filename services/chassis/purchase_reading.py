"""A service's purchases, read from its database: a list, those that are under way, those that its outbox holds up."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, or_, select

from contracts.message import message_types
from services.chassis.database import Database, among
from services.chassis.ids import uuid7
from services.chassis.purchases import HeldUp, Purchase, PurchasePage, UnderWayPage, Unsettled, Wanted
from services.chassis.service import Service

_COLUMNS = ("id", "event_id", "status", "reason", "created_at", "order_id")


def purchase_columns(table: Table) -> list[Column[Any]]:
    """The columns of a purchase, as far as the table has them."""
    return [table.c[name] for name in _COLUMNS if name in table.c]


async def read_purchases(database: Database, service: Service, wanted: Wanted) -> PurchasePage:
    """A page of the service's purchases; an empty one of a service that has none. Raises Unavailable."""
    if service.purchases is None or not service.purchases.whole:
        return PurchasePage(items=[])
    table = service.kinds[service.purchases.kind]
    query = select(*purchase_columns(table)).order_by(table.c.id.desc())
    if wanted.ids:
        query = query.where(among(table.c.id, wanted.ids, database.dialect))
    else:
        query = query.limit(wanted.limit + 1)
        if "order_id" in table.c:
            query = query.where(table.c.order_id.is_(None))
    if wanted.since is not None:
        query = query.where(table.c.id >= uuid7(wanted.since, 0))
    if wanted.state is not None:
        query = query.where(table.c.status == wanted.state)
    if wanted.event_id is not None:
        query = query.where(table.c.event_id == wanted.event_id)
    if wanted.before is not None:
        query = query.where(table.c.id < wanted.before)
    async with database.reading() as connection:
        rows = list(await connection.execute(query))
    at_rest = service.purchases.at_rest
    items = [Purchase.model_validate({**row._mapping, "at_rest": row.status in at_rest}) for row in rows]
    full = not wanted.ids and len(items) > wanted.limit
    return PurchasePage(
        items=items[: wanted.limit] if full else items, next=items[wanted.limit - 1].id if full else None
    )


async def read_under_way(database: Database, service: Service, wanted: Unsettled) -> UnderWayPage:
    """A page of purchases in which the service owes something, the oldest first, parts of others named by their whole.
    Raises Unavailable.
    """
    if service.purchases is None:
        return UnderWayPage(items=[])
    table = service.kinds[service.purchases.kind]
    query = (
        select(table)
        .where(owes(service, table), table.c.id >= uuid7(wanted.since, 0), table.c.id < uuid7(wanted.before, 0))
        .order_by(table.c.id)
        .limit(wanted.limit)
    )
    if wanted.event_id is not None:
        query = query.where(table.c.event_id == wanted.event_id)
    if wanted.after is not None:
        query = query.where(table.c.id > wanted.after)
    async with database.reading() as connection:
        rows = list(await connection.execute(query))
    wholes = [row._mapping.get("order_id") or row.id for row in rows]
    return UnderWayPage(items=list(dict.fromkeys(wholes)), next=rows[-1].id if len(rows) == wanted.limit else None)


async def read_held_up(database: Database, service: Service, wanted: Unsettled) -> HeldUp:
    """Purchases with a message in the service's outbox that should not be there any more: it is parked, or was due
    before ``wanted.before``. Whatever their rows say: one may have been lost, and a message may wait for it. Raises
    Unavailable.
    """
    outbox = service.tables.outbox.c
    types = [name for name, message in message_types().items() if message.is_of_a_purchase()]
    # Both are UUIDv7: texts of one length, in the order of their times.
    began = (outbox.correlation >= str(uuid7(wanted.since, 0)), outbox.correlation < str(uuid7(wanted.before, 0)))
    query = (
        select(outbox.correlation)
        .where(*began, outbox.type.in_(types), or_(outbox.waits_for.is_not(None), outbox.send_at < wanted.before))
        .distinct()
        .order_by(outbox.correlation)
        .limit(wanted.limit)
    )
    if wanted.event_id is not None:
        query = query.where(outbox.group == str(wanted.event_id))
    async with database.reading() as connection:
        return HeldUp(items=[UUID(each) for each in (await connection.execute(query)).scalars()])


def owes(service: Service, table: Table) -> ColumnElement[bool]:
    """A row of the service's purchases says that something is owed."""
    assert service.purchases is not None
    statuses: Any = table.c.status.type
    return table.c.status.in_(sorted({*statuses.enums} - service.purchases.at_rest))
