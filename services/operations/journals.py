"""The operators' routes of the seven services, asked over HTTP: nobody reads another service's database."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode
from uuid import UUID

import httpx
from pydantic import BaseModel

from services.chassis.journal import Journal, joined
from services.operations.deployment import Deployment
from services.operations.errors import Trouble

if TYPE_CHECKING:  # where they stand, SQLAlchemy is needed too
    from services.chassis.purchases import PurchasePage, UnderWayPage
    from services.chassis.resending import Resend, Resent

NOT_KNOWN = (
    "The services' own URLs and the operators' secret have to be known: name a laptop's system by --state (of saga "
    "list by --folder), or set BILHETAGEM_SERVICE_URLS (such as http://{service}:8000) and BILHETAGEM_OPERATORS_SECRET."
)

_IDS_AT_ONCE = 100
"""A URL stays well below the 64 KB that servers take."""


class Source(Protocol):
    """Where journals come from."""

    async def about(
        self, correlations: Collection[str], messages: Collection[UUID] = (), services: Collection[str] | None = None
    ) -> dict[str, Journal]:
        """What each service knows of messages with these correlations or ids; services that are silent are absent."""


@dataclass(frozen=True)
class Journals:
    """The services of a running system, by name, each on its own port. Every method raises Trouble."""

    clients: Mapping[str, httpx.AsyncClient]
    silent: set[str]
    """The services that did not answer so far."""

    async def about(
        self, correlations: Collection[str], messages: Collection[UUID] = (), services: Collection[str] | None = None
    ) -> dict[str, Journal]:
        """See ``Source``. A service that does not answer is noted in ``silent``."""
        asked = [name for name in self.clients if services is None or name in services]
        parts = _parts(correlations, messages)
        answers = await asyncio.gather(*(self._ask(name, part) for name in asked for part in parts))
        found: dict[str, list[Journal]] = defaultdict(list)
        for journal in answers:
            if journal is not None:
                found[journal.service].append(journal)
        return {service: joined(*several) for service, several in found.items()}

    async def purchases(
        self,
        service: str,
        *,
        ids: Sequence[UUID] = (),
        since: datetime | None = None,
        state: str | None = None,
        event_id: UUID | None = None,
        cursor: UUID | None = None,
        limit: int = 50,
    ) -> "PurchasePage":
        """A page of a service's purchases, newest first; those with these ids, where some are given."""
        from services.chassis.purchases import PurchasePage

        wanted = {"since": since and since.isoformat(), "state": state, "event_id": event_id, "cursor": cursor}
        query = [(name, str(value)) for name, value in {**wanted, "limit": limit}.items() if value is not None]
        return await self._get(service, "/operations/purchases", PurchasePage, [*query, *(("id", str(i)) for i in ids)])

    async def under_way(
        self,
        service: str,
        *,
        since: datetime,
        before: datetime,
        event_id: UUID | None = None,
        cursor: UUID | None = None,
        limit: int = 50,
    ) -> "UnderWayPage":
        """A page of the purchases in which a service owes something, the oldest first."""
        from services.chassis.purchases import UnderWayPage

        wanted = {"since": since.isoformat(), "before": before.isoformat(), "event_id": event_id, "cursor": cursor}
        query = [(name, str(value)) for name, value in {**wanted, "limit": limit}.items() if value is not None]
        return await self._get(service, "/operations/under-way", UnderWayPage, query)

    async def order_of_ticket(self, ticket_id: UUID) -> UUID | None:
        """The order that an issued ticket belongs to, None when there is no such ticket."""
        answer = await self._send("ticket", "GET", f"/tickets/issued/{ticket_id}")
        return UUID(answer.json()["order_id"]) if answer.is_success else None

    async def resend(self, service: str, wanted: "Resend") -> "Resent":
        """Have a service send again."""
        from services.chassis.resending import Resent

        answer = await self._send(service, "POST", "/operations/resend", wanted.model_dump(mode="json"))
        return Resent.model_validate(_checked(service, answer).json())

    async def _ask(self, service: str, query: list[tuple[str, str]]) -> Journal | None:
        if service in self.silent:
            return None
        try:
            return await self._get(service, "/operations/journal", Journal, query)
        except Silent:
            self.silent.add(service)
            return None

    async def _get[Model: BaseModel](
        self, service: str, path: str, model: type[Model], query: list[tuple[str, str]]
    ) -> Model:
        answer = await self._send(service, "GET", f"{path}?{urlencode(query)}")
        return model.model_validate_json(_checked(service, answer).content)

    async def _send(self, service: str, method: str, path: str, body: object = None) -> httpx.Response:
        try:
            client = self.clients[service]
        except KeyError:
            raise Trouble(f"The {service} service's URL is not known.") from None
        try:
            return await client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise Silent(
                f"The {service} service does not answer at {client.base_url}: {type(error).__name__}. Does it run?"
            ) from None


class Silent(Trouble):
    """A service does not answer."""


def _checked(service: str, answer: httpx.Response) -> httpx.Response:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Trouble(f"The {service} service does not take the operators' secret: is BILHETAGEM_OPERATORS_SECRET its?")
    if not answer.is_success:
        raise Silent(f"The {service} service answered {answer.status_code}: {answer.text[:200]}")
    return answer


def _parts(correlations: Collection[str], messages: Collection[UUID]) -> list[list[tuple[str, str]]]:
    asked = [*(("correlation", one) for one in correlations), *(("message", str(one)) for one in messages)]
    return [asked[start : start + _IDS_AT_ONCE] for start in range(0, len(asked), _IDS_AT_ONCE)]


@asynccontextmanager
async def open_journals(deployment: Deployment) -> AsyncIterator[Journals]:
    """The journals of a running system. Raises Trouble when its services or the operators' secret are not known."""
    if not deployment.services or deployment.operators_secret is None:
        raise Trouble(NOT_KNOWN)
    headers = {"Authorization": f"Bearer {deployment.operators_secret}"}
    clients = {
        name: httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30)
        for name, url in deployment.services.items()
    }
    try:
        yield Journals(clients, set())
    finally:
        await asyncio.gather(*(client.aclose() for client in clients.values()))
