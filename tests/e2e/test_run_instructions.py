"""The guide's purchase, pasted into a shell as it stands."""

import os
import re
import subprocess
from pathlib import Path

from tests.e2e.system import System

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "run-instructions.md"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks_of(section: str) -> str:
    text = GUIDE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return "\n".join(SHELL_BLOCK.findall(text))


def paste(script: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_purchase_by_hand_works_as_it_is_written(system: System) -> None:
    said = paste(blocks_of("A purchase by hand"), BASE=system.url, STATE=str(system.state))

    for expected in ('"status":"held"', '"free":98,"held":2', '"code":"000201', '"status":"completed"', "Genuine:"):
        assert expected in said
    assert '"status":"used"' in said
    assert '"slug":"already_used"' in said
