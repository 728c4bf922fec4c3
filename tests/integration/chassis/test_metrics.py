"""What a worker counts of its messages, on real queues."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.message import Envelope, Message
from contracts.routes import Queue
from localstack.provision import provision
from services.chassis.database import Database
from services.chassis.decision import Done, Retry
from services.chassis.exporting import MetricSettings, exporting_metrics
from services.chassis.handling import Emitted
from services.chassis.kernel import NotYet
from services.chassis.relay import Outbox
from services.chassis.sqs import open_queues
from services.chassis.storage import SqlStore
from services.chassis.store import Dispatch
from services.chassis.worker import Worker
from tests.chassis import KINDS, QUEUE, Counting, cancelling, clock, delivered, metadata, tables
from tests.eventually import eventually

UNDERWAY = Queue("reservation", "underway")


def dispatched(envelope: Envelope) -> Dispatch:
    message = envelope.message
    return Dispatch(
        uuid4(), envelope.id, message.correlation, message.type, QUEUE, message.partition, envelope.encode(), clock()
    )


async def test_messages_are_counted_by_what_became_of_them(
    localstack_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    prefix = f"{uuid4().hex[:8]}-"
    provision(localstack_url, prefix=prefix, bucket=f"{prefix}tickets")
    lost, early = cancelling(failing=True), cancelling(failing=True)
    # Twice each: a batch that fails is taken again, message by message.
    reasons: dict[Message, list[Exception]] = {
        lost.message: [RuntimeError("lost")] * 2,
        early.message: [NotYet("a hold")] * 2,
    }

    handled: list[Message] = []

    def wait_or_fail(message: Message, _: object) -> Iterator[Emitted]:
        if reasons[message]:
            raise reasons[message].pop()
        handled.append(message)
        return iter(())

    database = Database(f"sqlite+aiosqlite:///{tmp_path}/counts.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    service = Counting(SqlStore(database, KINDS, tables), then=wait_or_fail)
    stream = io.StringIO()
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", prefix, stream):
        async with open_queues(prefix, localstack_url, "sa-east-1") as queues:
            outbox = Outbox(service.store, queues.send, clock)
            worker = Worker(service.pipeline(), queues, [UNDERWAY], outbox, service.store, clock)
            again = cancelling()
            await queues.send([dispatched(each) for each in (cancelling(), cancelling(), again, again)])
            await queues.send([dispatched(lost), dispatched(early)])
            await queues.client.send_message(QueueUrl=await queues.url(QUEUE), MessageBody="nonsense")
            stop = asyncio.Event()
            working = asyncio.ensure_future(worker.run(stop))
            await eventually(lambda: queues.depth(QUEUE), until=lambda depth: not depth and len(handled) == 2)
            await eventually(lambda: queues.depth(UNDERWAY.dead_letter_name))
            stop.set()
            await asyncio.wait_for(working, 20)
    await database.close()

    [line] = [json.loads(line) for line in stream.getvalue().splitlines()]
    counted = {name: line[name] for name in line if name.startswith("Messages")}
    assert (counted["MessagesHandled"], counted["MessagesDeadLettered"]) == (5, 1)
    assert {counted["MessagesRetried"], counted["MessagesParked"]} <= {1, 2}
    assert len(line["MessageAge"]) == 5
    assert line["Queue"] == QUEUE


async def test_what_the_database_did_not_take_was_not_handled(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/counts.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    reservation, stream = uuid4(), io.StringIO()
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", "test-", stream):
        # The tenth passes its handler, but not the table's CHECK: the batch is taken again, message by message.
        batch = [delivered(cancelling(reservation)) for _ in range(10)]
        verdicts = await Counting(SqlStore(database, KINDS, tables)).pipeline().handle(batch)
    await database.close()

    assert [type(verdict) for verdict in verdicts] == [Done] * 9 + [Retry]
    [line] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert line["MessagesHandled"] == 9
