"""A service's database in memory, for tests and replays: the same port as the real one, without I/O or waiting."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.chassis.journal import Failed, Handled, Journal, Unsent, shown_envelope
from services.chassis.rows import Id, Key, values
from services.chassis.store import Attempt, Dispatch, Entry, Exists


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
        transaction = MemoryTransaction(self)
        yield transaction
        for write in transaction.writes:
            write()

    async def probe(self) -> None:
        """Memory is always there."""

    def journal(self, service: str, settings: Mapping[str, Any]) -> Journal:
        """What the service did, as its operators' routes would tell it."""
        handled = [
            Handled(
                envelope=entry.envelope.attributes(personal=False),
                outcome=entry.outcome,
                handled_at=entry.now,
                position=position,
                effect=entry.effect,
                read=to_jsonable_python(entry.read),
                emitted=entry.emitted,
                repeats=self.repeats[entry.envelope.id],
            )
            for position, entry in enumerate(self.inbox.values())
        ]
        failed = [
            Failed(
                envelope=attempt.envelope.attributes(personal=False),
                number=number,
                error=attempt.error,
                place=attempt.place,
                failed_at=attempt.failed_at,
            )
            for number, attempt in enumerate(self.attempts, 1)
        ]
        unsent = [
            Unsent(
                message_id=row.message_id,
                envelope=shown_envelope(row.body),
                queue=row.queue,
                send_at=row.send_at,
                waits_for=row.waits_for,
            )
            for row in self.outbox.values()
        ]
        return Journal(service=service, handled=handled, failed=failed, unsent=unsent, settings=dict(settings))

    def of[Kind](self, kind: type[Kind]) -> list[Kind]:
        """Every row of a kind."""
        return [row for key, row in self.rows.items() if key.kind is kind]


class MemoryTransaction:
    """One transaction of a MemoryStore. Its writes wait for its end, so it does not read what it wrote itself."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.writes: list[Callable[[], object]] = []

    async def known(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that the inbox has."""
        return {message_id for message_id in ids if message_id in self._store.inbox}

    async def load(self, kind: type[Any], ids: Sequence[Id], *, lock: bool) -> Sequence[Any]:
        """Copies of the rows, so that only what is saved is kept."""
        rows = self._store.rows
        if lock and (on_sight := getattr(kind, "on_sight", None)):
            for key in (Key(kind, row_id) for row_id in ids):
                rows.setdefault(key, on_sight(key.id))
        return [_copy(row) for row_id in ids if (row := rows.get(Key(kind, row_id))) is not None]

    async def save(self, added: Iterable[Any], changed: Iterable[Any]) -> None:
        """Write new and changed rows. Raises Exists."""
        new = {_key(row): row for row in added}
        if taken := new.keys() & self._store.rows.keys():
            raise Exists(str(taken))
        rows = new | {_key(row): row for row in changed}
        self.writes.append(lambda: self._store.rows.update(rows))

    async def journal(self, entries: Sequence[Entry]) -> None:
        """Write the inbox rows. Raises Exists."""
        rows = {entry.envelope.id: entry for entry in entries}
        if taken := rows.keys() & self._store.inbox.keys():
            raise Exists(str(taken))
        self.writes.append(lambda: self._store.inbox.update(rows))

    async def repeated(self, ids: Collection[UUID]) -> None:
        """Count one more arrival of messages that are known."""
        self.writes.append(lambda: self._store.repeats.update(ids))

    async def failed(self, attempt: Attempt) -> int:
        """Record a failed try. Returns how many there are of its message."""
        self.writes.append(lambda: self._store.attempts.append(attempt))
        return 1 + sum(earlier.envelope.id == attempt.envelope.id for earlier in self._store.attempts)

    async def failures(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of the message ids that failed before."""
        return {attempt.envelope.id for attempt in self._store.attempts} & set(ids)

    async def enqueue(self, dispatches: Sequence[Dispatch]) -> None:
        """Write outbox rows."""
        rows = {dispatch.key: dispatch for dispatch in dispatches}
        self.writes.append(lambda: self._store.outbox.update(rows))

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Dispatch]:
        """Take outbox rows that are due, and put them off."""
        due = [dispatch for dispatch in self._store.outbox.values() if dispatch.send_at <= now]
        claimed = sorted(due, key=lambda dispatch: dispatch.send_at)[:limit]
        await self.enqueue([replace(dispatch, send_at=until) for dispatch in claimed])
        return claimed

    async def sent(self, keys: Collection[UUID]) -> None:
        """Delete outbox rows that are on their queues."""
        for key in keys:
            self.writes.append(partial(self._store.outbox.pop, key, None))

    async def forget(self, *, journal_before: datetime, keys_before: datetime, most: int) -> bool:
        """Delete journal rows and failed tries from before a moment, at most so many of each."""
        store = self._store
        handled = [key for key, entry in store.inbox.items() if entry.now < journal_before]
        for key in handled[:most]:
            self.writes.append(partial(store.inbox.pop, key))
        failed = [attempt for attempt in store.attempts if attempt.failed_at < journal_before]
        for attempt in failed[:most]:
            self.writes.append(partial(store.attempts.remove, attempt))
        return max(len(handled), len(failed)) >= most


def _key(row: Any) -> Key:
    return Key(type(row), values(row)[0])


def _copy(row: Any) -> Any:
    return type(row)(*values(row))
