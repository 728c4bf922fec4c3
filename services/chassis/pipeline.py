"""A batch of messages, top to bottom: known ids out, effects, load and lock, handle, check, store, commit, send."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from contracts.message import Envelope, Message, Undecodable, UnknownType
from services.chassis.decision import (
    RETENTION,
    Done,
    Park,
    TooOld,
    Verdict,
    decide,
    describe,
    place,
)
from services.chassis.dispatching import Dispatcher
from services.chassis.handling import Effects, Emitted, Handlers, Ports, Result
from services.chassis.ids import Mint
from services.chassis.kernel import Clock, NotYet
from services.chassis.locking import load_and_lock
from services.chassis.rows import Key, Rows
from services.chassis.store import (
    Attempt,
    Dispatch,
    Entry,
    Store,
    Transaction,
    Unavailable,
)

ALONE_AFTER_RECEIVES = 3
"""A message received more often than this goes alone: it may be what kills its batch, or its worker."""

_LONGEST_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was received: from which queue, how often so far, and the receipt to answer with."""

    queue: str
    body: str
    receipt: str
    receives: int


@dataclass(eq=False, slots=True)
class Letter:
    """A delivery on its way through the pipeline."""

    delivery: Delivery
    envelope: Envelope
    effect: Result | None = None
    verdict: Verdict = field(default_factory=Done)


class Sender(Protocol):
    """Puts committed outbox rows on their queues, and deletes them."""

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """Never raises: what could not be sent stays in the outbox, for the relay."""


class Forbidden(Exception):
    """A handler emitted what its row of the choreography does not list, or the same message twice."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Handles batches of one service. The only place where a transaction of a worker begins and ends."""

    service: str
    handlers: Handlers[Any]
    ports: Callable[..., Ports]
    effects: Effects
    reactions: Mapping[type[Message], frozenset[type[Message]]]
    lock_order: Sequence[type[Any]]
    store: Store
    sender: Sender
    clock: Clock
    mint: Mint
    chance: Callable[[], float]

    async def handle(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Handle a batch. Returns a verdict for each delivery, in order.

        Raises Unavailable when the database is lost: give the whole batch back, what was handled of it is known.
        """
        opened = [await self._open(delivery) for delivery in deliveries]
        letters = [letter for letter in opened if isinstance(letter, Letter)]
        together, alone = await self._divide(letters)
        for group in (together, *([letter] for letter in alone)):
            if group:
                await self._take(group)
        return [entry.verdict if isinstance(entry, Letter) else entry for entry in opened]

    async def _open(self, delivery: Delivery) -> Letter | Verdict:
        now = self.clock()
        try:
            envelope = Envelope.decode(delivery.body)
            if now - envelope.time > RETENTION:
                raise TooOld(f"made at {envelope.time.isoformat()}, the journal remembers {RETENTION.days} days")
            if envelope.time - now > _LONGEST_AHEAD:
                raise Undecodable(f"made at {envelope.time.isoformat()}, which lies in the future")
            if type(envelope.message) not in self.reactions:
                raise Undecodable(f"{envelope.message.type} is not for the {self.service} service")
        except UnknownType as error:
            async with self.store.begin() as transaction:
                if await transaction.known({error.id}):
                    return Done()
            return self._decide(error, delivery.receives, now)
        except (Undecodable, TooOld) as error:
            return self._decide(error, delivery.receives, now)
        return Letter(delivery, envelope)

    async def _divide(self, letters: list[Letter]) -> tuple[list[Letter], list[Letter]]:
        seen_before = {letter.envelope.id for letter in letters if letter.delivery.receives > 1}
        failed: set[UUID] = set()
        if seen_before:
            async with self.store.begin() as transaction:
                failed = await transaction.failures(seen_before)
        together: list[Letter] = []
        alone: list[Letter] = []
        for letter in letters:
            suspect = letter.envelope.id in failed or letter.delivery.receives > ALONE_AFTER_RECEIVES
            (alone if suspect else together).append(letter)
        return together, alone

    async def _take(self, letters: list[Letter]) -> None:
        fresh = await self._without_known(letters)
        ready = await self._with_effects(fresh)
        if not ready:
            return
        try:
            outgoing = await self._transact(ready)
        except Exception as error:
            if len(ready) == 1 or isinstance(error, Unavailable):
                await self._fail(ready[0], error)
            else:
                for letter in ready:
                    await self._take([letter])
        else:
            await self.sender.send(outgoing)

    async def _without_known(self, letters: list[Letter]) -> list[Letter]:
        fresh = {letter.envelope.id: letter for letter in reversed(letters)}
        async with self.store.begin() as transaction:
            known = await transaction.known(fresh.keys())
            if known:
                await transaction.repeated(known)
        return [letter for letter in letters if fresh[letter.envelope.id] is letter and letter.envelope.id not in known]

    async def _with_effects(self, letters: list[Letter]) -> list[Letter]:
        failures = await asyncio.gather(*(self._run_effect(letter) for letter in letters))
        ready = []
        for letter, error in zip(letters, failures, strict=True):
            if error is None:
                ready.append(letter)
            else:
                await self._fail(letter, error)
        return ready

    async def _run_effect(self, letter: Letter) -> Exception | None:
        effect = self.effects.get(type(letter.envelope.message))
        if effect is None or letter.effect is not None:
            return None
        try:
            letter.effect = await effect(letter.envelope.message)
        except Exception as error:
            return error
        return None

    async def _transact(self, letters: list[Letter]) -> list[Dispatch]:
        now = self.clock()
        dispatcher = Dispatcher(self.service, now, self.mint)
        entries, parked = [], []
        async with self.store.begin() as transaction:
            rows, declared = await self._load(transaction, letters)
            for letter in letters:
                try:
                    entries.append(self._handle(letter, rows, declared[letter.envelope.id], dispatcher))
                except NotYet as error:
                    parked.append(self._park(letter, error))
            await transaction.save(rows.added(), rows.changed())
            if entries:
                await transaction.journal(entries)
            if dispatches := [*dispatcher.dispatches, *parked]:
                await transaction.enqueue(dispatches)
        return dispatcher.at_once

    async def _load(self, transaction: Transaction, letters: list[Letter]) -> tuple[Rows, dict[UUID, frozenset[Key]]]:
        wants = [
            (letter.envelope, self.handlers[type(letter.envelope.message)].given(letter.effect)) for letter in letters
        ]
        return await load_and_lock(transaction, self.lock_order, wants)

    def _handle(
        self,
        letter: Letter,
        rows: Rows,
        declared: frozenset[Key],
        dispatcher: Dispatcher,
    ) -> Entry:
        envelope = letter.envelope
        message = envelope.message
        before = rows.state(declared)
        ports = self.ports(
            rows=rows.within(declared),
            now=dispatcher.now,
            sent=envelope.time,
            id=envelope.id,
            effect=letter.effect,
        )
        try:
            emitted: list[Emitted] = list(self.handlers[type(message)].handle(message, ports))
        except NotYet as error:
            if rows.state(declared) != before:
                raise Forbidden(f"{type(message).__name__}: NotYet was raised after a change") from error
            raise
        envelopes = [dispatcher.follow(envelope, emission) for emission in emitted]
        self._check(message, envelopes)
        changed = rows.state(declared) != before
        return Entry(
            envelope=envelope,
            outcome="handled" if changed or emitted else "ignored",
            now=dispatcher.now,
            effect=letter.effect.model_dump(mode="json") if letter.effect else None,
            read=list(_shared(rows, before)),
            emitted=[follower.attributes(personal=False) for follower in envelopes],
        )

    def _check(self, message: Message, followers: Sequence[Envelope]) -> None:
        allowed = self.reactions[type(message)]
        for follower in followers:
            if type(follower.message) not in allowed:
                raise Forbidden(f"{self.service} may not emit {follower.message.type} on {message.type}")
        if len({(follower.id, follower.message.type) for follower in followers}) < len(followers):
            raise Forbidden(f"{self.service} emitted the same message twice on {message.type}")

    def _park(self, letter: Letter, error: NotYet) -> Dispatch:
        verdict = self._decide(error, 0, self.clock(), letter)
        assert isinstance(verdict, Park)
        envelope = letter.envelope
        return Dispatch(
            key=self.mint(),
            message_id=envelope.id,
            correlation=envelope.message.correlation,
            type=envelope.message.type,
            queue=letter.delivery.queue,
            group=envelope.message.partition,
            body=letter.delivery.body,
            send_at=verdict.until,
            waits_for=verdict.waits_for,
        )

    async def _fail(self, letter: Letter, error: Exception) -> None:
        if isinstance(error, Unavailable):
            raise error
        async with self.store.begin() as transaction:
            if isinstance(error, NotYet):
                await transaction.enqueue([self._park(letter, error)])
                return
            now = self.clock()
            tries = await transaction.failed(Attempt(letter.envelope, describe(error), place(error), now))
        letter.verdict = self._decide(error, tries, now, letter)

    def _decide(self, error: Exception, tries: int, now: datetime, letter: Letter | None = None) -> Verdict:
        sent = letter.envelope.time if letter else now
        return decide(error, tries=tries, now=now, sent=sent, jitter=self.chance())


def _shared(rows: Rows, before: Mapping[Key, tuple[Any, ...] | None]) -> Iterable[dict[str, Any]]:
    """The rows of shared kinds (stock, prices, limits) as this handler read them: a replay decides by the same."""
    for key, columns in before.items():
        if getattr(key.kind, "shared", False):
            yield {"kind": key.kind.__name__, "id": key.id, "columns": columns}
