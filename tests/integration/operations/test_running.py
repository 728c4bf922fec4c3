"""The commands as processes: they start, say where things are, and leave nothing behind, however they end."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.eventually import eventually

START_SECONDS = 180


class Command:
    """A running ``bilhetagem`` command. All that it starts is known by its folder: an argument, or where it works."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self.log = folder / "output.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.operations", *arguments, "--state", str(folder / "state")],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "200"},
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    async def waits_until(self, said: str) -> None:
        async def is_said() -> bool:
            assert self.process.poll() is None, self.output
            return said in self.output

        await eventually(is_said, seconds=START_SECONDS)

    async def is_over(self) -> bool:
        return self.process.poll() is not None

    def url(self, what: str) -> str:
        found = re.search(rf"{what} +│ (http://\S+)", self.output)
        assert found, self.output
        return found[1]

    async def family(self) -> list[str]:
        """The command lines of every process that lives on this folder."""
        return [told.decode(errors="replace") for _, told in _processes() if bytes(self._folder) in told]

    async def pid_of(self, arguments: str) -> int:
        """The process that was started with these arguments, a NUL between each two; 0 when there is none."""
        me = self.process.pid
        return next((pid for pid, told in _processes() if arguments.encode() in told and _parent(pid) == me), 0)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def _processes() -> Iterator[tuple[int, bytes]]:
    """Every process: its arguments, and the folder that it works in."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            yield (
                int(process.name),
                (process / "cmdline").read_bytes() + b" in " + os.readlink(process / "cwd").encode(),
            )


def _parent(pid: int) -> int:
    # The fourth field; the second one, the name in parentheses, may contain spaces (proc_pid_stat(5)).
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start_one(*arguments: str) -> Command:
        started.append(Command(tmp_path, *arguments))
        return started[-1]

    yield start_one
    for command in started:
        command.end()


FREE_PORTS = ("--port", "0", "--localstack-port", "0")
READY = "Bilhetagem is ready"


def is_empty(family: list[str]) -> bool:
    return not family


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_system_starts_answers_and_a_signal_leaves_nothing_of_it(
    start: Callable[..., Command], number: signal.Signals
) -> None:
    command = start("up", *FREE_PORTS)
    await command.waits_until(READY)
    base = command.url("all services, directly")

    async with httpx.AsyncClient(trust_env=False) as client:
        user = await client.post(f"{base}/users/", json={"name": "Ana", "email": "ana@example.com"})
        assert user.status_code == 201
        assert (await client.get(f"{base}/users/{user.json()['id']}")).json()["name"] == "Ana"
        alone = command.url("user alone").removesuffix("/docs")
        assert (await client.get(f"{alone}/health")).json() == {"status": "ok"}
        document = (await client.get(f"{base}/openapi.json")).json()
        assert document["paths"].keys() >= {"/users/", "/orders/", "/payments/webhook"}

    command.process.send_signal(number)

    await eventually(command.is_over, seconds=30)
    assert command.process.returncode == 0
    assert command.output.rstrip().endswith("Stopped.")
    await eventually(command.family, until=is_empty)


async def test_traces_are_told_as_trees(start: Callable[..., Command]) -> None:
    command = start("up", *FREE_PORTS, "--traces")
    await command.waits_until(READY)
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"name": "Ana Souza", "email": "ana@example.com"}
        answer = await client.post(f"{command.url('all services, directly')}/users/", json=body)
        assert answer.status_code == 201

    await command.waits_until("order process order-underway UserRegistered")
    assert "user POST /users/" in command.output
    assert "Ana" not in command.output


async def test_a_system_that_is_killed_takes_everything_with_it(start: Callable[..., Command]) -> None:
    command = start("up", *FREE_PORTS, "--database", "postgres")
    await command.waits_until(READY)
    assert len(await command.family()) > 2  # itself, LocalStack, PostgreSQL

    command.process.kill()
    command.process.wait()

    await eventually(command.family, until=is_empty)


async def test_a_signal_while_it_starts_is_heard(start: Callable[..., Command]) -> None:
    command = start("up", *FREE_PORTS)
    await command.waits_until("Waiting for LocalStack")

    command.process.send_signal(signal.SIGINT)

    await eventually(command.is_over, seconds=30)
    assert command.output.rstrip().endswith("Stopped.")
    await eventually(command.family, until=is_empty)


@pytest.mark.parametrize("option", ["--port", "--localstack-port"])
@pytest.mark.parametrize("name", ["up", "demo"])
async def test_a_busy_port_is_a_sentence_that_names_the_option(
    start: Callable[..., Command], name: str, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        command = start(name, *FREE_PORTS, option, str(port))
        await eventually(command.is_over, seconds=START_SECONDS)

    assert command.process.returncode == 1
    assert f"Port {port}" in command.output
    assert option in command.output
    assert "Traceback" not in command.output


async def test_the_demonstration_sells_and_leaves_nothing_running(
    start: Callable[..., Command], tmp_path: Path
) -> None:
    command = start("demo", *FREE_PORTS)

    await eventually(command.is_over, seconds=2 * START_SECONDS)

    assert command.process.returncode == 0, command.output
    for told in (
        "ReservationsConfirmed -> TicketsIssued",
        "PaymentDeclined -> OrderCancelled",
        "ExpireReservation -> HoldExpired",
        "genuine: ticket",
    ):
        assert told in command.output
    pdfs = sorted((tmp_path / "state" / "demo").glob("ingresso-*.pdf"))
    assert len(pdfs) == 3
    assert all(pdf.read_bytes().startswith(b"%PDF") for pdf in pdfs)
    await eventually(command.family, until=is_empty)


async def test_as_processes_one_that_is_killed_is_started_again(start: Callable[..., Command]) -> None:
    command = start("up", *FREE_PORTS, "--processes")
    await command.waits_until(READY)
    base = command.url("all services, directly")
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{base}/events/")).json() == {"items": []}
        assert "/orders/{id}" in (await client.get(f"{base}/openapi.json")).json()["paths"]

    worker = await command.pid_of("work\0order")
    os.kill(worker, signal.SIGKILL)

    async def is_back() -> bool:
        return await command.pid_of("work\0order") not in {0, worker}

    await eventually(is_back)
    command.process.send_signal(signal.SIGTERM)
    await eventually(command.is_over, seconds=START_SECONDS)
    assert command.process.returncode == 0
    await eventually(command.family, until=is_empty)
