"""Every ingress and every worker as a process of its own, as in production; one that dies is started again."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from localstack.child import Child
from services.chassis.process import DRAIN_SECONDS
from services.chassis.relay import sleep_unless
from services.operations.addresses import Taken
from services.operations.errors import Trouble
from services.operations.hosting import host_gateway
from services.operations.laptop import State

log = structlog.get_logger()

_FALLS = 3
"""A process that ends so often shortly after it was started is given up."""
_SHORTLY_SECONDS = 30


class Part:
    """One process of the system, by the name of its log."""

    def __init__(self, name: str, arguments: tuple[str, ...], state: State, environment: Mapping[str, str]) -> None:
        self.name = name
        self._arguments = arguments
        self._log = state.log(name)
        self._environment = environment
        self._falls = 0
        self._started_at = 0.0
        self._child = self._start()

    def _start(self) -> Child:
        self._started_at = time.monotonic()
        return Child(
            (sys.executable, "-m", "services.operations", *self._arguments),
            log=self._log,
            cwd=Path.cwd(),
            env=self._environment,
            ends_on=signal.SIGTERM,
        )

    def keep_up(self) -> None:
        """Start it again if it has ended. Raises Trouble when it ends again and again."""
        if self._child.running:
            return
        self._falls = self._falls + 1 if time.monotonic() - self._started_at < _SHORTLY_SECONDS else 0
        if self._falls == _FALLS:
            raise Trouble(f"The {self.name} does not stay up. The end of {self._log}:\n{self._child.log_tail()}")
        log.warning("started_again", process=self.name)
        self._child = self._start()

    def stop(self) -> None:
        """Drain it, then end it for sure."""
        self._child.stop(grace=DRAIN_SECONDS + 5)


async def host_processes(taken: Taken, state: State, environment: Mapping[str, str], stop: asyncio.Event) -> None:
    """Run them until stopped, ingresses ending before workers; this process serves the base URL."""
    environment = {**os.environ, **environment}
    addresses = taken.addresses
    for listening in (*taken.ingresses.values(), *taken.workers.values()):
        listening.close()  # theirs from now on
    workers: list[Part] = []
    ingresses: list[Part] = []
    try:
        for name, port in addresses.workers.items():
            arguments = ("work", name, "--host", addresses.host, "--health-port", str(port))
            workers.append(Part(f"{name}-worker", arguments, state, environment))
        for name, port in addresses.ingresses.items():
            arguments = ("serve", name, "--host", addresses.host, "--port", str(port))
            ingresses.append(Part(f"{name}-ingress", arguments, state, environment))
        urls = {name: addresses.ingress_url(name) for name in addresses.ingresses}
        async with asyncio.TaskGroup() as group:
            group.create_task(_keep_up([*workers, *ingresses], stop))
            group.create_task(host_gateway(urls, taken.base, stop))
    finally:
        await _stop(ingresses)
        await _stop(workers)


async def _keep_up(parts: list[Part], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for part in parts:
            part.keep_up()
        await sleep_unless(stop, 0.5)


async def _stop(parts: list[Part]) -> None:
    await asyncio.gather(*(asyncio.to_thread(part.stop) for part in parts))
