"""Dead letters sent back, and what became of them.

Nothing is lost when this is killed: a message leaves the dead-letter queue only after its queue has accepted the copy.
At worst both are there, and the inbox drops whichever comes second. Only of a message that was edited the inbox cannot
know: it has an id of its own, and where the original is sent back as well, both are handled.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from contracts.routes import Queue
from services.chassis.journal import Journal
from services.operations.contents import followers, read
from services.operations.dead_letters import DeadLetter, dead_letter
from services.operations.queue_access import QueueAccess, Taken
from services.operations.queues import Seen

type Ask = Callable[[Iterable[tuple[Queue, Seen]]], Awaitable[Mapping[str, Journal]]]
"""Asks the listeners for what they know of messages: journals by service, without those that cannot be asked."""


class Fate(StrEnum):
    """What became of a message that was sent back."""

    HANDLED = "handled"
    REPEATED = "handled before"
    PARKED = "parked"
    BURIED = "dead-lettered again"
    RETRIED = "failed, retried"
    UNKNOWN = "no word yet"
    REFUSED = "not sent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dead letter, what became of it, and more about that. One that is dead again is the ``letter`` as it is now: by
    its id it is found.
    """

    letter: DeadLetter
    fate: Fate
    detail: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come of it by itself, or it waits for something that is known."""
        return self.fate not in (Fate.RETRIED, Fate.UNKNOWN)

    @property
    def is_good(self) -> bool:
        """Whether an operator may turn away."""
        return self.fate in (Fate.HANDLED, Fate.REPEATED, Fate.PARKED)


async def send_back(
    access: QueueAccess, letters: Sequence[DeadLetter], rewritten: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[DeadLetter, str | None]]:
    """Send dead letters back to their queues, with another body where one is ``rewritten`` (by SQS's id). Yields each,
    and None or why it is still a dead letter. Raises botocore's errors.
    """
    for queue, members in groupby(sorted(letters, key=lambda letter: letter.queue), key=lambda letter: letter.queue):
        missing = {letter.seen.sqs_id: letter for letter in members}
        async with aclosing(access.take(queue.dead_letter_name, list(missing))) as batches:
            async for batch in batches:
                accepted = await _copy_then_delete(access, queue.name, queue.dead_letter_name, batch, rewritten or {})
                for each in batch:
                    refused = None if each.seen.sqs_id in accepted else "SQS did not accept the copy"
                    yield missing.pop(each.seen.sqs_id), refused
        for letter in missing.values():
            yield letter, "it is not there any more, or someone else looks at it now"


async def _copy_then_delete(
    access: QueueAccess, target: str, source: str, batch: Sequence[Taken], rewritten: Mapping[str, str]
) -> set[str]:
    copies = [replace(each.seen, body=rewritten.get(each.seen.sqs_id, each.seen.body)) for each in batch]
    accepted = await access.send(target, copies)
    await access.delete(source, [each.receipt for each in batch if each.seen.sqs_id in accepted])
    await access.give_back(source, [each.receipt for each in batch if each.seen.sqs_id not in accepted])
    return accepted


@dataclass(frozen=True)
class Known:
    """What was known of some messages before they were sent back: journals by service, and who lay dead already."""

    journals: Mapping[str, Journal]
    dead: frozenset[str] = field(default_factory=frozenset)


async def known_before(access: QueueAccess, ask: Ask, letters: Sequence[DeadLetter]) -> Known:
    """Ask before sending back: what is new afterwards is what became of it."""
    return Known(
        await ask([(letter.queue, letter.seen) for letter in letters]),
        frozenset(each.seen.sqs_id for each in await _dead(access, letters)),
    )


async def watch(
    access: QueueAccess, ask: Ask, letters: Sequence[DeadLetter], before: Known, seconds: float
) -> AsyncIterator[Outcome]:
    """Follow messages that were sent back, until each is settled or the time is over. Yields each once."""
    deadline = time.monotonic() + seconds
    waiting = list(letters)
    known = _apart(before.journals)
    theirs: set[str] = set()
    while waiting:
        over = time.monotonic() >= deadline
        now, dead = await asyncio.gather(
            ask([(letter.queue, letter.seen) for letter in waiting]), _dead(access, waiting)
        )
        told = _apart(now)
        copies: defaultdict[str, list[DeadLetter]] = defaultdict(list)
        for each in dead:
            if each.seen.sqs_id not in before.dead and each.seen.sqs_id not in theirs:
                copies[each.seen.body].append(each)
        outcomes = []
        for letter in waiting:
            service, its_copies = letter.queue.service, copies[letter.seen.body]
            journal = told[service, letter.key] if service in now else None
            earlier = Known({service: known[service, letter.key]} if service in before.journals else {})
            outcomes.append(fate_of(letter, earlier, journal, its_copies))
            if outcomes[-1].fate is Fate.BURIED:
                theirs.add(its_copies.pop(0).seen.sqs_id)
        for outcome in outcomes:
            if over or outcome.is_settled:
                yield outcome
        if over:
            return
        waiting = [outcome.letter for outcome in outcomes if not outcome.is_settled]
        if waiting:
            # Where a look is a receive, looking often would hide what is looked for.
            await asyncio.sleep(0.25 if access.peeks else 3)


class _Apart(dict[tuple[str, str], Journal]):
    """What services know, by service and message: who asks of many messages looks through all for none of them."""

    def __missing__(self, of: tuple[str, str]) -> Journal:
        return self.setdefault(of, Journal(service=of[0]))


def _apart(journals: Mapping[str, Journal]) -> _Apart:
    found = _Apart()
    for service, journal in journals.items():
        for handled in journal.handled:
            found[service, handled.envelope["id"]].handled.append(handled)
        for failed in journal.failed:
            found[service, failed.envelope["id"]].failed.append(failed)
        for unsent in journal.unsent:
            found[service, str(unsent.message_id)].unsent.append(unsent)
    return found


def fate_of(letter: DeadLetter, before: Known, journal: Journal | None, dead: Iterable[DeadLetter]) -> Outcome:
    """What became of a message, by its listener's journal now and what came into the dead-letter queue since."""
    service = letter.queue.service
    buried = next((each for each in dead if each.seen.body == letter.seen.body), None)
    if buried is not None:
        was = "" if buried.key == letter.key else f" (it was {letter.key})"
        return Outcome(buried, Fate.BURIED, f"{buried.reason}: {buried.why}{was}")
    if letter.contents.id is None:
        return Outcome(
            letter, Fate.UNKNOWN, f"it has no id: look for it by `bilhetagem queues peek {letter.queue.name}`"
        )
    if journal is None:
        return Outcome(letter, Fate.UNKNOWN, f"the journal of {service} cannot be asked")
    earlier = before.journals.get(service) or Journal(service=service)
    message_id = str(letter.contents.id)
    if any(entry.envelope["id"] == message_id for entry in earlier.handled):
        return Outcome(letter, Fate.REPEATED, f"{service} drops it: it has handled the message already")
    for entry in journal.handled:
        if entry.envelope["id"] == message_id:
            return Outcome(letter, Fate.HANDLED, _followed(service, entry.outcome, followers(entry.emitted)))
    waited = {(str(row.message_id), row.send_at) for row in earlier.unsent}
    for row in journal.unsent:
        if str(row.message_id) == message_id and row.waits_for and (message_id, row.send_at) not in waited:
            return Outcome(letter, Fate.PARKED, f"until {row.send_at:%H:%M:%S} UTC: {row.waits_for}")
    tries = [entry for entry in journal.failed if entry.envelope["id"] == message_id]
    if len(tries) > sum(entry.envelope["id"] == message_id for entry in earlier.failed):
        return Outcome(letter, Fate.RETRIED, f"{tries[-1].error} ({tries[-1].place})")
    return Outcome(letter, Fate.UNKNOWN, f"{service} has not taken it")


def _followed(service: str, outcome: str, emitted: Sequence[str]) -> str:
    if outcome == "ignored":
        return f"{service} had nothing to do"
    return f"{service} emitted {', '.join(emitted)}" if emitted else f"{service} emitted nothing"


async def _dead(access: QueueAccess, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    queues = sorted({letter.queue for letter in letters})
    looks = await asyncio.gather(*(access.look(queue.dead_letter_name) for queue in queues))
    return [dead_letter(queue, seen) for queue, look in zip(queues, looks, strict=True) for seen in look]


def rewritten(letter: DeadLetter, body: str) -> DeadLetter:
    """A dead letter as it goes back with another body."""
    return replace(letter, seen=replace(letter.seen, body=body), contents=read(body))
