"""What operators ask a service to send again, and what it answers."""

from uuid import UUID

from pydantic import BaseModel, Field

_MOST = 100


class Again(BaseModel):
    """A message to send again: one that this service emitted on ``cause``, or without one, that is in its outbox.

    ``to`` names the services that shall get it; all who listen, unless given.
    """

    id: UUID
    cause: UUID | None = None
    to: list[str] | None = None


class Resend(BaseModel):
    """What to send again. ``facts`` are ids of catalogue rows of this service."""

    messages: list[Again] = Field(default=[], max_length=_MOST)
    facts: list[UUID] = Field(default=[], max_length=_MOST)


class Sent(BaseModel):
    """A message that is on its way to a queue again."""

    id: UUID
    type: str
    queue: str


class Resent(BaseModel):
    """What was sent, and the ids of messages and rows that this service does not have, or not for these listeners."""

    sent: list[Sent]
    unknown: list[UUID]
