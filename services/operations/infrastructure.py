"""What the services stand on, on a laptop: LocalStack with everything provisioned, and migrated databases."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

from localstack.provision import provision
from localstack.server import LocalStack, PortInUse
from services.chassis.migrate import migrate
from services.chassis.service import Service
from services.operations.deployment import url_given
from services.operations.errors import Trouble
from services.operations.laptop import DatabaseKind, State
from services.operations.postgres import Postgres

_ROOM = {DatabaseKind.SQLITE: 50, DatabaseKind.POSTGRES: 250}
"""MB that a system needs to start, and to sell for a while."""

type Say = Callable[[str], None]
"""Tells the person at the terminal what is being done."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What to stand on. ``aws_url``: a LocalStack that runs already, instead of one of our own on ``aws_port``."""

    state: State
    database: DatabaseKind = DatabaseKind.SQLITE
    aws_port: int = 4566
    aws_url: str | None = None


@asynccontextmanager
async def laid(
    ground: Ground, services: Iterable[Service], settings: Mapping[str, str], say: Say
) -> AsyncIterator[dict[str, str]]:
    """Start, provision and migrate everything; yields the environment of the services' processes.

    ``settings`` are part of it, and win. All that was started is stopped at the end. Has to run in the main thread (see
    ``localstack.child``). Raises Trouble and its likes.
    """
    with ExitStack() as stack:
        stack.enter_context(ground.state.held())
        _check_room(ground)
        aws_url = ground.aws_url and url_given(ground.aws_url, "LocalStack's URL,")
        localstack = None if aws_url else LocalStack(ground.state.folder / "localstack", ground.aws_port)
        if localstack is not None:
            say("Starting LocalStack")
            stack.callback(localstack.stop)
            _start(localstack)
            aws_url = localstack.url
        database_url = ground.state.sqlite_url()
        postgres = None
        if ground.database is DatabaseKind.POSTGRES:
            say("Starting PostgreSQL")
            postgres = stack.enter_context(Postgres(ground.state.folder / "postgres"))
            database_url = postgres.url("{service}")
        environment = {**ground.state.environment(aws=str(aws_url), database_url=database_url), **settings}
        os.environ |= environment  # this process is one of those that it is for
        say("Migrating the databases")
        for service in services:
            if postgres is not None:
                await postgres.ensure_database(service.name)
            await migrate(service, database_url.replace("{service}", service.name))
        if localstack is not None:
            say("Waiting for LocalStack")
            await asyncio.to_thread(localstack.wait_until_ready)
        say("Provisioning queues and bucket")
        await asyncio.to_thread(_provision, environment)
        yield environment


def _check_room(ground: Ground) -> None:
    """Better no start than one that ends in whatever is written first."""
    free = shutil.disk_usage(ground.state.folder).free // 2**20
    if free < (needed := _ROOM[ground.database]):
        raise Trouble(
            f"It takes {needed} MB of disk, and {free} MB are free in {ground.state.folder}: make some room, or choose "
            "another folder with --state."
        )


def _start(localstack: LocalStack) -> None:
    try:
        localstack.start()
    except PortInUse as busy:
        raise Trouble(
            f"Port {busy.port} is in use, which LocalStack would listen on. Stop the program that uses it, choose "
            "another port with --localstack-port (0: any free one), or use a LocalStack that runs already with --aws."
        ) from None


def _provision(environment: dict[str, str]) -> None:
    provision(environment["AWS_ENDPOINT_URL"], region=environment["AWS_REGION"])
