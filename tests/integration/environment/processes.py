"""Watching processes that are not this one's children."""

import os
import subprocess
import time


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def gone(pid: int, seconds: float = 20.0) -> bool:
    """Whether the process ends before the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
