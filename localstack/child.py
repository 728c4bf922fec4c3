"""A server that is started as a child process, and is gone when its starter is gone."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when the thread that started it ends."""


class Child:
    """A running process in a process group of its own; what it prints goes to `log`.

    Being in its own group it does not see a Ctrl-C at the terminal, so its starter decides when it ends. On Linux the
    kernel sends it `orphaned_by` when the starter dies without stopping it, by `kill -9` too. It has to be started from
    a thread that lives as long as it should: the main one.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str],
        user: str | None = None,
        ends_on: signal.Signals = signal.SIGTERM,
        orphaned_by: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._log = log
        self._ends_on = ends_on
        self._stopped = False
        with log.open("ab") as output:
            self._log_begins = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                user=user,
                process_group=0,
                preexec_fn=_ending_with_parent(orphaned_by),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: a signal's number as a negative one, None while it runs."""
        return self._process.poll()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that this process, not an earlier one with the same log, has written."""
        with self._log.open("rb") as log:
            log.seek(self._log_begins)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def stop(self, grace: float = 10.0) -> None:
        """Ends the process and its whole group: asked first, killed after `grace` seconds. Twice does no harm."""
        if self._stopped:
            return
        self._signal(self._ends_on)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._stopped = True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _ending_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    starter = os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != starter:  # it died before the line above could tell the kernel
            os._exit(1)

    return before_exec
