"""The only file that speaks to SQS. Limits are SQS's own (SQS Developer Guide, quotas-messages)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from contracts.queues import LONG_POLL_SECONDS
from services.chassis.decision import Bury
from services.chassis.letters import Delivery
from services.chassis.message_spans import sending
from services.chassis.store import Dispatch

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

BATCH_ENTRIES = 10
BATCH_BYTES = 1024 * 1024
_ATTRIBUTE_CHARACTERS = 1000

log = structlog.get_logger()


@dataclass(frozen=True)
class Queues:
    """The queues, by name. ``prefix`` separates deployments that share an account."""

    client: "SQSClient"
    prefix: str
    urls: dict[str, str]

    async def url(self, name: str) -> str:
        """A queue's URL; asked for once."""
        if name not in self.urls:
            found = await self.client.get_queue_url(QueueName=f"{self.prefix}{name}")
            self.urls[name] = found["QueueUrl"]
        return self.urls[name]

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        """Send outbox rows, in batches. Returns the keys of those that SQS accepted; failures are logged."""
        by_queue = defaultdict(list)
        for dispatch in dispatches:
            by_queue[dispatch.queue].append(dispatch)
        batches = [(queue, batch) for queue, rows in by_queue.items() for batch in _batches(rows)]
        accepted = await asyncio.gather(*(self._send_batch(queue, batch) for queue, batch in batches))
        return set().union(*accepted)

    async def _send_batch(self, queue: str, batch: list[Dispatch]) -> set[UUID]:
        with sending(queue, batch) as sent:
            entries = [
                sent.with_header({"Id": str(number), "MessageBody": dispatch.body, "MessageGroupId": dispatch.group})
                for number, dispatch in enumerate(batch)
            ]
            try:
                answer = await self.client.send_message_batch(QueueUrl=await self.url(queue), Entries=entries)
            except Exception as error:
                log.warning("send_failed", queue=queue, messages=len(batch), error=repr(error))
                return set()
            accepted = {batch[int(entry["Id"])].key for entry in answer.get("Successful", [])}
            sent.accepted = accepted
        for failure in answer.get("Failed", []):
            log.warning(
                "send_refused",
                queue=queue,
                code=failure["Code"],
                error=failure.get("Message"),
            )
        return accepted

    async def receive(self, queue: str, wait_seconds: int = LONG_POLL_SECONDS) -> list[Delivery]:
        """Up to ten messages, waiting for the first of them."""
        answer = await self.client.receive_message(
            QueueUrl=await self.url(queue),
            MaxNumberOfMessages=BATCH_ENTRIES,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return [
            Delivery(
                queue=queue,
                body=message["Body"],
                receipt=message["ReceiptHandle"],
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
                sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
            )
            for message in answer.get("Messages", [])
        ]

    async def depth(self, queue: str) -> int:
        """How many messages wait or are being handled, about."""
        answer = await self.client.get_queue_attributes(
            QueueUrl=await self.url(queue),
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(number) for number in answer["Attributes"].values())

    async def delete(self, queue: str, receipts: Sequence[str]) -> None:
        """Delete what was handled. What is not deleted comes again, and the inbox drops it."""
        answer = await self.client.delete_message_batch(
            QueueUrl=await self.url(queue),
            Entries=[{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)],
        )
        for failure in answer.get("Failed", []):
            log.warning(
                "delete_refused",
                queue=queue,
                code=failure["Code"],
                error=failure.get("Message"),
            )

    async def set_visibility(self, queue: str, seconds: Mapping[str, int]) -> None:
        """Keep messages, by receipt, invisible for so many seconds from now."""
        await self.client.change_message_visibility_batch(
            QueueUrl=await self.url(queue),
            Entries=[
                {
                    "Id": str(number),
                    "ReceiptHandle": receipt,
                    "VisibilityTimeout": timeout,
                }
                for number, (receipt, timeout) in enumerate(seconds.items())
            ],
        )

    async def bury(self, dead_letter_queue: str, delivery: Delivery, verdict: Bury) -> None:
        """Put a copy into the dead-letter queue, with the reason. The original is the caller's to delete, after it."""
        why = {
            "reason": verdict.reason,
            "error": verdict.error,
            "place": verdict.place,
            "source-queue": delivery.queue,
            "receives": str(delivery.receives),
        }
        await self.client.send_message(
            QueueUrl=await self.url(dead_letter_queue),
            MessageBody=delivery.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": _attribute(value)} for name, value in why.items()
            },
        )


def _attribute(text: str) -> str:
    # An attribute may neither be empty nor hold control characters.
    return "".join(character if character.isprintable() else " " for character in text)[:_ATTRIBUTE_CHARACTERS] or "-"


def _batches(dispatches: Iterable[Dispatch]) -> Iterator[list[Dispatch]]:
    batch: list[Dispatch] = []
    size = 0
    for dispatch in dispatches:
        length = len(dispatch.body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(dispatch)
        size += length
    if batch:
        yield batch


@asynccontextmanager
async def open_queues(prefix: str, endpoint_url: str | None, region: str) -> AsyncIterator[Queues]:
    """A client for the queues; credentials come from the environment, as everywhere on AWS."""
    config = AioConfig(
        connect_timeout=5,
        read_timeout=LONG_POLL_SECONDS + 10,
        max_pool_connections=50,
        retries={"mode": "standard", "max_attempts": 3},
    )
    async with get_session().create_client(
        "sqs", region_name=region, endpoint_url=endpoint_url, config=config
    ) as client:
        yield Queues(client, prefix, {})
