"""How a process is stopped."""

import subprocess
import sys

_DRAINS_FOR_EVER = """
import asyncio
from services.chassis.process import run, stopped_by_signals

async def main():
    async with stopped_by_signals() as stop:
        print("running", flush=True)
        await stop.wait()
        print("draining", flush=True)
        await asyncio.Event().wait()

run(main())
"""


def test_the_first_signal_lets_a_process_drain_and_the_second_does_not_wait() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _DRAINS_FOR_EVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "running\n"
            process.terminate()
            assert process.stdout.readline() == "draining\n"

            process.terminate()

            told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, *told) == (143, "", "Stopped at once, without draining.\n")
