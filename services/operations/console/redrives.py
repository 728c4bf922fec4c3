"""Dead letters on their way back: each sending is a task of its own, which a page can follow."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from services.operations.dead_letters import DeadLetter
from services.operations.desk import Desk
from services.operations.errors import sentence
from services.operations.redriving import Fate, Outcome, known_before, rewritten, send_back, watch

WATCH_SECONDS = 20.0
_KEPT = 50
"""Sendings that are remembered; what became of older ones is in the journals."""

log = structlog.get_logger()


@dataclass
class Redrive:
    """A sending: how many dead letters, how many were sent, and what became of each so far."""

    number: int
    letters: Sequence[DeadLetter]
    began: datetime
    sent: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    problem: str | None = None
    is_over: bool = False


class Redrives:
    """All sendings since the console was started."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[int, Redrive] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = 0

    def get(self, number: int) -> Redrive | None:
        """A sending by its number."""
        return self._known.get(number)

    def begin(self, letters: Sequence[DeadLetter], bodies: Mapping[str, str] | None = None) -> Redrive:
        """Send dead letters back, with another body where one is given by SQS's id, and follow them."""
        self._last += 1
        begun = Redrive(self._last, letters, datetime.now(UTC))
        self._known[begun.number] = begun
        self._known.pop(begun.number - _KEPT, None)
        task = asyncio.create_task(self._run(begun, bodies or {}))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def end(self) -> None:
        """Stop following. Nothing is lost: what was not sent is still a dead letter."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, redrive: Redrive, bodies: Mapping[str, str]) -> None:
        try:
            await self._send_and_watch(redrive, bodies)
        except Exception as error:
            redrive.problem = sentence(error) or f"An unexpected error: {type(error).__name__}"
            log.exception("redrive_failed")
        finally:
            redrive.is_over = True

    async def _send_and_watch(self, redrive: Redrive, bodies: Mapping[str, str]) -> None:
        desk = self._desk
        copies = {
            x.seen.sqs_id: rewritten(x, bodies[x.seen.sqs_id]) if x.seen.sqs_id in bodies else x
            for x in redrive.letters
        }
        before = await known_before(desk.access, desk.ask, list(copies.values()))
        sent: list[DeadLetter] = []
        async for letter, refused in send_back(desk.access, redrive.letters, bodies):
            if refused is None:
                sent.append(copies[letter.seen.sqs_id])
                redrive.sent += 1
            else:
                redrive.outcomes.append(Outcome(letter, Fate.REFUSED, refused))
        async for outcome in watch(desk.access, desk.ask, sent, before, WATCH_SECONDS):
            redrive.outcomes.append(outcome)
