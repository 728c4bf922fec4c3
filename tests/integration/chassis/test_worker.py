"""The consumer on real queues: what becomes of messages, and of a worker whose surroundings fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.message import Envelope
from contracts.queues import VISIBILITY_SECONDS
from contracts.reservation import CancelReservation, ExpireReservation
from contracts.routes import Queue
from localstack.provision import provision
from services.chassis.database import Database
from services.chassis.decision import Bury
from services.chassis.dispatching import LEASE
from services.chassis.handling import Emitted, Ports, Result
from services.chassis.letters import Delivery
from services.chassis.relay import SEND_SECONDS, Outbox
from services.chassis.sqs import Queues, open_queues
from services.chassis.storage import SqlStore, SqlTransaction
from services.chassis.store import Dispatch, Store
from services.chassis.worker import STALE_AFTER, Worker
from services.operations.postgres import Postgres
from tests.chassis import KINDS, QUEUE, Count, Counting, cancelling, clock, metadata, tables
from tests.eventually import eventually

REGION = "sa-east-1"
UNDERWAY = Queue("reservation", "underway")


@pytest.fixture
async def queues(localstack_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queues]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    prefix = f"{uuid4().hex[:8]}-"
    provision(localstack_url, prefix=prefix, bucket=f"{prefix}tickets")
    async with open_queues(prefix, localstack_url, REGION) as opened:
        yield opened


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with a_store(f"sqlite+aiosqlite:///{tmp_path}/counts.db") as opened:
        yield opened


@asynccontextmanager
async def a_store(url: str) -> AsyncIterator[SqlStore]:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield SqlStore(database, KINDS, tables)
    await database.close()


def a_worker(service: Counting, queues: Queues) -> Worker:
    outbox = Outbox(service.store, queues.send, clock)
    return Worker(service.pipeline(), queues, [UNDERWAY], outbox, service.store, clock)


@asynccontextmanager
async def working(service: Counting, queues: Queues) -> AsyncIterator[Worker]:
    worker, stop = a_worker(service, queues), asyncio.Event()
    running = asyncio.ensure_future(worker.run(stop))
    yield worker
    stop.set()
    await asyncio.wait_for(running, 20)


def dispatch(envelope: Envelope) -> Dispatch:
    message = envelope.message
    return Dispatch(
        uuid4(), envelope.id, message.correlation, message.type, QUEUE, message.partition, envelope.encode(), clock()
    )


async def times(store: Store, envelope: Envelope) -> int:
    message = envelope.message
    assert isinstance(message, CancelReservation)
    async with store.begin() as transaction:
        rows = await transaction.load(Count, [message.reservation_id], lock=False)
    return rows[0].times if rows else 0


async def waiting(queues: Queues, name: str) -> int:
    """Messages on a queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await queues.client.get_queue_attributes(
        QueueUrl=await queues.url(name),
        AttributeNames=names,  # type: ignore[arg-type]
    )
    return sum(int(count) for count in answer["Attributes"].values())


async def test_messages_are_handled_once_and_deleted(queues: Queues, store: SqlStore) -> None:
    envelopes = [cancelling() for _ in range(25)]
    dispatches = [dispatch(envelope) for envelope in envelopes]
    assert await queues.send(dispatches) == {row.key for row in dispatches}
    assert await queues.send(dispatches) == {row.key for row in dispatches}
    async with working(Counting(store), queues):
        await eventually(lambda: waiting(queues, QUEUE), until=lambda count: count == 0)
    assert [await times(store, envelope) for envelope in envelopes] == [1] * 25


async def test_what_cannot_be_read_lies_in_the_dead_letter_queue_with_its_reason(
    queues: Queues, store: SqlStore
) -> None:
    await queues.client.send_message(QueueUrl=await queues.url(QUEUE), MessageBody='{"not": "ours"}')
    async with working(Counting(store), queues):
        await eventually(lambda: waiting(queues, UNDERWAY.dead_letter_name), until=lambda count: count == 1)
        await eventually(lambda: waiting(queues, QUEUE), until=lambda count: count == 0)
    answer = await queues.client.receive_message(
        QueueUrl=await queues.url(UNDERWAY.dead_letter_name), MessageAttributeNames=["All"]
    )
    attributes = answer["Messages"][0]["MessageAttributes"]
    assert answer["Messages"][0]["Body"] == '{"not": "ours"}'
    assert attributes["reason"]["StringValue"] == "undecodable"
    assert attributes["source-queue"]["StringValue"] == QUEUE
    assert "no CloudEvents envelope" in attributes["error"]["StringValue"]


async def test_what_cannot_be_buried_keeps_nobody_elses_message_on_the_queue(queues: Queues, store: SqlStore) -> None:
    refused = asyncio.Event()

    class WithoutDeadLetters(Queues):
        async def bury(self, dead_letter_queue: str, delivery: Delivery, verdict: Bury) -> None:
            refused.set()
            raise RuntimeError("too large together with its reason")

    envelopes = [cancelling() for _ in range(9)]
    url = await queues.url(QUEUE)
    await queues.client.send_message(QueueUrl=url, MessageBody="too large")
    await queues.send([dispatch(envelope) for envelope in envelopes])
    async with working(Counting(store), WithoutDeadLetters(queues.client, queues.prefix, {})):
        await asyncio.wait_for(refused.wait(), 20)
        await eventually(lambda: waiting(queues, QUEUE), until=lambda count: count == 1)
    assert [await times(store, envelope) for envelope in envelopes] == [1] * 9


async def test_a_message_that_failed_comes_again_after_its_back_off(queues: Queues, store: SqlStore) -> None:
    tries: list[str] = []

    def fail_once(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        tries.append(message.caller)
        if len(tries) == 1:
            raise RuntimeError("broken")
        yield from ()

    envelope = cancelling(failing=True)
    await queues.send([dispatch(envelope)])
    async with working(Counting(store, fail_once), queues):
        await eventually(lambda: times(store, envelope), until=lambda count: count == 1)
    assert len(tries) == 2


async def test_what_came_too_early_is_parked_in_the_outbox_until_the_relay_sends_it_again(
    queues: Queues, store: SqlStore
) -> None:
    cause = cancelling()
    assert isinstance(cause.message, CancelReservation)
    early = Envelope.request(
        ExpireReservation(reservation_id=cause.message.reservation_id),
        by="reservation",
        at=clock(),
        message_id=uuid4(),
    )
    await queues.send([dispatch(early)])

    async def is_known() -> bool:
        async with store.begin() as transaction:
            return early.id in await transaction.known({early.id})

    async with working(Counting(store), queues):
        await eventually(lambda: waiting(queues, QUEUE), until=lambda count: count == 0)
        assert not await is_known()
        await queues.send([dispatch(cause)])
        await eventually(is_known)


async def test_a_lost_database_pauses_the_worker_and_is_no_messages_fault(queues: Queues, tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    try:
        url = await server.ensure_database("counts")
        async with a_store(url) as store, working(Counting(store), queues):
            before, meanwhile = cancelling(), cancelling()
            await queues.send([dispatch(before)])
            await eventually(lambda: times(store, before), until=lambda count: count == 1)
            server.stop()
            await queues.send([dispatch(meanwhile)])
            assert await waiting(queues, QUEUE) == 1
            server.start()

            async def handled() -> int:
                try:
                    return await times(store, meanwhile)
                except Exception:
                    return 0

            await eventually(handled, until=lambda count: count == 1, seconds=40)
            assert await waiting(queues, UNDERWAY.dead_letter_name) == 0
            async with store.begin() as transaction:
                assert await transaction.failures({meanwhile.id}) == set()
    finally:
        server.stop()


async def test_a_worker_outlives_whatever_a_database_says_while_it_is_not_usable(
    queues: Queues, store: SqlStore
) -> None:
    envelope = cancelling()
    asked: list[int] = []

    class Wrong(SqlStore):
        @asynccontextmanager
        async def begin(self) -> AsyncIterator[SqlTransaction]:
            if len(asked) < 2:
                raise RuntimeError("password authentication failed")
            async with super().begin() as transaction:
                yield transaction

        async def probe(self) -> None:
            asked.append(len(asked))
            if len(asked) < 2:
                raise RuntimeError("password authentication failed")

    await queues.send([dispatch(envelope)])
    async with working(Counting(Wrong(store.database, KINDS, tables)), queues):
        await eventually(lambda: times(store, envelope), until=lambda count: count == 1)
    assert len(asked) == 2


async def test_a_stopping_worker_finishes_what_it_began(queues: Queues, store: SqlStore) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(message: CancelReservation) -> Any:
        begun.set()
        await may_end.wait()

    envelope = cancelling()
    worker, stop = a_worker(Counting(store, effects={CancelReservation: slow}), queues), asyncio.Event()
    await queues.send([dispatch(envelope)])
    running = asyncio.ensure_future(worker.run(stop))
    await asyncio.wait_for(begun.wait(), 20)
    stop.set()
    may_end.set()
    await asyncio.wait_for(running, 20)
    assert await times(store, envelope) == 1
    assert await waiting(queues, QUEUE) == 0


async def test_the_consumer_survives_receives_that_fail(queues: Queues, store: SqlStore) -> None:
    url = await queues.url(QUEUE)
    envelope = cancelling()
    await queues.send([dispatch(envelope)])
    failed = asyncio.Event()

    class Flaky(Queues):
        async def receive(self, queue: str, wait_seconds: int = 1) -> list[Delivery]:
            try:
                return await super().receive(queue, wait_seconds)
            except Exception:
                failed.set()
                self.urls[QUEUE] = url
                raise

    flaky = Flaky(queues.client, queues.prefix, {QUEUE: f"{url}-gone"})
    async with working(Counting(store), flaky):
        await eventually(lambda: times(store, envelope), until=lambda count: count == 1)
    assert failed.is_set()


async def test_a_loop_that_is_not_heard_of_for_too_long_is_stale(queues: Queues, store: SqlStore) -> None:
    service, moment = Counting(store), clock()
    now = [moment]
    worker = Worker(
        service.pipeline(), queues, [UNDERWAY], Outbox(store, queues.send, clock), store, clock=lambda: now[0]
    )
    assert worker.stale() == []
    now[0] = moment + STALE_AFTER + timedelta(seconds=1)
    assert worker.stale() == ["reservation-underway/0", "reservation-underway/1", "outbox"]


@dataclass
class UnderWay:
    """A worker in the midst of a batch of one, which ends when ``done`` is set; what it told SQS of it meanwhile."""

    worker: Worker = field(init=False)
    now: datetime = field(default_factory=clock)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    beats: list[int] = field(default_factory=list)


@asynccontextmanager
async def under_way(queues: Queues, store: SqlStore) -> AsyncIterator[UnderWay]:
    batch, begun = UnderWay(), asyncio.Event()

    async def takes_long(message: CancelReservation) -> Result:
        begun.set()
        await batch.done.wait()
        return Result()

    class Watched(Queues):
        async def set_visibility(self, queue: str, seconds: Mapping[str, int]) -> None:
            batch.beats.extend(seconds.values())
            await super().set_visibility(queue, seconds)

    watched = Watched(queues.client, queues.prefix, {})
    pipeline = Counting(store, effects={CancelReservation: takes_long}).pipeline()
    outbox = Outbox(store, queues.send, clock)
    batch.worker = Worker(pipeline, watched, [UNDERWAY], outbox, store, clock=lambda: batch.now)
    await queues.send([dispatch(cancelling())])
    stop = asyncio.Event()
    running = asyncio.ensure_future(batch.worker.run(stop))
    await asyncio.wait_for(begun.wait(), 20)
    yield batch
    batch.done.set()
    stop.set()
    await asyncio.wait_for(running, 20)


async def hanging(batch: UnderWay) -> int:
    """How many of the two loops hang: one waits for messages that do not come, the other is at work."""
    return sum(loop.startswith(QUEUE) for loop in batch.worker.stale())


async def told(batch: UnderWay) -> int:
    return len(batch.beats)


async def test_a_batch_under_way_is_kept_from_others_and_its_loop_does_not_hang(
    queues: Queues, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.worker.HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr("services.chassis.worker.HEARTBEATS", 1_000_000)
    async with under_way(queues, store) as batch:
        batch.now += STALE_AFTER + timedelta(seconds=1)
        await eventually(lambda: hanging(batch), until=lambda loops: loops == 1)
    assert set(batch.beats) == {VISIBILITY_SECONDS}


async def test_a_batch_that_takes_too_long_hangs_and_is_left_to_others(
    queues: Queues, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.worker.HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr("services.chassis.worker.HEARTBEATS", 3)
    async with under_way(queues, store) as batch:
        await eventually(lambda: told(batch), until=lambda beats: beats == 3)
        batch.now += STALE_AFTER + timedelta(seconds=1)
        assert await hanging(batch) == 2
    assert len(batch.beats) == 3


async def test_a_send_that_hangs_is_left_to_the_relay(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.chassis.relay.SEND_SECONDS", 0.05)

    async def hang(dispatches: Sequence[Dispatch]) -> set[UUID]:
        await asyncio.Event().wait()
        return set()

    row = dispatch(cancelling())
    async with store.begin() as transaction:
        await transaction.enqueue([row])
    outbox = Outbox(store, hang, clock)
    await asyncio.wait_for(outbox.send([row]), 5)
    assert await asyncio.wait_for(outbox.relay_once(), 5) == 1
    async with store.begin() as transaction:
        (left,) = await transaction.claim_due(clock() + LEASE, clock() + 2 * LEASE, 10)
    assert left.key == row.key


def test_a_send_ends_before_its_lease() -> None:
    assert LEASE.total_seconds() > SEND_SECONDS
