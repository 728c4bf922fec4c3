"""The consumer: a few loops per queue, each receives a batch, has it handled, and answers for every message of it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import structlog

from contracts.metrics import Metric
from contracts.queues import LONG_POLL_SECONDS, VISIBILITY_SECONDS
from contracts.routes import Queue
from services.chassis.decision import Bury, Done, Retry, Verdict
from services.chassis.kernel import Clock
from services.chassis.letters import Delivery, names_of
from services.chassis.metrics import count
from services.chassis.pipeline import Pipeline
from services.chassis.relay import Outbox, sleep_unless
from services.chassis.service import Background
from services.chassis.sqs import Queues
from services.chassis.store import Store
from services.chassis.tracing import on_behalf_of

LOOPS_PER_QUEUE = 2
HEARTBEAT_SECONDS = 20
HEARTBEATS = 15
"""A batch that takes longer than so many hangs. Ten orders of a thousand tickets each take two minutes to print."""
_GIVE_BACK_SECONDS = 5
_LONGEST_PAUSE_SECONDS = 30
STALE_AFTER = timedelta(seconds=LONG_POLL_SECONDS + 2 * _LONGEST_PAUSE_SECONDS)
"""A loop that was not heard of for so long hangs."""

log = structlog.get_logger()


class Worker:
    """One service's worker: consumes its queues and relays its outbox. There is no local buffer of messages, so a slow
    worker takes fewer: back-pressure comes by itself.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        queues: Queues,
        names: Sequence[Queue],
        outbox: Outbox,
        store: Store,
        clock: Clock,
        background: Sequence[Background] = (),
    ) -> None:
        self._pipeline = pipeline
        self._queues = queues
        self._names = names
        self._outbox = outbox
        self._store = store
        self._clock = clock
        self._background = background
        self._heard_of = {f"{queue.name}/{n}": clock() for queue in names for n in range(LOOPS_PER_QUEUE)}

    def stale(self) -> list[str]:
        """The loops that hang: none, when the worker is healthy."""
        now = self._clock()
        loops = {**self._heard_of, "outbox": self._outbox.heard_of}
        return [loop for loop, heard in loops.items() if now - heard > STALE_AFTER]

    async def probe(self) -> None:
        """Ask the database whether it is there. Raises Unavailable."""
        await self._store.probe()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped, then finish what was begun."""
        on_behalf_of(self._pipeline.service)
        async with asyncio.TaskGroup() as group:
            for queue in self._names:
                for number in range(LOOPS_PER_QUEUE):
                    group.create_task(self._consume(queue, f"{queue.name}/{number}", stop))
            group.create_task(self._outbox.relay(stop))
            for task in self._background:
                group.create_task(task(stop))

    async def _consume(self, queue: Queue, loop: str, stop: asyncio.Event) -> None:
        pause = 1
        while not stop.is_set():
            self._heard_of[loop] = self._clock()
            try:
                deliveries = await self._receive(queue, stop)
                if deliveries:
                    await self._work(queue, loop, deliveries)
                pause = 1
            except Exception as error:
                log.warning(
                    "consumer_paused",
                    queue=queue.name,
                    seconds=pause,
                    error=repr(error),
                )
                await sleep_unless(stop, pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                await self._until_available(loop, stop)

    async def _receive(self, queue: Queue, stop: asyncio.Event) -> list[Delivery]:
        # Stopping cuts a long poll short. A message handed out in that instant is not lost: it turns visible again.
        receiving = asyncio.ensure_future(self._queues.receive(queue.name))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else []
        finally:
            receiving.cancel()
            stopping.cancel()

    async def _until_available(self, loop: str, stop: asyncio.Event) -> None:
        """Ask the database, not the queue: receiving what cannot be handled would only use up its receives."""
        pause = 1
        while not stop.is_set():
            self._heard_of[loop] = self._clock()
            try:
                await self._store.probe()
                return
            except Exception:  # whatever it is: a loop that ended here would end the whole worker
                await sleep_unless(stop, pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _work(self, queue: Queue, loop: str, deliveries: Sequence[Delivery]) -> None:
        heartbeat = asyncio.ensure_future(self._beat(queue, loop, deliveries))
        try:
            verdicts = await self._pipeline.handle(deliveries)
        except Exception:
            with suppress(Exception):
                await self._queues.set_visibility(queue.name, dict.fromkeys(_receipts(deliveries), _GIVE_BACK_SECONDS))
            raise
        finally:
            heartbeat.cancel()
        await self._answer(queue, deliveries, verdicts)

    async def _beat(self, queue: Queue, loop: str, deliveries: Sequence[Delivery]) -> None:
        """Keep a batch from others, and its loop from being taken for one that hangs, until it does."""
        for _ in range(HEARTBEATS):
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._heard_of[loop] = self._clock()
            with suppress(Exception):
                await self._queues.set_visibility(queue.name, dict.fromkeys(_receipts(deliveries), VISIBILITY_SECONDS))

    async def _answer(self, queue: Queue, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict]) -> None:
        finished: list[str] = []
        retries: dict[str, int] = {}
        for delivery, verdict in zip(deliveries, verdicts, strict=True):
            match verdict:
                case Bury():
                    if await self._bury(queue, delivery, verdict):
                        finished.append(delivery.receipt)
                case Retry():
                    log.warning(
                        "retried",
                        queue=queue.name,
                        seconds=verdict.seconds,
                        receives=delivery.receives,
                        error=verdict.error,
                        **names_of(delivery),
                    )
                    count(Metric.RETRIED, queue.name)
                    retries[delivery.receipt] = verdict.seconds
                case Done():
                    finished.append(delivery.receipt)
        if finished:
            await self._queues.delete(queue.name, finished)
        if retries:
            await self._queues.set_visibility(queue.name, retries)

    async def _bury(self, queue: Queue, delivery: Delivery, verdict: Bury) -> bool:
        """Whether it could be buried. If not, it comes again, and SQS buries it in the end; its batch goes on."""
        try:
            await self._queues.bury(queue.dead_letter_name, delivery, verdict)
        except Exception as error:
            log.error("not_buried", queue=queue.name, reason=verdict.reason, error=repr(error), **names_of(delivery))
            return False
        count(Metric.DEAD_LETTERED, queue.name)
        log.error("buried", queue=queue.name, reason=verdict.reason, error=verdict.error, **names_of(delivery))
        return True


def _receipts(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.receipt for delivery in deliveries]
