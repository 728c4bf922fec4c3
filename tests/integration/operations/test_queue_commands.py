"""The commands where a look is a receive, as on AWS: they say so, ask, and receive nothing without a yes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from localstack.provision import PREFIX, REGION, provision

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An AWS with the system's queues, and garbage on one of them."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    made = provision(url, prefix=PREFIX)
    sqs = boto3.client("sqs", endpoint_url=url, region_name=REGION)
    sqs.send_message(QueueUrl=made.queues["order-new"], MessageBody="garbage")
    yield url
    server.stop()


def bilhetagem(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "services.operations", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("BILHETAGEM_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_nothing_is_received_without_a_yes(aws: str, tmp_path: Path) -> None:
    counted = bilhetagem(tmp_path, "queues", "--json", "--aws", aws)
    refused = bilhetagem(tmp_path, "queues", "peek", "order-new", "--aws", aws)
    agreed = bilhetagem(tmp_path, "queues", "peek", "order-new", "--json", "--yes", "--aws", aws)

    (waiting,) = (queue for queue in json.loads(counted.stdout) if queue["waiting"])
    assert (waiting["queue"], waiting["types"]) == ("order-new", None)
    assert refused.returncode == 1
    assert "a look is a receive: it counts as one, and after 20 of them" in refused.stderr
    assert "Give --yes if that is all right." in refused.stderr
    (message,) = json.loads(agreed.stdout)
    assert (message["receives"], message["place"], message["type"]) == (1, "taken", "unreadable")
    assert "garbage" not in agreed.stdout


@pytest.mark.parametrize("arguments", [("queues",), ("dead-letters",), ("dead-letters", "redrive", "--all")])
def test_where_nothing_runs_a_command_says_so_and_what_to_do(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = bilhetagem(tmp_path, *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: No system runs in .bilhetagem. Start one with `bilhetagem up`")


def test_an_aws_that_does_not_answer_is_no_trace(tmp_path: Path) -> None:
    done = bilhetagem(tmp_path, "queues", "--aws", "http://127.0.0.1:9")

    assert done.returncode == 1
    assert "Does LocalStack run" in done.stderr


def test_what_is_to_be_sent_back_has_to_be_said(tmp_path: Path) -> None:
    for arguments in ((), ("--all", "--type", "OrderPlaced")):
        done = bilhetagem(tmp_path, "dead-letters", "redrive", *arguments)

        assert done.returncode == 2
        assert "Say which" in done.stderr
