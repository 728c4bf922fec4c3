"""LocalStack as a child process: it starts, says why when it cannot, and never stays behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from localstack.server import LocalStack, LocalStackError, PortInUse
from tests.integration.environment.processes import gone, line_of

A_STARTER = """
import sys, time
from pathlib import Path
from localstack.server import LocalStack

server = LocalStack(Path(sys.argv[1]), port=0, python=Path(sys.argv[2]))
server.start()
print(server._child.pid, flush=True)
time.sleep(600)
"""


def test_it_answers_sqs_and_s3(localstack_url: str) -> None:
    session = boto3.Session("test", "test", region_name="sa-east-1")
    sqs = session.client("sqs", endpoint_url=localstack_url)
    s3 = session.client("s3", endpoint_url=localstack_url, region_name="us-east-1")

    queue = sqs.create_queue(QueueName="environment-test")["QueueUrl"]
    s3.create_bucket(Bucket="environment-test")
    s3.put_object(Bucket="environment-test", Key="a", Body=b"ticket")

    assert queue in sqs.list_queues(QueueNamePrefix="environment-test")["QueueUrls"]
    assert queue.startswith(localstack_url)
    assert s3.get_object(Bucket="environment-test", Key="a")["Body"].read() == b"ticket"


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"Port {port} is in use by another program"):
            LocalStack(tmp_path, port=port).start()


def test_a_missing_installation_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="make install"):
        LocalStack(tmp_path, port=0, python=tmp_path / "venv" / "bin" / "python").start()


def test_a_start_that_fails_shows_its_log_and_leaves_nothing(tmp_path: Path) -> None:
    server = LocalStack(tmp_path, port=0, python=Path(sys.executable))  # where LocalStack is not installed

    with pytest.raises(LocalStackError, match=r"(?s)ended while it was starting.*No module named 'localstack"), server:
        pass

    assert not server.running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_it_dies_with_a_starter_that_is_killed(tmp_path: Path) -> None:
    anything_long = tmp_path / "python"
    anything_long.write_text("#!/bin/sh\nexec sleep 600\n")
    anything_long.chmod(0o755)
    with subprocess.Popen(
        (sys.executable, "-c", A_STARTER, tmp_path / "folder", anything_long), stdout=subprocess.PIPE, text=True
    ) as starter:
        child = int(line_of(starter))
        os.kill(starter.pid, signal.SIGKILL)

    assert gone(child)
