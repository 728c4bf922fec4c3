"""What the services did, read from their journals: the inbox table of each service's database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from contracts.message import message_types
from services.chassis.database import Database
from services.chassis.service import Service
from services.operations.settings import settings_of

_LATECOMERS = timedelta(seconds=5)
"""A row's time is read before its transaction commits: look back so far for rows that are new all the same."""


@dataclass(frozen=True)
class Reaction:
    """A message that a service handled, and what it emitted; ``correlation`` is what operators look it up by."""

    at: datetime
    service: str
    message: str
    emitted: tuple[str, ...]
    correlation: str


class Journals:
    """The journals of several services, read from now on."""

    def __init__(self, services: Iterable[Service], since: datetime) -> None:
        self._services = tuple(services)
        self._since = since
        self._seen: set[tuple[str, UUID]] = set()
        self._databases = {s.name: Database(settings_of(s).database_url_of(s.name)) for s in self._services}

    async def news(self) -> list[Reaction]:
        """What was handled since the last time, oldest first. Raises Unavailable."""
        found = [reaction for service in self._services for reaction in await self._of(service)]
        found.sort(key=lambda reaction: reaction.at)
        if found:
            self._since = max(self._since, found[-1].at - _LATECOMERS)
        return found

    async def close(self) -> None:
        """Close the databases."""
        for database in self._databases.values():
            await database.close()

    async def _of(self, service: Service) -> list[Reaction]:
        inbox = service.tables.inbox
        columns = (inbox.c.id, inbox.c.handled_at, inbox.c.type, inbox.c.correlation, inbox.c.emitted)
        query = select(*columns).where(inbox.c.handled_at >= self._since)
        async with self._databases[service.name].reading() as connection:
            rows = (await connection.execute(query)).all()
        new = [row for row in rows if (service.name, row.id) not in self._seen]
        self._seen.update((service.name, row.id) for row in new)
        return [
            Reaction(row.handled_at, service.name, _name(row.type), _names(row.emitted), row.correlation) for row in new
        ]


def _names(emitted: Collection[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(_name(envelope["type"]) for envelope in emitted)


def _name(type_name: str) -> str:
    message = message_types().get(type_name)
    return message.__name__ if message else type_name
