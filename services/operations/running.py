"""The commands that run something until a signal stops it."""

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from rich.table import Table

from services.chassis.config import DatabaseSettings
from services.chassis.migrate import draft, migrate
from services.chassis.process import Interrupted, run, stopped_by_signals
from services.chassis.telemetry import LogSettings, log_to
from services.chassis.tracing import traced_by
from services.operations.commands import console
from services.operations.errors import BadInput
from services.operations.infrastructure import Ground
from services.operations.registry import service_named
from services.operations.settings import complete
from services.operations.system import Open, Plan, run_system


def keep_running(ground: Ground, host: str, port: int, *, processes: bool, traces: bool = False) -> None:
    """The whole system, until a signal. With ``traces``, what its messages lead to is told. Raises BadInput."""
    if traces and processes:
        raise BadInput(
            "--traces tells what happens in one process: leave --processes away, or send the traces of several to a "
            "collector, with BILHETAGEM_TRACES_TO=otlp."
        )
    os.environ.setdefault("BILHETAGEM_LOG_FORMAT", "console")
    log_to(sys.stderr, LogSettings(level="warning", format="console"))
    if traces:
        from services.operations.trace_trees import TraceTrees  # which loads OpenTelemetry's SDK

        trees = TraceTrees()
        plan = Plan(ground=ground, host=host, port=port, settings={"BILHETAGEM_TRACES_TO": "off"})  # but told here
        with traced_by(trees.tracers):
            _run(plan, trees.tell(console.print))
    else:
        _run(Plan(ground=ground, host=host, port=port, processes=processes), asyncio.Event().wait())


def _run(plan: Plan, meanwhile: Coroutine[Any, Any, object]) -> None:
    async def ready(system: Open) -> None:
        _print_urls(system, plan.ground)
        await meanwhile

    async def main() -> None:
        async with stopped_by_signals() as stop:
            await run_system(plan, stop, lambda said: console.print(f"[dim]{said} ...[/]"), ready)

    try:
        run(main())
    except Interrupted:
        console.print("Stopped.")
    finally:
        meanwhile.close()


def _print_urls(system: Open, ground: Ground) -> None:
    table = Table(title="Bilhetagem is ready", title_justify="left", title_style="bold green")
    table.add_column("What")
    table.add_column("Where", overflow="fold")
    addresses = system.addresses
    base = addresses.base_url
    for what, where in (
        ("API documentation", f"{base}/docs"),
        ("OpenAPI", f"{base}/openapi.json"),
        ("all services, directly", base),
        *((f"{name} alone", f"{addresses.ingress_url(name)}/docs") for name in addresses.ingresses),
        ("LocalStack", os.environ["AWS_ENDPOINT_URL"]),
        ("secrets", str(ground.state.secrets_file)),
    ):
        table.add_row(what, where)
    console.print(table)
    # In one piece each, to be copied: a table would break them.
    console.print(f"Console, signs in once: [bold]{system.console}[/]", soft_wrap=True)
    console.print(f"REST API: [bold]{system.url}[/]", soft_wrap=True)
    console.print("Ctrl-C drains and stops. Try: [bold]docs/run-instructions.md[/]")


def migrate_databases(names: Sequence[str]) -> None:
    """Bring databases up to this release, one after another, and say what was done."""
    log_to(settings=LogSettings(level="warning", format="console"))

    settings = complete(DatabaseSettings, "`migrate`")

    async def main() -> None:
        for service in [service_named(name) for name in names]:
            url = settings.database_url_of(service.name)
            before, after = await migrate(service, url, login=settings.login)
            state = f"already at {after}" if before == after else f"{before or 'empty'} -> {after}"
            console.print(f"{service.name:12} {state}")

    run(main())


def draft_one(name: str, message: str) -> None:
    """Write a service's next migration, and say where."""
    log_to(settings=LogSettings(level="warning", format="console"))
    path = run(draft(service_named(name), message))
    console.print(f"Wrote {path}. Read it, then: make test ARGS='-k migrations'", soft_wrap=True)
