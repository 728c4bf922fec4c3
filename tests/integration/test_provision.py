"""What is provisioned follows from the choreography, and provisioning again mends what differs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from contracts.queues import VISIBILITY_SECONDS
from contracts.routes import DEAD_LETTER_RETENTION_SECONDS, MAX_RECEIVES, queues
from localstack.provision import REGION, provision
from localstack.server import INSTALLED

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("sqs", endpoint_url=url, region_name=REGION)  # fails here when the server does not
    yield url
    server.stop()


def sqs_at(url: str) -> "SQSClient":
    return boto3.client("sqs", endpoint_url=url, region_name=REGION)


def attributes(url: str, queue_url: str) -> dict[str, str]:
    answer = sqs_at(url).get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return {str(name): value for name, value in answer["Attributes"].items()}


def test_every_queue_of_the_choreography_is_there_and_redrives_to_dead_letters_kept_for_14_days(aws: str) -> None:
    made = provision(aws, prefix="a-", bucket="a-tickets")

    assert set(made.queues) == {queue.name for queue in queues()}
    for queue in queues():
        live = attributes(aws, made.queues[queue.name])
        dead = attributes(aws, made.dead_letter_queues[queue.name])
        assert live["QueueArn"].endswith(f":a-{queue.name}")
        assert dead["QueueArn"].endswith(f":a-{queue.dead_letter_name}")
        assert json.loads(live["RedrivePolicy"]) == {
            "deadLetterTargetArn": dead["QueueArn"],
            "maxReceiveCount": MAX_RECEIVES,
        }
        assert live["VisibilityTimeout"] == str(VISIBILITY_SECONDS)
        assert live["ReceiveMessageWaitTimeSeconds"] == "20"
        assert dead["MessageRetentionPeriod"] == str(DEAD_LETTER_RETENTION_SECONDS)
    # One moto serves all tests of a process, so other tests' buckets are there too.
    assert "a-tickets" in [b["Name"] for b in boto3.client("s3", endpoint_url=aws).list_buckets()["Buckets"]]


def test_provisioning_again_mends_an_attribute_and_keeps_the_messages(aws: str) -> None:
    made = provision(aws, prefix="b-", bucket="b-tickets")
    url, sqs = made.queues["order-new"], sqs_at(aws)
    sqs.send_message(QueueUrl=url, MessageBody="waiting")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})

    assert provision(aws, prefix="b-", bucket="b-tickets") == made

    assert attributes(aws, url)["VisibilityTimeout"] == str(VISIBILITY_SECONDS)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "waiting"


@pytest.mark.parametrize(
    "python", [pytest.param(Path(sys.executable), id="ours"), pytest.param(INSTALLED, id="localstack's")]
)
def test_the_ready_hook_provisions_with_the_python_that_executes_it(aws: str, python: Path) -> None:
    hook = ROOT / "localstack" / "ready.d" / "provision.py"
    as_localstack_does = f"exec(open({str(hook)!r}, 'rb').read(), {{}})"
    environment = os.environ | {"AWS_ENDPOINT_URL": aws, "BILHETAGEM_HOME": str(ROOT), "BILHETAGEM_QUEUE_PREFIX": "c-"}

    done = subprocess.run([python, "-P", "-c", as_localstack_does], env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    for name in ("c-order-new", "c-order-new-dlq"):
        assert sqs_at(aws).get_queue_url(QueueName=name)["QueueUrl"] in done.stdout.split()


def test_whoever_provisions_by_hand_needs_no_credentials(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": aws,
        "BILHETAGEM_QUEUE_PREFIX": "d-",
        "AWS_CONFIG_FILE": os.devnull,
    }

    done = subprocess.run(
        [sys.executable, "-m", "services.operations", "provision"], env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "d-order-new-dlq" in done.stdout
