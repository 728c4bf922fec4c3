"""What a service did, as it tells operators: messages that it handled, tries that failed, messages not sent yet.

Nothing here holds personal data: the journal was written without it, and what waits in the outbox is shown without.
"""

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from contracts.message import Envelope, UnknownType
from services.chassis.decision import RETENTION


class Handled(BaseModel):
    """A message that was handled. Of two with one ``handled_at``, the lower ``position`` was handled first."""

    envelope: dict[str, Any]
    outcome: str
    handled_at: datetime
    position: int
    effect: dict[str, Any] | None
    read: list[dict[str, Any]]
    """The shared rows that decided, as read: kind, id, and columns by name, None for a row that was not there."""
    emitted: list[dict[str, Any]]
    """The envelopes that followed; a timer's says when it is ``due``."""
    repeats: int
    """How often the message came again, and was dropped."""

    @property
    def key(self) -> Hashable:
        return str(self.envelope["id"])


class Failed(BaseModel):
    """A try that failed, the ``number``-th of its message."""

    envelope: dict[str, Any]
    number: int
    error: str
    place: str
    failed_at: datetime

    @property
    def key(self) -> Hashable:
        return self.envelope["id"], self.number


class Unsent(BaseModel):
    """An outbox row: a timer, a parked message (``waits_for`` says for what), or one on its way to ``queue``."""

    message_id: UUID
    envelope: dict[str, Any]
    queue: str
    send_at: datetime
    waits_for: str | None

    @property
    def key(self) -> Hashable:
        return self.message_id, self.queue, self.send_at


class Journal(BaseModel):
    """What one service knows of some messages, and for how long it remembers (``retention``: what is older is buried).
    ``settings`` are those that its handlers are handed now.
    """

    service: str
    handled: list[Handled] = Field(default_factory=list)
    failed: list[Failed] = Field(default_factory=list)
    unsent: list[Unsent] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)
    retention: timedelta = RETENTION

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        """The messages that it is about."""
        shown = [*(one.envelope for one in self.unsent), *(one.envelope for one in self.failed)]
        return [*shown, *(one.envelope for one in self.handled)]


def joined(*parts: Journal) -> Journal:
    """What several answers of one service tell together, everything once."""
    return parts[0].model_copy(
        update={
            "handled": _once(one for part in parts for one in part.handled),
            "failed": _once(one for part in parts for one in part.failed),
            "unsent": _once(one for part in parts for one in part.unsent),
        }
    )


def _once[Told: Handled | Failed | Unsent](told: Iterable[Told]) -> list[Told]:
    return list({one.key: one for one in told}.values())


def shown_envelope(body: str) -> dict[str, Any]:
    """A body's CloudEvents attributes, without personal data; of a type that is unknown here, id and type."""
    try:
        return Envelope.decode(body).attributes(personal=False)
    except UnknownType as unknown:
        return {"id": str(unknown.id), "type": str(unknown)}
