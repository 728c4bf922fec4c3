"""A service's database in memory, for tests and replays: the same port as the real one, without I/O or waiting."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.rows import Id, Key, values
from services.chassis.store import Attempt, Conflict, Dispatch, Entry


@dataclass
class MemoryStore:
    """Rows, journal, tries and outbox of one service. Transactions are one after another, as in one process."""

    rows: dict[Key, Any] = field(default_factory=dict)
    inbox: dict[UUID, Entry] = field(default_factory=dict)
    repeats: Counter[UUID] = field(default_factory=Counter)
    attempts: list[Attempt] = field(default_factory=list)
    outbox: dict[UUID, Dispatch] = field(default_factory=dict)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryTransaction"]:
        """A transaction whose writes are kept only if it ends well."""
        transaction = MemoryTransaction(
            MemoryStore(
                dict(self.rows), dict(self.inbox), Counter(self.repeats), list(self.attempts), dict(self.outbox)
            )
        )
        yield transaction
        self.__dict__.update(transaction.store.__dict__)

    async def probe(self) -> None:
        """Memory is always there."""

    def of[Kind](self, kind: type[Kind]) -> list[Kind]:
        """Every row of a kind."""
        return [row for key, row in self.rows.items() if key.kind is kind]


class MemoryTransaction:
    """One transaction of a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that the inbox has."""
        return {message_id for message_id in ids if message_id in self.store.inbox}

    async def load(self, kind: type[Any], ids: Sequence[Id], *, lock: bool) -> Sequence[Any]:
        """Copies of the rows, so that only what is saved is kept."""
        if lock and (on_sight := getattr(kind, "on_sight", None)):
            for row_id in ids:
                self.store.rows.setdefault(Key(kind, row_id), on_sight(row_id))
        return [_copy(row) for row_id in ids if (row := self.store.rows.get(Key(kind, row_id))) is not None]

    async def save(self, added: Iterable[Any], changed: Iterable[Any]) -> None:
        """Write new and changed rows. Raises Conflict."""
        for row in added:
            key = Key(type(row), values(row)[0])
            if key in self.store.rows:
                raise Conflict(str(key))
            self.store.rows[key] = _copy(row)
        for row in changed:
            self.store.rows[Key(type(row), values(row)[0])] = _copy(row)

    async def journal(self, entries: Sequence[Entry]) -> None:
        """Write the inbox rows. Raises Conflict."""
        for entry in entries:
            if entry.envelope.id in self.store.inbox:
                raise Conflict(str(entry.envelope.id))
            self.store.inbox[entry.envelope.id] = entry

    async def repeated(self, ids: Collection[UUID]) -> None:
        """Count one more arrival of messages that are known."""
        self.store.repeats.update(ids)

    async def failed(self, attempt: Attempt) -> int:
        """Record a failed try. Returns how many there are of its message."""
        self.store.attempts.append(attempt)
        return sum(earlier.envelope.id == attempt.envelope.id for earlier in self.store.attempts)

    async def failures(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that failed before."""
        return {attempt.envelope.id for attempt in self.store.attempts} & set(ids)

    async def enqueue(self, dispatches: Sequence[Dispatch]) -> None:
        """Write outbox rows."""
        self.store.outbox |= {dispatch.key: dispatch for dispatch in dispatches}

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Dispatch]:
        """Take outbox rows that are due, and put them off."""
        due = [dispatch for dispatch in self.store.outbox.values() if dispatch.send_at <= now]
        claimed = sorted(due, key=lambda dispatch: dispatch.send_at)[:limit]
        self.store.outbox |= {dispatch.key: replace(dispatch, send_at=until) for dispatch in claimed}
        return claimed

    async def sent(self, keys: Collection[UUID]) -> None:
        """Delete outbox rows that are on their queues."""
        for key in keys:
            self.store.outbox.pop(key, None)

    async def forget(self, *, journal_before: datetime, keys_before: datetime) -> None:
        """Delete journal rows and failed tries from before a moment."""
        self.store.inbox = {key: entry for key, entry in self.store.inbox.items() if entry.now >= journal_before}
        self.store.attempts = [attempt for attempt in self.store.attempts if attempt.failed_at >= journal_before]


def _copy(row: Any) -> Any:
    return type(row)(*values(row))
