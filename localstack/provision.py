"""What the system needs of AWS on a laptop: queues, their dead-letter queues, the bucket of the tickets' PDFs.

All of it follows from the choreography. Runs as a module here, and as a script in LocalStack's container (``ready.d``),
with the Python and the boto3 that are there.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.queues import queues_made
from contracts.routes import queues
from localstack.front_door import deploy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

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
    endpoint_url: str | None,
    prefix: str = PREFIX,
    bucket: str = BUCKET,
    region: str = REGION,
    table: tuple[Step, ...] = CHOREOGRAPHY,
) -> Provisioned:
    """Make what is missing and set every attribute anew: it may run at every start. Raises botocore's errors."""
    # Not above: most commands need the names there only, and this takes long to import.
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, retries={"mode": "standard", "max_attempts": 3})
    sqs = boto3.client("sqs", endpoint_url=endpoint_url, region_name=region, config=config)
    s3 = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
    urls = {}
    for queue in queues_made(prefix, table):
        # Created bare: CreateQueue refuses a name that exists with other attributes, for instance an earlier release's.
        urls[queue.name] = sqs.create_queue(QueueName=queue.name)["QueueUrl"]
        attributes = queue.attributes(_arns(sqs, urls[queue.name]))
        sqs.set_queue_attributes(QueueUrl=urls[queue.name], Attributes=attributes)  # type: ignore[arg-type]
    _bucket(s3, bucket, region)
    return Provisioned(
        queues={queue.name: urls[f"{prefix}{queue.name}"] for queue in queues(table)},
        dead_letter_queues={queue.name: urls[f"{prefix}{queue.dead_letter_name}"] for queue in queues(table)},
        bucket=bucket,
    )


def _arns(sqs: "SQSClient", url: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn[: arn.rindex(":") + 1]


def _bucket(s3: "S3Client", name: str, region: str) -> None:
    try:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return


def main() -> None:
    """Provision what the environment names, LocalStack on its usual port by default, and say what there is.

    With BILHETAGEM_FRONT_DOOR, a host and port that serves all services, API Gateway is put in front of it.
    """
    for credential in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(credential, "test")  # LocalStack takes any, but the client demands some
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
