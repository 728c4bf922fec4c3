"""What operators do at SQS: count and look, take out of a dead-letter queue, and put back. LocalStack and AWS alike.

LocalStack shows messages without consuming them, at an address that AWS does not have (``/_aws/sqs/messages``). There a
look is a receive: it counts as one, and hides the messages from everybody else until they are given back.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from aiobotocore.session import get_session

from services.chassis.sqs import BATCH_ENTRIES, Queues, open_queues
from services.chassis.store import Dispatch
from services.operations.deployment import Deployment
from services.operations.errors import Trouble
from services.operations.queues import Counts, Place, Seen

if TYPE_CHECKING:
    from types_aiobotocore_sqs.literals import QueueAttributeNameType
    from types_aiobotocore_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 120
"""How long a message that was taken is hidden, if the command that took it is killed before it gives it back."""

_WAIT_SECONDS = 1
"""A receive that waits asks all of SQS's servers; one that does not may miss messages (SQS, "short polling")."""

_AGE_PERIOD = timedelta(minutes=5)
_COUNTS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was received, hidden from all others, and its receipt."""

    seen: Seen
    receipt: str


@dataclass(frozen=True)
class QueueAccess:
    """The queues of a running system, by the names that the choreography gives them."""

    queues: Queues
    peek_url: str | None
    """Where messages are shown without consuming them; None: a look is a receive."""
    http: httpx.AsyncClient
    cloudwatch: Any | None

    @property
    def peeks(self) -> bool:
        """Whether looking changes nothing."""
        return self.peek_url is not None

    async def counts(self, name: str) -> Counts:
        """How many messages a queue has. Raises Trouble when there is no such queue, and botocore's errors."""
        answer = await self.queues.client.get_queue_attributes(QueueUrl=await self._url(name), AttributeNames=_COUNTS)
        return Counts(*(int(answer["Attributes"][attribute]) for attribute in _COUNTS))

    async def age(self, name: str) -> timedelta | None:
        """The age of a queue's oldest message as CloudWatch last heard of it; None where it did not."""
        if self.cloudwatch is None:
            return None
        now = datetime.now(UTC)
        answer = await self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": f"{self.queues.prefix}{name}"}],
            StartTime=now - _AGE_PERIOD,
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
        newest = max(answer["Datapoints"], key=lambda point: point["Timestamp"], default=None)
        return None if newest is None else timedelta(seconds=newest["Maximum"])

    async def look(self, name: str, most: int | None = None) -> list[Seen]:
        """A queue's messages; all of them, unless ``most`` says how many will do. Where that takes a receive, they are
        given back at once. Raises Trouble and botocore's errors.
        """
        if self.peek_url is not None:
            found = await self._peek(self.peek_url, name)
            return found[:most]
        taken: list[Taken] = []
        try:
            async for batch in self._receive_all(name):
                taken += batch
                if most is not None and len(taken) >= most:
                    break
        finally:
            await self.give_back(name, [each.receipt for each in taken])
        return [each.seen for each in taken[:most]]

    async def take(self, name: str, sqs_ids: Collection[str]) -> AsyncGenerator[list[Taken]]:
        """Receive just these messages, a batch at a time. Whatever else comes along is given back at the end.

        What the caller neither deletes nor gives back is seen again after ``HIDDEN_SECONDS``.
        """
        missing = set(sqs_ids)
        others: list[str] = []
        try:
            async for batch in self._receive_all(name):
                wanted = [each for each in batch if each.seen.sqs_id in missing]
                others += [each.receipt for each in batch if each.seen.sqs_id not in missing]
                missing -= {each.seen.sqs_id for each in wanted}
                if wanted:
                    yield wanted
                if not missing:
                    break
        finally:
            await self.give_back(name, others)

    async def send(self, name: str, copies: Iterable[Seen]) -> set[str]:
        """Put copies of messages on a queue. Returns the ids of the messages whose copy SQS accepted."""
        accepted = await self.queues.send([_dispatch(name, seen) for seen in copies])
        return {str(key) for key in accepted}

    async def delete(self, name: str, receipts: Sequence[str]) -> None:
        """Delete messages that were taken."""
        for batch in _batches(receipts):
            await self.queues.delete(name, batch)

    async def give_back(self, name: str, receipts: Sequence[str]) -> None:
        """Let everybody see messages again that were taken."""
        for batch in _batches(receipts):
            await self.queues.set_visibility(name, dict.fromkeys(batch, 0))

    async def _receive_all(self, name: str) -> AsyncIterator[list[Taken]]:
        """Batches until there is nothing more, or until what comes was hidden once already and turned visible again."""
        known: set[str] = set()
        while True:
            answer = await self.queues.client.receive_message(
                QueueUrl=await self._url(name),
                MaxNumberOfMessages=BATCH_ENTRIES,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            batch = [Taken(_received(message), message["ReceiptHandle"]) for message in answer.get("Messages", [])]
            fresh = [each for each in batch if each.seen.sqs_id not in known]
            known |= {each.seen.sqs_id for each in batch}
            if not fresh:
                await self.give_back(name, [each.receipt for each in batch])
                return
            yield batch

    async def _peek(self, url: str, name: str) -> list[Seen]:
        about = {"QueueUrl": await self._url(name), "ShowInvisible": "true", "ShowDelayed": "true"}
        try:
            answer = await self.http.get(url, params=about, headers={"Accept": "application/json"})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Trouble(
                f"LocalStack does not show its queues any more ({url}: {error!r}). Does it still run?"
            ) from None
        result = answer.json()["ReceiveMessageResponse"]["ReceiveMessageResult"]
        return [_peeked(message) for message in _several(result, "Message")]

    async def _url(self, name: str) -> str:
        try:
            return await self.queues.url(name)
        except self.queues.client.exceptions.QueueDoesNotExist:
            raise Trouble(
                f"There is no queue {self.queues.prefix}{name} in this AWS: `bilhetagem up` or `bilhetagem provision` "
                "makes it; BILHETAGEM_QUEUE_PREFIX says what its name begins with."
            ) from None


def _dispatch(queue: str, seen: Seen) -> Dispatch:
    contents = seen.contents
    message = contents.envelope.message if contents.envelope else None
    return Dispatch(
        key=UUID(seen.sqs_id),
        message_id=contents.id or UUID(seen.sqs_id),
        correlation=contents.correlation or "",
        type=contents.type,
        queue=queue,
        # A tenant of its own, where the body does not say whose message it is.
        group=message.partition if message else seen.group or seen.sqs_id,
        body=seen.body,
        send_at=datetime.now(UTC),
    )


def _received(message: "MessageTypeDef") -> Seen:
    system: Mapping[str, str] = message.get("Attributes", {})  # type: ignore[assignment]
    own = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    return _seen(message["MessageId"], message["Body"], Place.TAKEN, system, own)


def _peeked(message: dict[str, Any]) -> Seen:
    system = {each["Name"]: each["Value"] for each in _several(message, "Attribute")}
    own = {each["Name"]: each["Value"].get("StringValue", "") for each in _several(message, "MessageAttribute")}
    place = Place.WAITING if system["IsVisible"] == "true" else Place.IN_FLIGHT
    if system["IsDelayed"] == "true":
        place = Place.DELAYED
    return _seen(message["MessageId"], message["Body"], place, system, own)


def _seen(sqs_id: str, body: str, place: Place, system: Mapping[str, str], own: Mapping[str, str]) -> Seen:
    return Seen(
        sqs_id=sqs_id,
        body=body,
        place=place,
        receives=int(system.get("ApproximateReceiveCount", "0")),
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        group=system.get("MessageGroupId"),
        attributes=own,
        moved_by_sqs="DeadLetterQueueSourceArn" in system,
    )


def _several(holder: object, name: str) -> list[dict[str, Any]]:
    # XML in the guise of JSON: nothing at all, one thing, or a list.
    found = holder.get(name, []) if isinstance(holder, dict) else []
    return found if isinstance(found, list) else [found]


def _batches(receipts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (receipts[start : start + BATCH_ENTRIES] for start in range(0, len(receipts), BATCH_ENTRIES))


@asynccontextmanager
async def open_access(deployment: Deployment) -> AsyncIterator[QueueAccess]:
    """Access to a system's queues; credentials come from the environment. Raises botocore's errors."""
    endpoint = deployment.aws_endpoint
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30))
        queues = await stack.enter_async_context(open_queues(deployment.queue_prefix, endpoint, deployment.region))
        peek_url = f"{endpoint}/_aws/sqs/messages" if endpoint and await _is_localstack(http, endpoint) else None
        cloudwatch = None
        if peek_url is None:
            session: Any = get_session()  # typed for SQS and S3 only
            client = session.create_client("cloudwatch", region_name=deployment.region, endpoint_url=endpoint)
            cloudwatch = await stack.enter_async_context(client)
        yield QueueAccess(queues, peek_url, http, cloudwatch)


async def _is_localstack(http: httpx.AsyncClient, endpoint: str) -> bool:
    try:
        answer = await http.get(f"{endpoint}/_localstack/health")
    except httpx.TransportError:
        return False
    return answer.is_success
