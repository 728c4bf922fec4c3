"""What the services did with the buyers' messages, asked of their journals as an operator asks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.message import message_types
from services.operations.journals import Journals

_SERVICES = ("reservation", "order", "product", "payment", "ticket")


@dataclass(frozen=True)
class Reaction:
    """A message that a service handled, and what it emitted; ``correlation`` is what operators look it up by."""

    at: datetime
    service: str
    message: str
    emitted: tuple[str, ...]
    correlation: str


class News:
    """What was not told before of what the journals hold."""

    def __init__(self, journals: Journals) -> None:
        self._journals = journals
        self._told: set[tuple[str, str]] = set()

    async def about(self, correlations: Collection[str]) -> list[Reaction]:
        """What was handled since the last time, oldest first. Raises Trouble."""
        if not correlations:
            return []
        journals = await self._journals.about(correlations, services=_SERVICES)
        new = [
            (service, handled)
            for service, journal in journals.items()
            for handled in journal.handled
            if (service, handled.envelope["id"]) not in self._told
        ]
        self._told.update((service, handled.envelope["id"]) for service, handled in new)
        reactions = [
            Reaction(
                handled.handled_at,
                service,
                _name(handled.envelope),
                tuple(map(_name, handled.emitted)),
                handled.envelope["correlationid"],
            )
            for service, handled in new
        ]
        return sorted(reactions, key=lambda reaction: reaction.at)


def _name(envelope: dict[str, Any]) -> str:
    message = message_types().get(envelope["type"])
    return message.__name__ if message else str(envelope["type"])
