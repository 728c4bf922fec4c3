"""One process: an event loop, told to drain by the first signal and ended by the second."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvloop

DRAIN_SECONDS = 10
"""How long requests under way may take when the process stops. Fargate kills after 30 s (stopTimeout's default)."""


class Interrupted(Exception):
    """A signal stopped what was being done."""


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets. A second one ends the process at once, and says so."""
    stop = asyncio.Event()

    def told(number: signal.Signals) -> None:
        if stop.is_set():
            with suppress(OSError):
                os.write(2, b"Stopped at once, without draining.\n")
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
