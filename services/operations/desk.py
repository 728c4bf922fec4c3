"""What an operator's command works at: the queues of a running system, and the journals of those who listen to them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from contracts.routes import Queue, queues
from services.chassis.journal import Journal
from services.operations.dead_letters import DeadLetter, Selection, dead_letter
from services.operations.deployment import Deployment
from services.operations.errors import Trouble
from services.operations.journals import Journals, open_journals
from services.operations.queue_access import QueueAccess, open_access
from services.operations.queues import QueueState, Seen, state_of

_MOST_TO_SHOW = 1_000
"""Of more messages than this in a queue the types are not counted: showing them all would slow LocalStack down."""


@dataclass(frozen=True)
class Desk:
    """A running system, as its operators see it."""

    access: QueueAccess
    journals: Journals | None
    """None where the services' own URLs or the operators' secret are not known."""

    def anew(self) -> "Desk":
        """The same desk, at which no service counts as silent yet: one that has started again is heard again."""
        return self if self.journals is None else replace(self, journals=replace(self.journals, silent=set()))

    async def overview(self) -> list[QueueState]:
        """Every queue's state now, changing nothing. Raises Trouble and botocore's errors."""
        return await asyncio.gather(*(self._state(queue) for queue in queues()))

    async def _state(self, queue: Queue) -> QueueState:
        counts, dead = await asyncio.gather(self.access.counts(queue.name), self.access.counts(queue.dead_letter_name))
        now = datetime.now(UTC)
        if not counts.all:
            return state_of(queue, counts, dead, [], None, now)
        can_show = self.access.peeks and counts.all <= _MOST_TO_SHOW
        seen = await self.access.look(queue.name) if can_show else None
        return state_of(queue, counts, dead, seen, await self.access.age(queue.name), now)

    async def dead_letters(self, selection: Selection | None = None) -> list[DeadLetter]:
        """The dead letters of every queue, oldest first: all, or those that are selected."""
        looks = await asyncio.gather(*(self.access.look(queue.dead_letter_name) for queue in queues()))
        found = [dead_letter(queue, seen) for queue, look in zip(queues(), looks, strict=True) for seen in look]
        chosen = [letter for letter in found if selection is None or selection.fits(letter)]
        return sorted(chosen, key=lambda letter: letter.seen.sent_at)

    async def one_dead_letter(self, key: str) -> DeadLetter:
        """The dead letter with this id. Raises Trouble when there is none, or more than one."""
        found = await self.dead_letters(Selection(ids=(key,)))
        if not found:
            raise Trouble(f"There is no dead letter {key}. See `bilhetagem dead-letters --list`.")
        if len(found) > 1:
            copies = "\n".join(f"  {each.seen.sqs_id}  in {each.queue.dead_letter_name}" for each in found)
            raise Trouble(f"Several dead letters are {key}. Name one of them by SQS's id:\n{copies}")
        return found[0]

    async def journal_of(self, letter: DeadLetter) -> Journal | None:
        """What its listener knows of a dead letter; None when that cannot be asked. Raises Trouble when it refuses."""
        return (await self.ask([(letter.queue, letter.seen)])).get(letter.queue.service)

    async def ask(self, messages: Iterable[tuple[Queue, Seen]]) -> dict[str, Journal]:
        """What the listeners of these messages know of them, by service; without those that cannot be asked. Raises
        Trouble when one refuses.
        """
        wanted: dict[str, list[UUID]] = {}
        for queue, seen in messages:
            # Of a message without an id a service knows nothing, but it tells for how long it remembers.
            wanted.setdefault(queue.service, []).append(seen.contents.id or UUID(seen.sqs_id))
        journals = self.anew().journals
        if journals is None:
            return {}
        answers = [await journals.about((), ids, (service,)) for service, ids in wanted.items()]
        return {service: journal for answer in answers for service, journal in answer.items()}


@asynccontextmanager
async def at_desk(deployment: Deployment) -> AsyncIterator[Desk]:
    """A desk for a running system, until the end of the block."""
    async with AsyncExitStack() as stack:
        access = await stack.enter_async_context(open_access(deployment))
        journals = None
        if deployment.services and deployment.operators_secret is not None:
            journals = await stack.enter_async_context(open_journals(deployment))
        yield Desk(access, journals)
