"""The system's queues, as an operator sees them in LocalStack."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import boto3

from contracts.routes import queues
from localstack.provision import PREFIX, REGION
from tests.e2e.system import System
from tests.eventually import eventually

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def depths(system: System, *, dead: bool = False) -> dict[str, int]:
    """How many messages are in the queues, or in their dead-letter queues: by name, where there are any."""
    sqs = _client(system)
    found = {}
    for queue in queues():
        name = queue.dead_letter_name if dead else queue.name
        url = sqs.get_queue_url(QueueName=f"{PREFIX}{name}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = [int(count) for about, count in attributes.items() if about.startswith("ApproximateNumber")]
        found[name] = sum(waiting)
    return {name: depth for name, depth in found.items() if depth}


async def until_quiet(system: System, seconds: float = 30) -> None:
    """Wait until every message that was sent has been handled; parked ones and timers are in no queue."""
    await eventually(lambda: asyncio.to_thread(depths, system), until=lambda found: not found, seconds=seconds)


def soon_visible(system: System, seconds: int = 8) -> None:
    """From now on let what a killed worker had received come back so soon, instead of after a minute."""
    sqs = _client(system)
    for queue in queues():
        with suppress(sqs.exceptions.QueueDoesNotExist):  # it is being provisioned
            url = sqs.get_queue_url(QueueName=f"{PREFIX}{queue.name}")["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


def _client(system: System) -> "SQSClient":
    return boto3.client(
        "sqs",
        endpoint_url=system.aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # LocalStack's
    )
