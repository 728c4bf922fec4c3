"""The whole system as a user starts it: `bilhetagem up` as a process, reached by its URLs only."""

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts.routes import SERVICES
from localstack.child import Child

READY_SECONDS = 300
_DRAIN_SECONDS = 120
_PORTS = 20
"""The base URL's, seven ingresses', seven workers' from ten ports above, LocalStack's."""


@dataclass
class System:
    """`bilhetagem up` with a folder and ports of its own. ``options`` and ``settings`` are what it is started with."""

    folder: Path
    options: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    aws_url: str = ""
    """A LocalStack that runs already; the system starts one of its own without."""

    def __post_init__(self) -> None:
        self.port = self.port or free_ports()
        self._child: Child | None = None
        self._begun = 0
        if not self.aws_url:
            self.options += ("--localstack-port", str(self.port + _PORTS - 1))
            self.aws_url = f"http://127.0.0.1:{self.port + _PORTS - 1}"
        else:
            self.options += ("--aws", self.aws_url)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ingress_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port + 1 + SERVICES.index(service)}"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def secrets(self) -> dict[str, str]:
        """What the system made for itself, as environment variables."""
        kept: dict[str, str] = json.loads((self.state / "secrets.json").read_text())
        return kept

    def launch(self) -> None:
        """Start it, and return at once. From the main thread only, see ``Child``."""
        log = self.folder / "up.log"
        self._begun = log.stat().st_size if log.exists() else 0
        self._child = Child(
            (
                *(sys.executable, "-m", "services.operations", "up"),
                *("--port", str(self.port), "--state", str(self.state), *self.options),
            ),
            log=log,
            cwd=self.folder,  # so that whatever it leaves behind is known by where it works
            env={**os.environ, **self.settings, "COLUMNS": "200"},
        )

    def is_ready(self) -> bool:
        """Whether it says so. Fails when it has ended instead."""
        assert self._child is not None
        assert self._child.running, f"it ended:\n{self.said}"
        return "Bilhetagem is ready" in self.said

    def start(self) -> None:
        """Start it, and return when it is ready."""
        self.launch()
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert time.monotonic() < deadline, f"it is not ready:\n{self.said}"
            time.sleep(0.05)

    @property
    def said(self) -> str:
        """What it has printed since it was started."""
        with (self.folder / "up.log").open("rb") as log:
            log.seek(self._begun)
            return log.read().decode(errors="replace")

    def stop(self) -> None:
        """SIGTERM: it drains, ends with exit code 0, and leaves no process. Fails otherwise."""
        assert self._child is not None
        self._child.stop(grace=_DRAIN_SECONDS)
        assert self._child.exit_code == 0, self.said
        assert self.processes() == {}

    def kill(self) -> None:
        """`kill -9` of everything but a LocalStack that runs apart. PostgreSQL then ends by itself."""
        if self._child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.stop()
        deadline = time.monotonic() + 20
        while self.processes():
            assert time.monotonic() < deadline, f"still there: {self.processes()}"
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """The system's processes: command lines by pid, of all that work in its folder."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if Path(os.readlink(process / "cwd")).is_relative_to(self.folder):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found


@contextmanager
def a_folder() -> Iterator[Path]:
    """A folder to run in. Not under pytest's own: another session makes that private again, and for root PostgreSQL
    runs as another user.
    """
    with TemporaryDirectory(prefix="bilhetagem-e2e-") as folder:
        yield Path(folder)


@contextmanager
def running(system: System) -> Iterator[System]:
    """The system from ready to stopped; whatever happens, nothing of it stays."""
    try:
        system.start()
        yield system
        system.stop()
    finally:
        system.kill()


def free_ports() -> int:
    """The first of some ports in a row that are free now, below those that the kernel gives to clients."""
    for _ in range(100):
        first = random.randrange(20_000, 32_000)
        with suppress(OSError):
            for port in range(first, first + _PORTS):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return first
    raise AssertionError("no ports are free")
