"""Journals of the simulated world, as the operators' routes of its services would tell them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.chassis.journal import Journal
from services.chassis.operations import handed_settings
from services.chassis.purchases import Purchase as Row
from services.chassis.purchases import PurchasePage
from services.chassis.service import Service
from services.order.domain import Order
from services.order.service import order
from services.reservation.service import reservation
from services.ticket.domain import Ticket
from tests.saga.world import World


@dataclass(frozen=True)
class WorldJournals:
    """Fulfils ``services.operations.journals.Source`` over a world."""

    world: World

    async def about(
        self, correlations: Collection[str], messages: Collection[UUID] = (), services: Collection[str] | None = None
    ) -> dict[str, Journal]:
        """What each service knows of messages with these correlations or ids."""
        found = self.now(correlations, messages)
        return {name: journal for name, journal in found.items() if services is None or name in services}

    def now(self, correlations: Collection[str], messages: Collection[UUID] = ()) -> dict[str, Journal]:
        """The same, of all services, for somebody who cannot wait for it."""
        wanted = set(correlations), {str(message) for message in messages}
        return {name: self._of(name, *wanted) for name in self.world.stores}

    def _of(self, name: str, correlations: set[str], messages: set[str]) -> Journal:
        settings = handed_settings(self.world.logic[name].ports) if name in self.world.logic else {}
        whole = self.world.stores[name].journal(name, settings)

        def about(envelope: dict[str, object]) -> bool:
            return envelope.get("correlationid") in correlations or envelope["id"] in messages

        return whole.model_copy(
            update={
                "handled": [one for one in whole.handled if about(one.envelope)],
                "failed": [one for one in whole.failed if about(one.envelope)],
                "unsent": [one for one in whole.unsent if about(one.envelope)],
            }
        )


def rows(world: World) -> dict[str, Row]:
    """Where the world's purchases stand: its orders, and its reservations without one."""
    return {str(row.id): row for service in (order, reservation) for row in _rows(world, service) if not row.order_id}


def _rows(world: World, service: Service) -> Iterator[Row]:
    assert service.purchases is not None
    for row in world.stores[service.name].of(service.purchases.kind):
        yield Row(
            id=row.id,
            event_id=row.event_id,
            status=row.status,
            reason=row.reason,
            created_at=row.created_at,
            order_id=getattr(row, "order_id", None),
            at_rest=row.status in service.purchases.at_rest,
        )


@dataclass(frozen=True)
class WorldServices(WorldJournals):
    """Stands where ``services.operations.journals.Journals`` would, over a world."""

    silent: set[str] = field(default_factory=set)

    async def purchases(self, service: str, *, ids: Sequence[UUID]) -> PurchasePage:
        """Those with these ids."""
        declared = order if service == "order" else reservation
        return PurchasePage(items=[row for row in _rows(self.world, declared) if row.id in ids])

    async def correlation_of(self, message_id: UUID) -> str | None:
        """The correlation of a message that was emitted."""
        journals = await self.about({str(row.id) for each in (order, reservation) for row in _rows(self.world, each)})
        emitted = [one for journal in journals.values() for handled in journal.handled for one in handled.emitted]
        return next((str(one["correlationid"]) for one in emitted if one["id"] == str(message_id)), None)

    async def order_of_ticket(self, ticket_id: UUID) -> UUID | None:
        """The order of an issued ticket."""
        return next((each.order_id for each in self.world.stores["ticket"].of(Ticket) if each.id == ticket_id), None)

    async def owner_of(self, row_id: UUID) -> str | None:
        """Nobody: of its catalogue, a world has the facts only."""
        return None

    async def order_of_reservation(self, reservation_id: UUID) -> UUID | None:
        """The newest order that asked for a reservation."""
        orders = self.world.stores["order"].of(Order)
        asking = (each.id for each in orders if any(item.reservation_id == reservation_id for item in each.items))
        return max(asking, default=None)


@dataclass(frozen=True)
class Shortened:
    """Fulfils ``Source``: what another one tells, as if these messages had not been handled by these services, nor
    anything that followed from it.
    """

    whole: Mapping[str, Journal]
    lost: Collection[tuple[str, str]]

    async def about(
        self, correlations: Collection[str], messages: Collection[UUID] = (), services: Collection[str] | None = None
    ) -> dict[str, Journal]:
        """What is left."""
        gone = set(self.lost)
        emitted = {
            (name, handled.envelope["id"]): [envelope["id"] for envelope in handled.emitted]
            for name, journal in self.whole.items()
            for handled in journal.handled
        }
        fresh = list(gone)
        while fresh:
            never = {message_id for one in fresh for message_id in emitted.get(one, ())}
            fresh = [key for key in emitted if key[1] in never and key not in gone]
            gone.update(fresh)
        return {
            name: journal.model_copy(
                update={"handled": [one for one in journal.handled if (name, one.envelope["id"]) not in gone]}
            )
            for name, journal in self.whole.items()
        }
