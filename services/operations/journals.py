"""The operators' routes of the seven services, asked over HTTP: nobody reads another service's database."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from services.chassis.journal import Journal, joined
from services.chassis.purchases import HeldUp, PurchasePage, UnderWayPage
from services.chassis.resends import Resend, Resent
from services.operations.client import ApiError, Bilhetagem, Refused
from services.operations.client.answers import Pending
from services.operations.deployment import Deployment
from services.operations.errors import Trouble

NOT_KNOWN = (
    "The services' own URLs and the operators' secret have to be known: name a laptop's system by --state (of saga "
    "list by --folder), or set BILHETAGEM_SERVICE_URLS (such as http://{service}:8000) and BILHETAGEM_OPERATORS_SECRET."
)

_IDS_AT_ONCE = 100
"""A URL stays well below the 64 KB that servers take."""


_CATALOGUES = {"user": "users", "event": "events", "ticket": "tickets"}
"""Who owns catalogue rows whose facts others hear, and where they stand."""


class _Emitted(BaseModel):
    """As much of an envelope as leads to its purchase."""

    correlationid: str


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
    """The services that did not answer so far, and are not asked again."""

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

    async def correlation_of(self, message_id: UUID) -> str | None:
        """The correlation of a message that some service emitted lately, though nobody may have handled it."""
        answers = await asyncio.gather(*(self._emitted(service, message_id) for service in self.clients))
        return next((envelope.correlationid for envelope in answers if envelope is not None), None)

    async def _emitted(self, service: str, message_id: UUID) -> _Emitted | None:
        try:
            answer = await self._send(service, "GET", f"/operations/emitted/{message_id}")
            return None if answer.status_code == httpx.codes.NOT_FOUND else _read(service, answer, _Emitted)
        except Silent:
            self.silent.add(service)
            return None

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
    ) -> PurchasePage:
        """A page of a service's purchases, newest first; those with these ids, where some are given."""
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
    ) -> UnderWayPage:
        """A page of the purchases in which a service owes something, the oldest first."""
        wanted = {"since": since.isoformat(), "before": before.isoformat(), "event_id": event_id, "cursor": cursor}
        query = [(name, str(value)) for name, value in {**wanted, "limit": limit}.items() if value is not None]
        return await self._get(service, "/operations/under-way", UnderWayPage, query)

    async def held_up(
        self, service: str, *, since: datetime, before: datetime, event_id: UUID | None = None, limit: int = 1_000
    ) -> list[UUID]:
        """Purchases, or reservations of some, with a message that a service's outbox should not have any more."""
        wanted = {"since": since.isoformat(), "before": before.isoformat(), "event_id": event_id, "limit": limit}
        query = [(name, str(value)) for name, value in wanted.items() if value is not None]
        return (await self._get(service, "/operations/held-up", HeldUp, query)).items

    async def order_of_ticket(self, ticket_id: UUID) -> UUID | None:
        """The order that an issued ticket belongs to, None when there is no such ticket."""
        async with self._api("ticket") as api:
            try:
                return (await api.issued_ticket(ticket_id)).order_id
            except Refused:
                return None

    async def owner_of(self, row_id: UUID) -> str | None:
        """The service whose catalogue has a row with this id, be it of a buyer who was erased; None when none has."""
        for service, collection in _CATALOGUES.items():
            try:
                answer = await self._send(service, "GET", f"/{collection}/{row_id}")
            except Silent:
                self.silent.add(service)
                continue
            if answer.is_success or answer.status_code == httpx.codes.GONE:
                return service
        return None

    async def order_of_reservation(self, reservation_id: UUID) -> UUID | None:
        """The newest of its buyer's orders that asked for a reservation, None when none did. A reservation itself names
        an order only as long as it has its seats.
        """
        async with self._api("reservation") as api:
            try:
                reservation = await api.reservation(reservation_id)
            except Refused:
                return None
        if isinstance(reservation, Pending):
            return None
        newest = None
        async with self._api("order") as api:
            async for order in api.orders(user_id=reservation.user_id):
                if any(item.reservation_id == reservation_id for item in order.items):
                    newest = order.id
        return newest

    async def resend(self, service: str, wanted: Resend) -> Resent:
        """Have a service send again."""
        answer = await self._send(service, "POST", "/operations/resend", wanted.model_dump(mode="json"))
        return _read(service, answer, Resent)

    async def _ask(self, service: str, query: list[tuple[str, str]]) -> Journal | None:
        try:
            return await self._get(service, "/operations/journal", Journal, query)
        except Silent:
            self.silent.add(service)
            return None

    async def _get[Model: BaseModel](
        self, service: str, path: str, model: type[Model], query: list[tuple[str, str]]
    ) -> Model:
        answer = await self._send(service, "GET", f"{path}?{urlencode(query)}")
        return _read(service, answer, model)

    async def _send(self, service: str, method: str, path: str, body: object = None) -> httpx.Response:
        with self._speaking_to(service) as client:
            return await client.request(method, path, json=body)

    @asynccontextmanager
    async def _api(self, service: str) -> AsyncIterator[Bilhetagem]:
        """A service's own part of the clients' API."""
        with self._speaking_to(service) as client:
            try:
                yield Bilhetagem(client)
            except ApiError as error:
                raise Silent(f"The {service} service: {error}") from error

    @contextmanager
    def _speaking_to(self, service: str) -> Iterator[httpx.AsyncClient]:
        if service not in self.clients:
            raise Trouble(f"The {service} service's URL is not known.")
        client = self.clients[service]
        if service in self.silent:  # one that hangs takes half a minute each time
            raise Silent(f"The {service} service does not answer at {client.base_url}. Does it run?")
        try:
            yield client
        except httpx.TransportError as error:
            raise Silent(
                f"The {service} service does not answer at {client.base_url}: {type(error).__name__}. Does it run?"
            ) from None


class Silent(Trouble):
    """A service does not answer, or not as a service of ours does."""


def _read[Model: BaseModel](service: str, answer: httpx.Response, model: type[Model]) -> Model:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Trouble(f"The {service} service does not take the operators' secret: is BILHETAGEM_OPERATORS_SECRET its?")
    if not answer.is_success:
        raise Silent(f"The {service} service answered {answer.status_code}: {answer.text[:200]}")
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        raise Silent(f"What answers at {answer.url} is not the {service} service of this release.") from None


def _parts(correlations: Collection[str], messages: Collection[UUID]) -> list[list[tuple[str, str]]]:
    asked = [*(("correlation", one) for one in correlations), *(("message", str(one)) for one in messages)]
    return [asked[start : start + _IDS_AT_ONCE] for start in range(0, len(asked), _IDS_AT_ONCE)]


@asynccontextmanager
async def open_journals(deployment: Deployment) -> AsyncIterator[Journals]:
    """The journals of a running system. Raises Trouble when its services or the operators' secret are not known."""
    if not deployment.services or deployment.operators_secret is None:
        raise Trouble(NOT_KNOWN)
    headers = {"Authorization": f"Bearer {deployment.operators_secret}"}
    # Reading the authorities' certificates takes 50 ms of CPU: once for all seven.
    tls = httpx.create_ssl_context(trust_env=False)
    clients = {
        name: httpx.AsyncClient(base_url=url, headers=headers, verify=tls, trust_env=False, timeout=30)
        for name, url in deployment.services.items()
    }
    try:
        yield Journals(clients, set())
    finally:
        await asyncio.gather(*(client.aclose() for client in clients.values()))
