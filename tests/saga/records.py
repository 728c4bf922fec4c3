"""Journals of the simulated world, as the operators' routes of its services would tell them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from services.chassis.journal import Journal
from services.chassis.operations import handed_settings
from services.chassis.purchases import Purchase as Row
from services.order.service import order
from services.reservation.service import reservation
from tests.saga.world import World


@dataclass(frozen=True)
class WorldJournals:
    """Fulfils ``services.operations.journals.Source`` over a world."""

    world: World

    async def about(
        self, correlations: Collection[str], messages: Collection[UUID] = (), services: Collection[str] | None = None
    ) -> dict[str, Journal]:
        """What each service knows of messages with these correlations or ids."""
        names = [name for name in self.world.stores if services is None or name in services]
        return {name: self._of(name, set(correlations), {str(message) for message in messages}) for name in names}

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
    found = {}
    for name, service in (("order", order), ("reservation", reservation)):
        assert service.purchases is not None
        for row in world.stores[name].of(service.purchases.kind):
            if getattr(row, "order_id", None) is None:
                found[str(row.id)] = Row(
                    id=row.id,
                    event_id=row.event_id,
                    status=row.status,
                    reason=row.reason,
                    created_at=row.created_at,
                    at_rest=row.status in service.purchases.at_rest,
                )
    return found


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
