"""The console as a process of its own, and as a part of the laptop's system."""

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from services.chassis.process import run, stopped_by_signals
from services.chassis.serving import listen, serve
from services.chassis.telemetry import LogSettings, log_to
from services.operations.addresses import in_url
from services.operations.commands import console
from services.operations.console.app import LOOPBACK, create_console
from services.operations.console.entering import Entry
from services.operations.console.settings import ConsoleSettings, console_settings
from services.operations.deployment import Deployment, find, turn_to
from services.operations.desk import at_desk
from services.operations.errors import Trouble
from services.operations.laptop import STATE, State


@dataclass(frozen=True)
class Door:
    """How a console is entered: settings, the password, and the link that works once."""

    settings: ConsoleSettings
    entry: Entry
    host: str
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104 (compared, not bound)
        return f"http://{in_url(host)}:{self.port}/"

    @property
    def link(self) -> str:
        """A link that signs in whoever opens it first."""
        return f"{self.url}login?once={self.entry.once}"


def door(deployment: Deployment, host: str, port: int) -> Door:
    """The door of a system's console. Raises Trouble where nobody could come in."""
    settings = console_settings()
    password = settings.password.get_secret_value() if settings.password else deployment.operators_secret
    if not password:
        raise Trouble(
            "Nobody could sign in: set BILHETAGEM_CONSOLE_PASSWORD, or BILHETAGEM_OPERATORS_SECRET to the operators' "
            "secret, or name a laptop's system by --state."
        )
    return Door(settings, Entry(password), host, port)


async def host_console(
    deployment: Deployment, opened: Door, record: Path, listening: socket.socket, stop: asyncio.Event
) -> None:
    """Serve a system's console until stopped. ``record`` is where discarded dead letters are noted."""
    async with at_desk(deployment) as desk:
        app = create_console(desk, opened.entry, opened.settings, record=record, host=opened.host, port=opened.port)
        await serve(app, listening, stop)


def serve_console(state: Path | None, aws: str | None, host: str, port: int) -> None:
    """The console alone, until a signal."""
    log_to(sys.stderr, LogSettings(level="warning", format="console"))
    deployment = find(state, aws, os.environ)
    turn_to(deployment)

    async def main() -> None:
        with listen(host, port) as listening:
            opened = door(deployment, host, listening.getsockname()[1])
            console.print(f"The console is at {opened.url}. This link signs in once:\n{opened.link}", soft_wrap=True)
            if host not in LOOPBACK:
                console.print("It is reachable from other machines: put a proxy with TLS before it.")
            async with stopped_by_signals() as stop:
                await host_console(deployment, opened, State(state or STATE).discarded_file, listening, stop)

    run(main())
