"""LocalStack in host mode: no Docker, one process, everything it writes in one folder."""

import http.client
import os
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from localstack.child import Child

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
INSTALLED = Path(__file__).resolve().parent.parent / ".localstack" / "venv" / "bin" / "python"
"""The Python of LocalStack's own environment, as `make install` makes it: LocalStack pins another boto3 than ours."""


class LocalStackError(Exception):
    """LocalStack cannot run; the text says why and what to do, for a person at a terminal."""


class PortInUse(LocalStackError):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use by another program. Stop that program, or choose another port.")
        self.port = port


class LocalStack:
    """A LocalStack that belongs to this process and forgets everything when it stops.

    `folder` is where it works and logs (`localstack.log`); it is made if it is not there, and belongs to one LocalStack
    at a time. Port 0 stands for any free one. Use it as a context manager, or call `start` (from the main thread, see
    `Child`), `wait_until_ready` (from any thread) and `stop`. `settings` are further environment variables.
    """

    def __init__(
        self,
        folder: Path,
        port: int = DEFAULT_PORT,
        python: Path = INSTALLED,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self._python = python
        self._settings = settings
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """What clients pass as `endpoint_url`."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "localstack.log"

    def start(self) -> None:
        """Starts the process and returns at once. Raises PortInUse, or LocalStackError when it is not installed."""
        if not self._python.exists():
            raise LocalStackError(f"LocalStack is not installed in {self._python.parent.parent}: run `make install`.")
        self.port = _free_port(self.port)
        temporary = self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)  # what one that was killed left behind
        temporary.mkdir(parents=True)
        # -P and the folder as working directory: else `localstack` would be this package, not LocalStack's.
        self._child = Child(
            (self._python, "-P", "-m", "localstack.runtime.main"),
            log=self.log,
            cwd=self.folder,
            env=self._environment(temporary),
        )

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Returns when LocalStack takes requests. Raises LocalStackError when it ends or is not ready in time."""
        child = self._started()
        deadline = time.monotonic() + seconds
        while not self._is_healthy():
            if not child.running:
                raise self._failed("ended while it was starting", child)
            if time.monotonic() > deadline:
                raise self._failed(f"is not ready after {seconds:.0f} s", child)
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends LocalStack for sure; without effect when it does not run."""
        if self._child is not None:
            self._child.stop(grace=5.0)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _failed(self, how: str, child: Child) -> LocalStackError:
        return LocalStackError(f"LocalStack {how}. The end of {self.log}:\n{child.log_tail()}")

    def _started(self) -> Child:
        if self._child is None:
            raise LocalStackError("LocalStack was not started.")
        return self._child

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2.0)
        try:
            connection.request("GET", "/_localstack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self, temporary: Path) -> dict[str, str]:
        """Nothing of the developer's own AWS or Python settings gets through; they could point LocalStack elsewhere."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        return {
            **inherited,
            **self._settings,
            "GATEWAY_LISTEN": f"{HOST}:{self.port}",
            # Queue URLs and links name this host: the public name that LocalStack prefers needs a DNS server.
            "LOCALSTACK_HOST": f"{HOST}:{self.port}",
            "SQS_ENDPOINT_STRATEGY": "path",
            # In a container, a CI's for instance, it would take itself for its own image and write outside the folder.
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": str(self.folder),
            "LOCALSTACK_VOLUME_DIR": str(self.folder),
            "TMPDIR": str(temporary),
            "ACTIVATE_PRO": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "LS_LOG": "warning",
        }


def _free_port(wanted: int, seconds: float = 2.0) -> int:
    """Waits a moment for a port in use: that of a LocalStack whose starter was just killed is free again soon."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise PortInUse(wanted) from error
            else:
                port: int = probe.getsockname()[1]
                return port
        time.sleep(0.1)
