"""Journals of the simulated world, as the operators' routes of its services would tell them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.chassis.journal import Journal
from services.chassis.operations import handed_settings
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
