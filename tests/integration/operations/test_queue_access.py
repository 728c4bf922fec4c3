"""Looking into queues and sending dead letters back: on LocalStack, where a look changes nothing, and on moto, where it
is a receive as on AWS.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from contracts.message import Envelope
from contracts.payment import PaymentApproved
from contracts.routes import Queue
from localstack.provision import REGION, provision
from services.chassis.decision import Bury
from services.chassis.letters import Delivery
from services.operations.dead_letters import RECEIVED_TOO_OFTEN, DeadLetter
from services.operations.deployment import Deployment
from services.operations.desk import Desk, at_desk
from services.operations.discarding import discard
from services.operations.errors import Trouble
from services.operations.queue_access import QueueAccess
from services.operations.queues import Place, Seen
from services.operations.redriving import send_back
from tests.eventually import eventually

LANE = Queue("reservation", "underway")
FAILED = Bury("failed", "ValueError: no such seat", "handlers.py:12 in confirm()")


@pytest.fixture(params=["localstack", "moto"])
async def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """The desk of a system with empty queues of its own, whose services do not run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    if request.param == "localstack":
        async with a_desk(request.getfixturevalue("localstack_url")) as opened:
            yield opened
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    await asyncio.to_thread(server.start)
    host, port = server.get_host_and_port()
    async with a_desk(f"http://{host}:{port}") as opened:
        yield opened
    await asyncio.to_thread(server.stop)


def a_desk(url: str) -> Any:
    prefix = f"{uuid4().hex[:8]}-"
    provision(url, prefix=prefix, bucket=f"{prefix}tickets")
    deployment = Deployment(aws_endpoint=url, region=REGION, queue_prefix=prefix, services={}, operators_secret=None)
    return at_desk(deployment)


@pytest.fixture
def access(desk: Desk) -> QueueAccess:
    return desk.access


def an_approval() -> str:
    message = PaymentApproved.model_validate({"order_id": uuid4(), "event_id": uuid4(), "amount": 180})
    return Envelope.request(message, by="test", at=datetime.now(UTC), message_id=uuid4()).encode()


async def put(access: QueueAccess, name: str, *bodies: str) -> None:
    for body in bodies:
        await access.queues.client.send_message(QueueUrl=await access.queues.url(name), MessageBody=body)


async def bury(access: QueueAccess, *bodies: str) -> None:
    """As a worker does."""
    for body in bodies:
        await access.queues.bury(LANE.dead_letter_name, Delivery(LANE.name, body, "", 9), FAILED)


async def visible(access: QueueAccess, name: str, number: int) -> list[Seen]:
    """A queue's messages once there are as many that everybody sees."""
    await eventually(
        lambda: access.counts(name), until=lambda counts: (counts.waiting, counts.in_flight) == (number, 0)
    )
    return await access.look(name)


async def test_a_look_shows_every_message_and_leaves_it_to_the_workers(access: QueueAccess) -> None:
    bodies = {an_approval() for _ in range(23)}
    await put(access, LANE.name, *bodies)

    assert {seen.body for seen in await access.look(LANE.name)} == bodies

    seen = await visible(access, LANE.name, 23)
    assert {message.receives for message in seen} == {0 if access.peeks else 2}
    assert {message.place for message in seen} == {Place.WAITING if access.peeks else Place.TAKEN}


async def test_a_look_at_one_message_and_at_none(access: QueueAccess) -> None:
    assert await access.look(LANE.name) == []
    await put(access, LANE.name, "garbage")

    (seen,) = await access.look(LANE.name)

    assert (seen.body, seen.attributes, seen.moved_by_sqs) == ("garbage", {}, False)
    assert abs(datetime.now(UTC) - seen.sent_at) < timedelta(minutes=1)


async def test_as_few_messages_as_will_do_are_received(access: QueueAccess) -> None:
    await put(access, LANE.name, *(an_approval() for _ in range(23)))

    assert len(await access.look(LANE.name, most=3)) == 3

    seen = await visible(access, LANE.name, 23)
    assert access.peeks or sum(message.receives for message in seen) == 23 + 10


async def test_a_queue_that_does_not_exist_is_told_with_how_to_make_it(access: QueueAccess) -> None:
    with pytest.raises(Trouble, match=r"no queue .*nowhere in this AWS: .*`bilhetagem provision`"):
        await access.look("nowhere")


async def test_the_overview_counts_what_waits_what_a_worker_holds_and_what_is_dead(desk: Desk) -> None:
    await put(desk.access, LANE.name, an_approval(), an_approval())
    await bury(desk.access, "garbage")
    await desk.access.queues.client.receive_message(QueueUrl=await desk.access.queues.url(LANE.name))

    states = {state.name: state for state in await desk.overview()}

    state = states.pop(LANE.name)
    assert (state.listener, state.counts.all, state.counts.in_flight, state.dead) == ("reservation", 2, 1, 1)
    assert state.types == ({"PaymentApproved": 2} if desk.access.peeks else None)
    assert {(other.counts.all, other.dead) for other in states.values()} == {(0, 0)}


async def test_queues_that_are_empty_are_not_looked_into(desk: Desk) -> None:
    looks: list[str] = []

    class Watched(QueueAccess):
        async def look(self, name: str, most: int | None = None) -> list[Seen]:
            looks.append(name)
            return await super().look(name, most)

        async def age(self, name: str) -> timedelta | None:
            looks.append(name)
            return await super().age(name)

    await put(desk.access, LANE.name, an_approval())

    states = await Desk(Watched(**vars(desk.access)), None).overview()

    assert set(looks) == {LANE.name}
    assert {(state.oldest, str(state.types)) for state in states if state.name != LANE.name} == {(None, "{}")}


async def test_why_a_worker_gave_up_is_told_and_what_sqs_moved_has_no_reason_of_ours(desk: Desk) -> None:
    await bury(desk.access, an_approval())
    (letter,) = await desk.dead_letters()
    assert (letter.reason, letter.error, letter.place, letter.receives, letter.queue) == (
        *(FAILED.reason, FAILED.error, FAILED.place, 9),
        LANE,
    )
    if not desk.access.peeks:
        return  # moto does not tell who moved a message
    url = await desk.access.queues.url(LANE.name)
    policy = (await desk.access.queues.client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]))[
        "Attributes"
    ]["RedrivePolicy"]
    once = json.dumps(json.loads(policy) | {"maxReceiveCount": 1})
    await desk.access.queues.client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": once})
    await put(desk.access, LANE.name, an_approval())
    for _ in range(2):
        await desk.access.queues.client.receive_message(QueueUrl=url, VisibilityTimeout=0)

    moved = await eventually(desk.dead_letters, until=lambda letters: len(letters) == 2)

    assert sorted(each.reason for each in moved) == ["failed", RECEIVED_TOO_OFTEN]


async def test_only_what_is_wanted_is_taken_and_the_rest_is_seen_again(access: QueueAccess) -> None:
    await put(access, LANE.dead_letter_name, *(f"{number}" for number in range(25)))
    wanted = {seen.sqs_id for seen in await access.look(LANE.dead_letter_name) if seen.body in {"3", "17"}}

    taken = []
    async with aclosing(access.take(LANE.dead_letter_name, wanted)) as batches:
        async for batch in batches:
            taken += batch

    assert {each.seen.body for each in taken} == {"3", "17"}
    counts = await access.counts(LANE.dead_letter_name)
    assert (counts.waiting, counts.in_flight) == (23, 2)


async def sent_back(access: QueueAccess, letters: Sequence[DeadLetter], **rewritten: str) -> list[str | None]:
    return [refused async for _, refused in send_back(access, letters, rewritten)]


async def test_dead_letters_go_back_as_they_were_without_what_the_worker_attached(desk: Desk) -> None:
    bodies = [*(an_approval() for _ in range(11)), "garbage"]
    await bury(desk.access, *bodies)

    assert await sent_back(desk.access, await desk.dead_letters()) == [None] * 12

    back = await visible(desk.access, LANE.name, 12)
    assert sorted(seen.body for seen in back) == sorted(bodies)
    assert all(seen.attributes == {} for seen in back)
    assert await desk.dead_letters() == []


@dataclass(frozen=True)
class Killed(QueueAccess):
    """Access that ends between the copy and the delete, as `kill -9` does."""

    async def delete(self, name: str, receipts: Sequence[str]) -> None:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Refused(QueueAccess):
    """Access to a queue that accepts nothing."""

    async def send(self, name: str, copies: Any) -> set[str]:
        return set()


async def test_killed_between_copy_and_delete_nothing_is_lost(desk: Desk) -> None:
    body = an_approval()
    await bury(desk.access, body)
    letters = await desk.dead_letters()

    with pytest.raises(KeyboardInterrupt):
        await sent_back(Killed(**vars(desk.access)), letters)

    counts = await desk.access.counts(LANE.dead_letter_name)
    assert counts.all == 1
    assert [seen.body for seen in await visible(desk.access, LANE.name, 1)] == [body]


async def test_what_the_queue_does_not_accept_stays_a_dead_letter_that_everybody_sees(desk: Desk) -> None:
    await bury(desk.access, an_approval())

    outcome = await sent_back(Refused(**vars(desk.access)), await desk.dead_letters())

    assert outcome == ["SQS did not accept the copy"]
    assert len(await visible(desk.access, LANE.dead_letter_name, 1)) == 1
    assert (await desk.access.counts(LANE.name)).all == 0


async def test_a_dead_letter_that_somebody_else_took_is_told_as_gone(desk: Desk) -> None:
    await bury(desk.access, an_approval())
    letters = await desk.dead_letters()
    await sent_back(desk.access, letters)

    assert await sent_back(desk.access, letters) == ["it is not there any more, or someone else looks at it now"]
    with pytest.raises(Trouble, match="is not there any more"):
        await discard(desk.access, letters[0], lambda: None)


async def test_a_dead_letter_is_deleted_only_after_its_end_was_noted(desk: Desk) -> None:
    await bury(desk.access, an_approval(), "another")
    letter = next(each for each in await desk.dead_letters() if each.contents.id)

    def a_full_disk() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        await discard(desk.access, letter, a_full_disk)
    assert (await desk.access.counts(LANE.dead_letter_name)).all == 2


async def test_a_discarded_dead_letter_is_gone_and_the_others_stay(desk: Desk) -> None:
    await bury(desk.access, an_approval(), "another")
    letter = next(each for each in await desk.dead_letters() if each.contents.id)
    noted: list[str] = []

    await discard(desk.access, letter, lambda: noted.append("noted"))

    assert noted == ["noted"]
    assert [seen.body for seen in await visible(desk.access, LANE.dead_letter_name, 1)] == ["another"]


async def test_one_of_two_copies_has_to_be_named_by_sqs_id(desk: Desk) -> None:
    body = an_approval()
    await bury(desk.access, body, body)
    key = (await desk.dead_letters())[0].key

    with pytest.raises(Trouble, match="Name one of them by SQS's id") as ambiguous:
        await desk.one_dead_letter(key)
    sqs_id = str(ambiguous.value).split()[-3]
    assert (await desk.one_dead_letter(sqs_id)).seen.sqs_id == sqs_id
    with pytest.raises(Trouble, match="There is no dead letter nobody"):
        await desk.one_dead_letter("nobody")


async def test_on_aws_the_age_of_the_oldest_message_is_cloudwatchs(desk: Desk) -> None:
    if desk.access.peeks:
        assert await desk.access.age(LANE.name) is None
        return
    assert await desk.access.age(LANE.name) is None
    endpoint = desk.access.queues.client.meta.endpoint_url
    cloudwatch = boto3.client("cloudwatch", endpoint_url=endpoint, region_name=REGION)
    name = f"{desk.access.queues.prefix}{LANE.name}"
    await asyncio.to_thread(
        cloudwatch.put_metric_data,
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": name}],
                # moto leaves out the last period, which is not full yet.
                "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
                "Value": 77,
            }
        ],
    )

    await put(desk.access, LANE.name, an_approval())

    states = {state.name: state for state in await desk.overview()}

    assert states[LANE.name].oldest == timedelta(seconds=77)
