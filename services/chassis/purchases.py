"""A service's purchases, newest first, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Column, Table, select

from services.chassis.database import Database, among
from services.chassis.service import Service

_COLUMNS = ("id", "event_id", "status", "reason", "created_at", "order_id")


class Purchase(BaseModel):
    """Where a purchase stands. ``at_rest``: nothing is owed any more, unless a message is still under way."""

    id: UUID
    event_id: UUID | None
    status: str
    reason: str | None
    created_at: datetime
    order_id: UUID | None = None
    at_rest: bool


class PurchasePage(BaseModel):
    """A page; ``next`` is the cursor of the page after it, None on the last one."""

    items: list[Purchase]
    next: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which purchases: those with these ids; or else all that fit and are nobody's part, made before ``before``."""

    ids: Sequence[UUID] = ()
    since: datetime | None = None
    state: str | None = None
    event_id: UUID | None = None
    before: UUID | None = None
    limit: int = 50


def purchase_columns(table: Table) -> list[Column[Any]]:
    """The columns of a purchase, as far as the table has them."""
    return [table.c[name] for name in _COLUMNS if name in table.c]


async def read_purchases(database: Database, service: Service, wanted: Wanted) -> PurchasePage:
    """A page of the service's purchases; an empty one of a service that has none. Raises Unavailable."""
    if service.purchases is None:
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
        query = query.where(table.c.created_at >= wanted.since)
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
