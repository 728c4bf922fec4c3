"""The purchases of docs/clients.md, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from localstack.front_door import url_of
from tests.e2e.system import System, free_ports

GUIDE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"one block of {language} is expected"
    return str(found[0])


def run(command: list[str], text: str, folder: Path, api: str) -> str:
    environment = {"API": api, "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONUTF8": "1"}
    done = subprocess.run(
        command, input=text, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_purchase_in_curl_works_as_it_is_written(system: System, tmp_path: Path) -> None:
    said = run(["bash", "-euo", "pipefail"], block("sh"), tmp_path, url_of(system.aws_url))

    assert said == "ingresso.pdf is %PDF-\n"


def test_the_purchase_in_python_works_as_it_is_written(system: System, tmp_path: Path) -> None:
    said = run([sys.executable, "-"], block("python"), tmp_path, url_of(system.aws_url))

    assert "The order is completed." in said
    assert len(re.findall(r"ticket [12] of 2: \d+ bytes of PDF", said)) == 2


def smoke(api: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.operations", "smoke", api, *options]
    environment = os.environ | {"BILHETAGEM_ACCESS_TOKEN": "a-token", "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_ticket_is_bought_and_given_back_after_a_release(system: System) -> None:
    done = smoke(url_of(system.aws_url))
    assert (done.returncode, done.stderr) == (0, "")
    order, outcome = done.stdout.splitlines()
    assert outcome == "A ticket was sold, delivered and given back."
    seen = httpx.get(f"{system.url}/orders/{order.removeprefix('order ')}").json()
    assert seen["status"] == "refunded"
    assert httpx.get(f"{system.url}/events/{seen['event_id']}").json()["status"] == "cancelled"
    assert httpx.get(f"{system.url}/users/{seen['user_id']}").status_code == 410


def test_a_system_that_is_not_there_or_is_another_is_told_in_one_sentence(system: System) -> None:
    for url, code, said in (
        (f"http://127.0.0.1:{free_ports()}", 1, "does not answer"),
        (system.aws_url, 1, "was answered"),
        ("bilhetagem", 2, "should be one such as http://HOST:PORT"),
    ):
        done = smoke(url)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert said in done.stderr
