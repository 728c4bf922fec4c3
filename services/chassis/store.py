"""The port to a service's database: what a transaction of the pipeline, an ingress or the relay does there.

``storage.py`` fulfils it with SQLAlchemy, ``memory.py`` in memory for tests and replays.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from contracts.message import Envelope
from services.chassis.rows import Id


class Unavailable(Exception):
    """The database cannot be reached: no message's fault."""


class Conflict(Exception):
    """Someone else was faster, no message's fault: what this transaction needs is locked or was changed by another one,
    or it Exists.
    """


class Exists(Conflict):
    """A row that this transaction adds exists already, or another row has what only one may have."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An outbox row: a message, where it goes, and when. Its key is its own, for a parked message may have several."""

    key: UUID
    message_id: UUID
    correlation: str
    type: str
    queue: str
    group: str
    body: str
    send_at: datetime
    waits_for: str | None = None
    """What a parked message waits for; None for one that is on its way or a timer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal row: a message that was handled, what decided, and what followed."""

    envelope: Envelope
    outcome: Literal["handled", "ignored"]
    now: datetime
    effect: dict[str, Any] | None
    read: list[dict[str, Any]]
    emitted: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that failed."""

    envelope: Envelope
    error: str
    place: str
    failed_at: datetime


class Transaction(Protocol):
    """One transaction. Whatever of it raises, nothing of it is kept."""

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that the inbox has."""

    async def load(self, kind: type[Any], ids: Sequence[Id], *, lock: bool) -> Sequence[Any]:
        """The rows of a kind with these ids, locked in id order until the end if so wished."""

    async def save(self, added: Iterable[Any], changed: Iterable[Any]) -> None:
        """Write new and changed rows. Raises Conflict."""

    async def journal(self, entries: Sequence[Entry]) -> None:
        """Write the inbox rows, given in the order of handling. Raises Conflict when one was handled meanwhile."""

    async def repeated(self, ids: Collection[UUID]) -> None:
        """Count one more arrival of messages that are known."""

    async def failed(self, attempt: Attempt) -> int:
        """Record a failed try. Returns how many there are of its message."""

    async def failures(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that failed before."""

    async def enqueue(self, dispatches: Sequence[Dispatch]) -> None:
        """Write outbox rows."""

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Dispatch]:
        """Take outbox rows that are due, and put them off ``until`` so that nobody else takes them meanwhile."""

    async def sent(self, keys: Collection[UUID]) -> None:
        """Delete outbox rows that are on their queues."""

    async def forget(self, *, journal_before: datetime, keys_before: datetime, most: int) -> bool:
        """Delete journal rows and failed tries, and idempotency keys, from before these moments: at most so many of
        each. Whether there may be more.
        """


class Store(Protocol):
    """A service's database."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a writing transaction: commits at the end, rolls back on any exception. Raises Unavailable."""

    async def probe(self) -> None:
        """Ask the database whether it is there, with its tables. Raises Unavailable."""
