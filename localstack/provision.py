"""What the system needs of AWS on a laptop: queues, their dead-letter queues, the bucket of the tickets' PDFs.

All of it follows from the choreography. Runs as a module here, and as a script in LocalStack's container (``ready.d``),
with the Python and the boto3 that are there.
"""

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.routes import DEAD_LETTER_RETENTION_SECONDS, MAX_RECEIVES, Queue, queues
from localstack.front_door import deploy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

VISIBILITY_SECONDS = 60
"""How long a received message stays invisible: three heartbeats of a worker."""
LONG_POLL_SECONDS = 20
"""The longest that SQS lets a receive wait (SQS Developer Guide, quotas-messages)."""
PREFIX = "bilhetagem-"
BUCKET = "bilhetagem-tickets"
REGION = "sa-east-1"


@dataclass(frozen=True)
class Provisioned:
    """What is there now: queue URLs by the name that the choreography gives them, and the bucket."""

    queues: dict[str, str]
    dead_letter_queues: dict[str, str]
    bucket: str


def provision(
    endpoint_url: str | None, prefix: str = PREFIX, bucket: str = BUCKET, region: str = REGION
) -> Provisioned:
    """Make what is missing and set every attribute anew: it may run at every start. Raises botocore's errors."""
    # Not above: most commands need the names there only, and this takes long to import.
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, retries={"mode": "standard", "max_attempts": 3})
    sqs = boto3.client("sqs", endpoint_url=endpoint_url, region_name=region, config=config)
    s3 = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
    dead, live = {}, {}
    for queue in queues():
        dead[queue.name] = _queue(
            sqs, f"{prefix}{queue.dead_letter_name}", {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_SECONDS)}
        )
        live[queue.name] = _queue(sqs, f"{prefix}{queue.name}", _attributes(sqs, dead[queue.name], queue, prefix))
    _bucket(s3, bucket, region)
    return Provisioned(live, dead, bucket)


def _attributes(sqs: "SQSClient", dead_letter_url: str, queue: Queue, prefix: str) -> dict[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=dead_letter_url, AttributeNames=["QueueArn"])
    redrive = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
    return {
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "ReceiveMessageWaitTimeSeconds": str(LONG_POLL_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }


def _queue(sqs: "SQSClient", name: str, attributes: dict[str, str]) -> str:
    # Created bare: CreateQueue refuses a name that exists with other attributes, for instance an earlier release's.
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)  # type: ignore[arg-type]
    return url


def _bucket(s3: "S3Client", name: str, region: str) -> None:
    try:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return


def main() -> None:
    """Provision what the environment names, LocalStack on its usual port by default, and say what there is.

    With BILHETAGEM_FRONT_DOOR, a host and port that serves all services, API Gateway is put in front of it.
    """
    endpoint_url = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    region = os.environ.get("AWS_REGION", REGION)
    made = provision(
        endpoint_url,
        prefix=os.environ.get("BILHETAGEM_QUEUE_PREFIX", PREFIX),
        bucket=os.environ.get("BILHETAGEM_TICKETS_BUCKET", BUCKET),
        region=region,
    )
    for name, url in sorted(made.queues.items()):
        print(f"queue  {name:20}  {url}")
        print(f"       dead letters          {made.dead_letter_queues[name]}")
    print(f"bucket {made.bucket}")
    if target := os.environ.get("BILHETAGEM_FRONT_DOOR"):
        print(f"REST API {deploy(endpoint_url, target, region)}")


if __name__ == "__main__":
    main()
