"""A batch of messages, top to bottom: known ids out, effects, load and lock, handle, check, store, commit, send."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from contracts.message import Message, Undecodable, UnknownType
from services.chassis.calling import Call
from services.chassis.decision import MAX_TRIES, RETENTION, Done, Park, TooOld, Verdict, decide, describe, place
from services.chassis.dispatching import Dispatcher
from services.chassis.handling import Effects, Handlers, Ports
from services.chassis.ids import Mint
from services.chassis.kernel import Clock, NotYet
from services.chassis.letters import ALONE_AFTER_RECEIVES, Delivery, Letter, open_letter
from services.chassis.locking import load_and_lock
from services.chassis.message_spans import handling, together
from services.chassis.metrics import count_outcomes
from services.chassis.rows import Key, Rows
from services.chassis.store import Attempt, Conflict, Dispatch, Store, Transaction, Unavailable
from services.chassis.telemetry import log_as
from services.chassis.tracing import current


class Sender(Protocol):
    """Puts committed outbox rows on their queues, and deletes them."""

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """Never raises: what could not be sent stays in the outbox, for the relay."""


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
    retention: timedelta = RETENTION

    async def handle(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Handle a batch. Returns a verdict for each delivery, in order.

        Raises Unavailable when the database is lost: give the whole batch back, what was handled of it is known.
        """
        opened = [await self._open(delivery) for delivery in deliveries]
        letters = [letter for letter in opened if isinstance(letter, Letter)]
        crowd, alone = await self._divide(letters)
        with handling(letters):
            for group in filter(None, (crowd, *([letter] for letter in alone))):
                await self._take(group)
        count_outcomes(letters, self.clock())
        return [entry.verdict if isinstance(entry, Letter) else entry for entry in opened]

    async def _open(self, delivery: Delivery) -> Letter | Verdict:
        now = self.clock()
        try:
            return open_letter(delivery, self.service, self.reactions, now, self.retention)
        except UnknownType as error:
            async with self.store.begin() as transaction:
                if await transaction.known({error.id}):
                    return Done()
            return self._decide(error, delivery.receives, now)
        except (Undecodable, TooOld) as error:
            return self._decide(error, delivery.receives, now)

    async def _divide(self, letters: list[Letter]) -> tuple[list[Letter], list[Letter]]:
        seen_before = {letter.envelope.id for letter in letters if letter.delivery.receives > 1}
        failed: set[UUID] = set()
        if seen_before:
            async with self.store.begin() as transaction:
                failed = await transaction.failures(seen_before)
        crowd: list[Letter] = []
        alone: list[Letter] = []
        for letter in letters:
            suspect = letter.envelope.id in failed or letter.delivery.receives > ALONE_AFTER_RECEIVES
            (alone if suspect else crowd).append(letter)
        return crowd, alone

    async def _take(self, letters: list[Letter]) -> None:
        with together(letters):
            if ready := await self._with_effects(await self._without_known(letters)):
                await self._commit(ready)

    async def _commit(self, ready: list[Letter]) -> None:
        try:
            outgoing = await self._transact(ready)
        except Exception as error:
            for letter in ready:
                letter.outcome = "repeated"  # what the transaction came to went with it
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
        log_as(correlation_id=letter.envelope.message.correlation)  # of this message alone: an effect runs as a task
        try:
            with current(letter.span):
                letter.effect = await effect(letter.envelope.message)
        except Exception as error:
            return error
        return None

    async def _transact(self, letters: list[Letter]) -> list[Dispatch]:
        entries, parked = [], []
        async with self.store.begin() as transaction:
            rows, declared = await self._load(transaction, letters)
            # Read under the locks: the journal's order of two that touch one row is the order in which they did.
            dispatcher = Dispatcher(self.service, self.clock(), self.mint)
            for letter in letters:
                message = type(letter.envelope.message)
                call = Call(letter, rows, declared[letter.envelope.id])
                try:
                    entry = call.run(self.handlers[message], self.ports, dispatcher, self.reactions[message])
                except NotYet as error:
                    parked.append(self._park(letter, error))
                else:
                    letter.outcome = entry.outcome
                    entries.append(entry)
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

    def _park(self, letter: Letter, error: NotYet) -> Dispatch:
        verdict = self._decide(error, 0, self.clock(), letter)
        assert isinstance(verdict, Park)
        return letter.park(verdict, self.mint)

    async def _fail(self, letter: Letter, error: Exception) -> None:
        if isinstance(error, Unavailable):
            raise error
        if not await self._without_known([letter]):
            return  # its twin was handled meanwhile, and it met the changes of that
        if isinstance(error, NotYet):
            async with self.store.begin() as transaction:
                await transaction.enqueue([self._park(letter, error)])
            return
        now, tries = self.clock(), letter.delivery.receives
        if not isinstance(error, Conflict):
            # A copy that an operator sends back was never received: it has all its tries, whatever failed before.
            tries = min(tries, await self._record(Attempt(letter.envelope, describe(error), place(error), now)))
        letter.verdict = self._decide(error, tries, now, letter)

    async def _record(self, attempt: Attempt) -> int:
        try:
            async with self.store.begin() as transaction:
                return await transaction.failed(attempt)
        except Unavailable:
            raise
        except Exception:
            # A try that no database takes must not fail its batch: it counts for nothing, and SQS counts the receives.
            return MAX_TRIES - 1

    def _decide(self, error: Exception, tries: int, now: datetime, letter: Letter | None = None) -> Verdict:
        sent = letter.envelope.time if letter else now
        return decide(error, tries=tries, now=now, sent=sent, jitter=self.chance())
