"""One process: servers and workers in one event loop, drained on the first signal and ended on the second."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

DRAIN_SECONDS = 10
"""How long requests under way may take when the process stops. Fargate kills after 30 s (stopTimeout's default)."""


KEEP_ALIVE_SECONDS = 75
"""How long a connection without requests stays open: longer than whoever is in front keeps one to use again (60 s is
an Application Load Balancer's idle timeout, 5 s httpx's). The other way round a request meets a closing connection.
"""


class PortInUse(Exception):
    """Another program listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Port {port} of {host} is in use by another program.")
        self.port = port


class Interrupted(Exception):
    """A signal stopped what was being done."""


class DidNotStart(Exception):
    """A server gave up while it was starting; the log says why."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port, before anything else is started. 0 stands for any free one. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(1024)
    except OSError as error:
        taken.close()
        raise PortInUse(host, port) from error
    taken.setblocking(False)
    return taken


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the process's, which may run several servers


async def serve(app: ASGIApp, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve an app until stopped, then finish the requests under way. Raises DidNotStart."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.ensure_future(end())
    try:
        await server.serve(sockets=[listening])
    finally:
        ending.cancel()
        listening.close()
    if not server.started:
        raise DidNotStart("A server did not start: the log says why.")


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets. A second one ends the process at once, without draining."""
    stop = asyncio.Event()

    def told(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def interruptible(stop: asyncio.Event) -> AsyncIterator[None]:
    """What is done inside is cut short when stopped, and Interrupted raised: for what need not be finished."""
    task = asyncio.current_task()
    assert task is not None

    async def interrupt() -> None:
        await stop.wait()
        task.cancel()

    watching = asyncio.create_task(interrupt())
    try:
        yield
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        task.uncancel()
        raise Interrupted from None
    finally:
        watching.cancel()


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Run a process's main coroutine to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
