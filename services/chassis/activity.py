"""What a service has been doing: messages a minute, purchases by status, and those that are not over. For operators."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field
from sqlalchemy import func, select

from services.chassis.database import Database
from services.chassis.ids import uuid7
from services.chassis.purchase_reading import owes
from services.chassis.service import Service

_MINUTE = timedelta(minutes=1)


class Activity(BaseModel):
    """One service's doings. Purchases that are part of another one are not counted."""

    service: str
    handled: list[int]
    """Messages handled in each of the last minutes, the one that is under way last."""
    statuses: dict[str, int] = Field(default_factory=dict)
    """How many of the purchases that began since the moment asked for have each status."""
    under_way: int = 0
    """How many purchases are not at rest, whenever they began."""


async def read_activity(
    database: Database, service: Service, *, now: datetime, minutes: int, since: datetime
) -> Activity:
    """What the service did in the last ``minutes``; its purchases since a moment, and those under way. Raises
    Unavailable.
    """
    handled_at = service.tables.inbox.c.handled_at
    # Whole minutes, so that a bar stays what it is once its minute is over.
    last = now.replace(second=0, microsecond=0)
    starts = [last - _MINUTE * back for back in reversed(range(minutes))]
    counts = [func.count().filter(handled_at >= start, handled_at < start + _MINUTE) for start in starts]
    async with database.reading() as connection:
        handled = (await connection.execute(select(*counts).where(handled_at >= starts[0]))).one()
        activity = Activity(service=service.name, handled=list(handled))
        if service.purchases is None or not service.purchases.whole:
            return activity
        table = service.kinds[service.purchases.kind]
        whole = [table.c.order_id.is_(None)] if "order_id" in table.c else []
        by_status = (
            select(table.c.status, func.count())
            .where(table.c.id >= uuid7(since, 0), *whole)
            .group_by(table.c.status)
            .order_by(table.c.status)
        )
        open_ones = select(func.count()).select_from(table).where(owes(service, table), *whole)
        activity.statuses = {str(status): number for status, number in await connection.execute(by_status)}
        activity.under_way = (await connection.execute(open_ones)).scalar_one()
    return activity
