"""Purchases of the running system, exported and replayed: what the code did with them, it does again."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.box_office import BoxOffice
from tests.e2e.system import System


def saga(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "services.operations", "saga", *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


async def test_what_was_bought_and_undone_is_replayed_without_a_difference(
    system: System, office: BoxOffice, tmp_path: Path
) -> None:
    ticket = await office.put_on_sale(10)
    completed = await office.buy(ticket, 2)
    await office.order_becomes(completed, "completed")
    declined = await office.buy(ticket, token="decline")
    await office.order_becomes(declined, "cancelled", "payment_declined")
    undone = await office.buy(ticket)
    await office.order_becomes(undone, "completed")
    await office.cancel(undone)
    await office.order_becomes(undone, "refunded", "cancelled")
    await office.at_rest()

    for order in (completed, declined, undone):
        exported = saga("export", order, "--state", str(system.state))
        assert exported.returncode == 0, exported.stderr
        (tmp_path / f"{order}.jsonl").write_text(exported.stdout)

    replayed = saga("replay", str(tmp_path), "--again", "5", "--json")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    told = json.loads(replayed.stdout)["recordings"]
    assert {one["purchase"] for one in told} == {completed, declined, undone}
    assert all(one["steps"] > 8 for one in told)
