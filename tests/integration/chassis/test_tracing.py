"""What is traced: requests, messages in batches, statements; and what ties them together."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contracts.message import Envelope
from localstack.provision import provision
from services.chassis.database import Database
from services.chassis.handling import Emitted
from services.chassis.http_spans import TracedTransport
from services.chassis.kernel import NotYet
from services.chassis.sqs import open_queues
from services.chassis.storage import SqlStore
from services.chassis.store import Dispatch
from services.chassis.trace_context import resumed
from services.chassis.tracing import begin, current, span
from tests.chassis import KINDS, QUEUE, Counting, Seen, cancelling, clock, delivered, metadata, tables
from tests.front import Desk, Row, desk, holds, minted
from tests.spans import Spans, context, parent_of, service_of, told, trace_of, traceparent_of

ORDER = {"user_id": str(uuid4()), "ticket_id": str(uuid4()), "quantity": 2}
PARENT = 0x00F067AA0BA902B7


@pytest.fixture
def spans() -> Iterator[Spans]:
    with Spans().kept() as spans:
        yield spans


@pytest.fixture
async def store(database_url: str, spans: Spans) -> AsyncIterator[SqlStore]:
    """A store whose statements are traced."""
    database = Database(database_url, service="reservation")
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield SqlStore(database, KINDS, tables)
    await database.close()


@pytest.fixture
async def traced(tmp_path: Path, spans: Spans) -> AsyncIterator[Desk]:
    """A service whose requests are traced."""
    async with desk("reservation", holds(), f"sqlite+aiosqlite:///{tmp_path}/test.db") as one:
        yield one


def in_trace(number: int, envelope: Envelope) -> Envelope:
    return replace(envelope, traceparent=f"00-{number:032x}-{PARENT:016x}-01")


async def outbox(store: SqlStore) -> list[Dispatch]:
    async with store.begin() as transaction:
        return list(await transaction.claim_due(clock().replace(year=2400), clock(), 100))


def trace_in(dispatch: Dispatch) -> str:
    return str(Envelope.decode(dispatch.body).traceparent)


# Messages


async def test_every_message_of_a_batch_is_traced_where_it_belongs(store: SqlStore, spans: Spans) -> None:
    batch = [in_trace(number, cancelling()) for number in (1, 2, 3)]
    await Counting(store).pipeline().handle([delivered(envelope) for envelope in batch])

    handled = spans.named("process")
    assert [int(trace_of(one), 16) for one in handled] == [1, 2, 3]
    assert {parent_of(one) for one in handled} == {PARENT}
    assert [told(one, "messaging.message.id") for one in handled] == [str(envelope.id) for envelope in batch]
    first, *others = handled
    assert dict(first.attributes or {}) == {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": QUEUE,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": str(batch[0].id),
        "messaging.message.conversation_id": batch[0].message.correlation,
        "cloudevents.event_id": str(batch[0].id),
        "cloudevents.event_type": "bilhetagem.reservation.cancel-reservation.v1",
        "bilhetagem.outcome": "handled",
    }
    # One transaction did it for all: it is told once, and the others say where.
    statements = [one for one in spans.all if told(one, "db.system.name")]
    assert {parent_of(one) for one in statements} == {context(first).span_id}
    assert {link.context.span_id for other in others for link in other.links} == {context(first).span_id}


async def test_what_follows_and_the_timer_are_traced_where_they_came_from(store: SqlStore, spans: Spans) -> None:
    one, two = in_trace(1, cancelling()), in_trace(2, cancelling())
    await Counting(store).pipeline().handle([delivered(one), delivered(two)])
    timers = {row.correlation: trace_in(row) for row in await outbox(store)}
    assert timers == {
        str(told(handled, "messaging.message.conversation_id")): traceparent_of(handled)
        for handled in spans.named("process")
    }


async def test_a_parked_message_stays_in_its_trace(store: SqlStore, spans: Spans) -> None:
    def wait(*_: object) -> Iterator[Emitted]:
        raise NotYet("a hold")

    envelope = in_trace(7, cancelling(failing=True))
    await Counting(store, then=wait).pipeline().handle([delivered(envelope)])
    [handled] = spans.named("process")
    assert told(handled, "bilhetagem.outcome") == "parked"
    assert [trace_in(row) for row in await outbox(store)] == [envelope.traceparent]


async def test_a_failure_is_told_by_its_class_only(store: SqlStore, spans: Spans) -> None:
    def fail(*_: object) -> Iterator[Emitted]:
        raise RuntimeError("Ana Souza, ana@example.com")

    await Counting(store, then=fail).pipeline().handle([delivered(in_trace(7, cancelling(failing=True)))])
    [handled] = spans.named("process")
    assert (handled.status.status_code, told(handled, "error.type")) == (StatusCode.ERROR, "RuntimeError")
    assert told(handled, "bilhetagem.outcome") == "retried"
    assert "Ana" not in "".join(one.to_json() for one in spans.all)


async def test_what_an_effect_does_is_a_part_of_its_own_message(store: SqlStore, spans: Spans) -> None:
    async def look(message: object) -> Seen:
        with span("look", SpanKind.CLIENT, {}):
            return Seen(what=str(message))

    service = Counting(store, effects={type(cancelling().message): look})
    await service.pipeline().handle([delivered(in_trace(number, cancelling())) for number in (1, 2)])
    assert sorted(int(trace_of(looked), 16) for looked in spans.named("look")) == [1, 2]


async def test_sqs_gets_the_trace_as_x_ray_writes_it(
    localstack_url: str, monkeypatch: pytest.MonkeyPatch, spans: Spans
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    prefix = f"{uuid4().hex[:8]}-"
    provision(localstack_url, prefix=prefix, bucket=f"{prefix}tickets")
    envelope = in_trace(0x5759E988BD862E3FE1BE46A994272793, cancelling())
    message = envelope.message
    row = Dispatch(uuid4(), envelope.id, message.correlation, message.type, QUEUE, "one", envelope.encode(), clock())
    async with open_queues(prefix, localstack_url, "sa-east-1") as queues:
        assert await queues.send([row]) == {row.key}
        answer = await queues.client.receive_message(
            QueueUrl=await queues.url(QUEUE), MessageSystemAttributeNames=["AWSTraceHeader"]
        )
    [sent] = spans.named("send")
    assert parent_of(sent) == PARENT
    assert answer["Messages"][0]["Attributes"]["AWSTraceHeader"] == (
        f"Root=1-5759e988-bd862e3fe1be46a994272793;Parent={context(sent).span_id:016x};Sampled=1"
    )


# Requests


@pytest.mark.parametrize(
    ("headers", "trace", "parent"),
    [
        ({"traceparent": f"00-{'ab' * 16}-{PARENT:016x}-01"}, "ab" * 16, PARENT),
        (
            {"X-Amzn-Trace-Id": f"Self=1-1-1;Root=1-5759e988-bd862e3fe1be46a994272793;Parent={PARENT:016x};Sampled=1"},
            "5759e988bd862e3fe1be46a994272793",
            PARENT,
        ),
        ({"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793"}, "5759e988bd862e3fe1be46a994272793", 0),
        (
            {"traceparent": f"00-{'ab' * 16}-{PARENT:016x}-01", "X-Amzn-Trace-Id": "Root=1-5759e988-" + "1" * 24},
            "ab" * 16,
            PARENT,
        ),
    ],
    ids=["the client's", "a gateway's that traces", "a balancer's", "the client's before the balancer's"],
)
async def test_a_request_joins_the_trace_that_it_brings(
    traced: Desk, spans: Spans, headers: dict[str, str], trace: str, parent: int
) -> None:
    await traced.client.post("/reservations/", json=ORDER, headers=headers)
    [request] = spans.named("POST")
    assert (trace_of(request), parent_of(request)) == (trace, parent)
    assert [one.traceparent for one in traced.sent] == [traceparent_of(request)]


@pytest.mark.parametrize("header", ["Root=1-zz", "Root=1-00000000-" + "0" * 24, "nonsense", ""])
async def test_a_header_that_makes_no_sense_begins_a_trace(traced: Desk, spans: Spans, header: str) -> None:
    await traced.client.post("/reservations/", json=ORDER, headers={"X-Amzn-Trace-Id": header, "traceparent": "00-x"})
    [request] = spans.named("POST")
    assert (parent_of(request), int(trace_of(request), 16) > 0) == (0, True)


async def test_a_request_is_told_by_its_route(traced: Desk, spans: Spans) -> None:
    hold = Row(minted(), "Ana Souza", "held")
    await traced.put(hold)
    await traced.client.get(f"/reservations/{hold.id}?who=ana@example.com", headers={"Authorization": "Bearer secret"})
    await traced.client.get("/health")
    await traced.client.get("/ready")
    [request] = spans.named("GET")
    assert (request.name, service_of(request)) == ("GET /reservations/{id}", "reservation")
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/reservations/{id}",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    [read] = [one for one in spans.all if parent_of(one) == context(request).span_id]
    assert (read.name, told(read, "db.operation.name"), told(read, "db.collection.name")) == (
        "SELECT rows",
        "SELECT",
        "rows",
    )
    everything = "".join(one.to_json() for one in spans.all)
    assert [word for word in ("Ana", "ana@", "Bearer", str(hold.id)) if word in everything] == []


async def test_the_poll_for_all_who_wait_is_nobodys(traced: Desk, spans: Spans) -> None:
    await traced.client.post("/reservations/", json=ORDER, headers={"Prefer": "wait=1"})
    assert spans.named("SELECT") == []


async def test_a_call_to_others_takes_the_trace_along(spans: Spans) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    transport = TracedTransport(httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport) as client:
        with resumed(f"00-{'ab' * 16}-{PARENT:016x}-01"):
            await client.post("https://gateway.example/charges?secret=1")
    [call] = spans.named("POST")
    assert (trace_of(call), parent_of(call), told(call, "error.type")) == ("ab" * 16, PARENT, "404")
    assert (told(call, "server.address"), told(call, "server.port")) == ("gateway.example", 443)
    assert asked[0].headers["traceparent"] == traceparent_of(call)
    assert "secret" not in call.to_json()


# Statements, sampling, off


async def test_a_statement_that_fails_has_failed_in_its_trace_too(store: SqlStore, spans: Spans) -> None:
    outer = begin("outer", SpanKind.INTERNAL, {})
    with current(outer), pytest.raises(DBAPIError):
        async with store.database.reading() as connection:
            await connection.execute(text("SELECT x FROM nowhere"))
    [failed] = spans.named("SELECT")
    assert failed.status.status_code is StatusCode.ERROR
    assert parent_of(failed) == outer.get_span_context().span_id


async def test_a_service_that_looks_for_work_makes_no_spans(store: SqlStore, spans: Spans) -> None:
    assert await outbox(store) == []
    await store.probe()
    assert spans.all == ()


async def test_what_is_not_sampled_says_so_to_those_who_follow(store: SqlStore) -> None:
    with Spans().kept(sampled=0) as spans:
        kept, left = in_trace(1, cancelling()), cancelling()
        await Counting(store).pipeline().handle([delivered(left), delivered(kept)])
    assert [int(trace_of(one), 16) for one in spans.named("process")] == [1]
    assert sorted(int(trace_in(row)[-2:], 16) & 1 for row in await outbox(store)) == [0, 1]
