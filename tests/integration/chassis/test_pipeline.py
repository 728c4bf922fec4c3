"""A batch of messages against the store in memory, SQLite and PostgreSQL: one suite, for they are one port."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.message import Envelope
from contracts.reservation import CancelReservation, ExpireReservation, HoldExpired
from services.chassis.database import Database
from services.chassis.decision import MAX_TRIES, Bury, Done, Retry
from services.chassis.dispatching import LEASE
from services.chassis.handling import Emitted, Ports, Result
from services.chassis.kernel import Impossible, NotYet
from services.chassis.locking import Moved
from services.chassis.memory import MemoryStore
from services.chassis.relay import Outbox
from services.chassis.storage import SqlStore
from services.chassis.store import Conflict, Dispatch, Store
from tests.chassis import KINDS, QUEUE, Count, Counting, Seen, cancelling, clock, delivered, metadata, tables
from tests.conftest import an_empty_database
from tests.eventually import eventually


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with an_empty_database(request, tmp_path) as url:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield SqlStore(database, KINDS, tables)
        await database.close()


async def times(store: Store, reservation: UUID) -> int:
    async with store.begin() as transaction:
        rows = await transaction.load(Count, [reservation], lock=False)
    return rows[0].times if rows else 0


async def outbox(store: Store) -> list[Dispatch]:
    """Every row of the outbox, timers too."""
    async with store.begin() as transaction:
        return list(await transaction.claim_due(clock() + timedelta(days=400 * 365), clock(), 1000))


async def test_a_batch_is_handled_and_what_follows_is_sent_at_once_but_the_timer_is_not(store: Store) -> None:
    service = Counting(store)
    first, second = cancelling(), cancelling()
    assert await service.pipeline().handle([delivered(first), delivered(second)]) == [Done(), Done()]
    assert await times(store, first.message.reservation_id) == 1  # type: ignore[attr-defined]
    # HoldReleased has no listener: it is told to the journal only.
    assert service.sent == []
    timers = await outbox(store)
    assert {row.type for row in timers} == {ExpireReservation.type}
    assert len(timers) == 2


async def test_a_message_that_comes_again_changes_nothing(store: Store) -> None:
    service = Counting(store)
    envelope = cancelling()
    reservation = envelope.message.reservation_id  # type: ignore[attr-defined]
    for batch in ([delivered(envelope), delivered(envelope)], [delivered(envelope)], [delivered(envelope, 5)]):
        assert await service.pipeline().handle(batch) == [Done()] * len(batch)
    assert (await times(store, reservation), service.calls) == (1, 1)


async def test_a_message_whose_twin_is_handled_meanwhile_changes_nothing_and_is_not_buried(store: Store) -> None:
    def once(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        if ports.rows.find(Count, message.reservation_id):
            raise Impossible("cancelled twice")
        yield from ()

    envelope = cancelling(failing=True)
    faster = Counting(store, once)

    async def overtaken(message: CancelReservation) -> Result:
        # Its own id was not known when this began, and is when its transaction begins.
        await faster.pipeline().handle([delivered(envelope)])
        return Seen(what="outside")

    slower = Counting(store, once, effects={CancelReservation: overtaken})
    assert await slower.pipeline().handle([delivered(envelope)]) == [Done()]
    assert (faster.calls, slower.calls) == (1, 1)
    assert await times(store, envelope.message.reservation_id) == 1  # type: ignore[attr-defined]
    async with store.begin() as transaction:
        assert await transaction.failures({envelope.id}) == set()


async def test_messages_of_one_row_in_one_batch_see_each_others_changes(store: Store) -> None:
    reservation = uuid4()
    batch = [delivered(cancelling(reservation)) for _ in range(9)]
    await Counting(store).pipeline().handle(batch)
    assert await times(store, reservation) == 9


async def test_one_message_that_fails_does_not_keep_the_others_from_being_handled(store: Store) -> None:
    def fail(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise RuntimeError("broken")

    good, bad = cancelling(), cancelling(failing=True)
    verdicts = await Counting(store, fail).pipeline().handle([delivered(good), delivered(bad), delivered(good)])
    assert verdicts == [Done(), Retry(1), Done()]
    assert await times(store, good.message.reservation_id) == 1  # type: ignore[attr-defined]
    assert await times(store, bad.message.reservation_id) == 0  # type: ignore[attr-defined]


async def test_a_message_that_goes_on_failing_is_buried_by_our_own_count(store: Store) -> None:
    def fail(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise RuntimeError("broken")

    pipeline, bad = Counting(store, fail).pipeline(), cancelling(failing=True)
    # SQS counts receives that were given back, too.
    verdicts = [(await pipeline.handle([delivered(bad, receives)]))[0] for receives in range(3, 3 + MAX_TRIES)]
    assert [type(verdict) for verdict in verdicts] == [Retry] * (MAX_TRIES - 1) + [Bury]
    assert verdicts[-1].reason == "failed"  # type: ignore[union-attr]


async def test_a_copy_of_a_buried_message_has_all_its_tries_again(store: Store) -> None:
    def fail(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise RuntimeError("broken")

    pipeline, bad = Counting(store, fail).pipeline(), cancelling(failing=True)

    async def tried() -> list[type]:
        return [type((await pipeline.handle([delivered(bad, n)]))[0]) for n in range(1, MAX_TRIES + 1)]

    assert await tried() == [Retry] * (MAX_TRIES - 1) + [Bury]
    assert await tried() == [Retry] * (MAX_TRIES - 1) + [Bury]


@pytest.mark.parametrize("error", [Conflict("the row exists"), Moved("the row moved")])
async def test_a_message_that_someone_else_was_faster_than_is_retried_and_no_try_is_counted(
    store: Store, error: Exception
) -> None:
    def lose(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise error

    envelope = cancelling(failing=True)
    pipeline = Counting(store, lose).pipeline()
    verdicts = [(await pipeline.handle([delivered(envelope, receives)]))[0] for receives in (1, 2, MAX_TRIES)]
    assert verdicts == [Retry(1), Retry(2), Retry(300)]
    async with store.begin() as transaction:
        assert await transaction.failures({envelope.id}) == set()


async def test_what_cannot_happen_is_buried_at_once(store: Store) -> None:
    def fail(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise Impossible("a void ticket was confirmed")

    (verdict,) = await Counting(store, fail).pipeline().handle([delivered(cancelling(failing=True))])
    assert isinstance(verdict, Bury)
    assert verdict.reason == "impossible"


async def test_the_database_itself_refuses_what_no_handler_may_do(store: Store) -> None:
    if isinstance(store, MemoryStore):
        pytest.skip("constraints are the database's")
    reservation = uuid4()
    pipeline = Counting(store).pipeline()
    verdicts = await pipeline.handle([delivered(cancelling(reservation)) for _ in range(10)])
    assert sorted(verdicts, key=lambda verdict: isinstance(verdict, Retry)) == [*[Done()] * 9, Retry(1)]
    assert await times(store, reservation) == 9


async def test_what_came_too_early_is_parked_and_deleted_from_the_queue(store: Store) -> None:
    early = Envelope.request(
        ExpireReservation(reservation_id=uuid4()), by="reservation", at=clock(), message_id=uuid4()
    )
    delivery = delivered(early)
    assert await Counting(store).pipeline().handle([delivery]) == [Done()]
    (row,) = await outbox(store)
    assert (row.queue, row.body, row.message_id) == (QUEUE, delivery.body, early.id)
    assert row.waits_for is not None
    assert "not known yet" in row.waits_for


async def test_waiting_after_a_change_is_a_mistake_of_the_handler(store: Store) -> None:
    def wait(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        ports.rows.add(Count(message.reservation_id, 1))
        raise NotYet("something")

    assert await Counting(store, wait).pipeline().handle([delivered(cancelling(failing=True))]) == [Retry(1)]
    assert await outbox(store) == []


async def test_a_handler_that_emits_what_its_row_does_not_list_is_refused(store: Store) -> None:
    def emit(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        yield HoldExpired(reservation_id=message.reservation_id, ticket_id=uuid4())

    envelope = cancelling(failing=True)
    assert await Counting(store, emit).pipeline().handle([delivered(envelope)]) == [Retry(1)]
    assert await times(store, envelope.message.reservation_id) == 0  # type: ignore[attr-defined]


async def test_a_handler_may_not_touch_what_it_did_not_declare(store: Store) -> None:
    def reach(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        ports.rows.find(Count, uuid4())
        yield from ()

    assert await Counting(store, reach).pipeline().handle([delivered(cancelling(failing=True))]) == [Retry(1)]


async def test_garbage_and_misdirected_messages_are_buried(store: Store) -> None:
    stray = Envelope.request(
        HoldExpired(reservation_id=uuid4(), ticket_id=uuid4()), by="x", at=clock(), message_id=uuid4()
    )
    old = cancelling(at=clock() - timedelta(days=401))
    bodies = ["", "{}", "null", "[]", '{"id": 1}', stray.encode(), old.encode()]
    deliveries = [delivered(cancelling())] + [delivered(stray) for _ in bodies]
    for delivery, body in zip(deliveries[1:], bodies, strict=True):
        object.__setattr__(delivery, "body", body)
    verdicts = await Counting(store).pipeline().handle(deliveries)
    assert verdicts[0] == Done()
    assert [verdict.reason for verdict in verdicts[1:]] == ["undecodable"] * 6 + ["too_old"]  # type: ignore[union-attr]


async def test_a_message_that_no_database_takes_does_not_keep_the_others_from_being_handled(store: Store) -> None:
    good, odd = cancelling(), delivered(cancelling())
    # PostgreSQL has no NUL in JSON: neither the journal nor the failed tries can hold this envelope.
    object.__setattr__(odd, "body", odd.body.replace("/bilhetagem/", "\\u0000"))
    verdicts = await Counting(store).pipeline().handle([odd, delivered(good)])
    assert verdicts[1] == Done()
    assert isinstance(verdicts[0], Retry | Done)
    assert await times(store, good.message.reservation_id) == 1  # type: ignore[attr-defined]


async def test_a_type_of_a_newer_release_is_retried_and_dropped_when_its_id_is_known(store: Store) -> None:
    pipeline, envelope = Counting(store).pipeline(), cancelling()
    newer = delivered(envelope)
    object.__setattr__(newer, "body", newer.body.replace(".v1", ".v7"))
    assert await pipeline.handle([newer]) == [Retry(1)]
    await pipeline.handle([delivered(envelope)])
    assert await pipeline.handle([newer]) == [Done()]


async def test_an_effect_runs_before_the_transaction_and_its_failure_is_its_messages_only(store: Store) -> None:
    async def effect(message: CancelReservation) -> Result:
        if message.caller == "failing":
            raise RuntimeError("outside is down")
        return Seen(what="outside")

    def note(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        yield from ()

    service = Counting(store, note, effects={CancelReservation: effect})
    good, bad = cancelling(), cancelling(failing=True)
    assert await service.pipeline().handle([delivered(good), delivered(bad)]) == [Done(), Retry(1)]
    assert service.calls == 1


async def test_a_fallback_uses_the_results_of_effects_again(store: Store) -> None:
    runs = []

    async def effect(message: CancelReservation) -> Result:
        runs.append(message)
        return Seen(what="outside")

    def fail(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
        raise RuntimeError("broken")

    service = Counting(store, fail, effects={CancelReservation: effect})
    await service.pipeline().handle([delivered(cancelling()), delivered(cancelling(failing=True))])
    assert len(runs) == 2


async def test_rows_are_claimed_once_until_the_lease_ends(store: Store) -> None:
    await Counting(store).pipeline().handle([delivered(cancelling())])
    far = clock() + timedelta(days=400 * 365)
    async with store.begin() as transaction:
        first = await transaction.claim_due(far, far + LEASE, 100)
    async with store.begin() as transaction:
        assert await transaction.claim_due(far, far + LEASE, 100) == []
        again = await transaction.claim_due(far + LEASE, far + 2 * LEASE, 100)
    assert [row.key for row in first] == [row.key for row in again]


async def test_the_journal_keeps_the_rows_a_handler_decided_by_and_what_it_emitted(store: Store) -> None:
    envelope = cancelling()
    reservation = envelope.message.reservation_id  # type: ignore[attr-defined]
    await Counting(store).pipeline().handle([delivered(envelope)])
    later = cancelling(reservation)
    await Counting(store).pipeline().handle([delivered(later)])
    entry = await journal_of(store, later.id)
    assert entry["outcome"] == "handled"
    assert [(read["kind"], str(read["id"])) for read in entry["read"]] == [("Count", str(reservation))]
    assert [emitted["type"].split(".")[2] for emitted in entry["emitted"]] == ["hold-released", "expire-reservation"]


async def journal_of(store: Store, message_id: UUID) -> dict[str, Any]:
    if isinstance(store, MemoryStore):
        entry = store.inbox[message_id]
        return {"outcome": entry.outcome, "read": entry.read, "emitted": entry.emitted}
    assert isinstance(store, SqlStore)
    async with store.database.reading() as connection:
        row = (await connection.execute(tables.inbox.select().where(tables.inbox.c.id == message_id))).one()
    return dict(row._mapping)


async def test_what_is_older_than_the_journal_remembers_is_buried_and_forgotten(store: Store) -> None:
    month = timedelta(days=31)
    old, known = cancelling(at=clock() - month - timedelta(days=1)), cancelling()
    pipeline = replace(Counting(store).pipeline(), retention=month)
    buried, done = await pipeline.handle([delivered(old), delivered(known)])
    assert isinstance(buried, Bury)
    assert (buried.reason, done) == ("too_old", Done())
    stop, later = asyncio.Event(), clock() + month + timedelta(minutes=1)
    relaying = asyncio.create_task(Outbox(store, nothing_is_accepted, lambda: later, month).relay(stop))

    async def remembered() -> set[UUID]:
        async with store.begin() as transaction:
            return await transaction.known({known.id})

    await eventually(remembered, until=lambda found: not found)
    stop.set()
    await relaying


async def nothing_is_accepted(_: Sequence[Dispatch]) -> set[UUID]:
    return set()


async def test_the_journal_and_old_tries_are_forgotten_after_their_time(store: Store) -> None:
    envelope = cancelling()
    await Counting(store).pipeline().handle([delivered(envelope)])
    async with store.begin() as transaction:
        more = await transaction.forget(journal_before=clock() + timedelta(seconds=1), keys_before=clock(), most=2)
    async with store.begin() as transaction:
        assert (more, await transaction.known({envelope.id})) == (False, set())


async def test_a_journal_that_has_piled_up_is_forgotten_piece_by_piece(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelopes = {envelope.id: envelope for envelope in (cancelling() for _ in range(5))}
    await Counting(store).pipeline().handle([delivered(envelope) for envelope in envelopes.values()])

    async def remembered() -> int:
        async with store.begin() as transaction:
            return len(await transaction.known(envelopes.keys()))

    month = timedelta(days=31)
    async with store.begin() as transaction:
        assert await transaction.forget(journal_before=clock() + month, keys_before=clock(), most=2)
    assert await remembered() == 3
    # Not an hour for each of the others.
    monkeypatch.setattr("services.chassis.relay._PRUNE_AT_ONCE", 1)
    monkeypatch.setattr("services.chassis.relay._IDLE_SECONDS", 0.01)
    stop, later = asyncio.Event(), clock() + 2 * month
    relaying = asyncio.create_task(Outbox(store, nothing_is_accepted, lambda: later, month).relay(stop))
    await eventually(remembered, until=lambda left: left == 0)
    stop.set()
    await relaying
