"""The purchases of docs/clients.md, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

from localstack.front_door import url_of
from tests.e2e.system import System

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
