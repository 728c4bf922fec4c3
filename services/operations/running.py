"""The commands that run something until a signal stops it."""

import asyncio
import os
import sys
from collections.abc import Sequence

from rich.table import Table

from services.chassis.migrate import migrate
from services.chassis.process import Interrupted, listen, run, stopped_by_signals
from services.chassis.telemetry import LogSettings, log_to
from services.operations.addresses import Addresses
from services.operations.commands import console
from services.operations.errors import Trouble
from services.operations.hosting import host_gateway, host_ingress, host_worker
from services.operations.infrastructure import Ground
from services.operations.registry import SERVICES, service_named
from services.operations.settings import settings_of
from services.operations.system import Plan, run_system


def keep_running(ground: Ground, host: str, port: int, *, processes: bool) -> None:
    """The whole system, until a signal."""
    os.environ.setdefault("BILHETAGEM_LOG_FORMAT", "console")
    log_to(sys.stderr, LogSettings(level="warning", format="console"))
    plan = Plan(ground=ground, host=host, port=port, processes=processes)

    async def ready(addresses: Addresses) -> None:
        _print_urls(addresses, ground)
        await asyncio.Event().wait()

    async def main() -> None:
        async with stopped_by_signals() as stop:
            await run_system(plan, stop, lambda said: console.print(f"[dim]{said} ...[/]"), ready)

    try:
        run(main())
    except Interrupted:
        console.print("Stopped.")


def _print_urls(addresses: Addresses, ground: Ground) -> None:
    table = Table(title="Bilhetagem is ready", title_justify="left", title_style="bold green")
    table.add_column("What")
    table.add_column("Where", overflow="fold")
    base = addresses.base_url
    for what, where in (
        ("all services", base),
        ("API documentation", f"{base}/docs"),
        ("OpenAPI", f"{base}/openapi.json"),
        *((f"{name} alone", f"{addresses.ingress_url(name)}/docs") for name in addresses.ingresses),
        ("LocalStack", os.environ["AWS_ENDPOINT_URL"]),
        ("secrets", str(ground.state.secrets_file)),
    ):
        table.add_row(what, where)
    console.print(table)
    console.print("Ctrl-C drains and stops. Try: [bold]docs/run-instructions.md[/]")


def serve_one(name: str, host: str, port: int) -> None:
    """One ingress, until a signal."""
    log_to()

    async def main() -> None:
        service = service_named(name)
        with listen(host, port) as listening:
            async with stopped_by_signals() as stop:
                await host_ingress(service, listening, stop)

    run(main())


def work_one(name: str, host: str, health_port: int | None) -> None:
    """One worker, until a signal."""
    log_to()

    async def main() -> None:
        service = service_named(name)
        health = listen(host, health_port) if health_port is not None else None
        async with stopped_by_signals() as stop:
            await host_worker(service, health, stop)

    run(main())


def serve_gateway(services: Sequence[str], host: str, port: int) -> None:
    """The base URL alone, until a signal. ``services`` are URLs, see ``service_urls``."""
    log_to()
    urls = service_urls(services)

    async def main() -> None:
        with listen(host, port) as listening:
            async with stopped_by_signals() as stop:
                await host_gateway(urls, listening, stop)

    run(main())


def service_urls(given: Sequence[str]) -> dict[str, str]:
    """URLs by service: one with ``{service}`` is every service's, ``NAME=URL`` is one service's, and wins.

    Raises Trouble when a service is without one.
    """
    everyones, own = {}, {}
    for text in given:
        name, named, url = text.partition("=")
        if named and name in SERVICES:
            own[name] = url
        elif "{service}" in text:
            everyones = {service: text.replace("{service}", service) for service in SERVICES}
        else:
            raise Trouble(f"{text!r} is neither a URL with {{service}} in it nor NAME=URL.")
    if missing := SERVICES.keys() - everyones.keys() - own.keys():
        raise Trouble(f"No URL is given for {', '.join(sorted(missing))}.")
    return everyones | own


def migrate_databases(names: Sequence[str]) -> None:
    """Bring databases up to this release, one after another, and say what was done."""
    log_to(settings=LogSettings(level="warning", format="console"))

    async def main() -> None:
        for service in [service_named(name) for name in names]:
            url = settings_of(service).database_url_of(service.name)
            before, after = await migrate(service, url)
            state = f"already at {after}" if before == after else f"{before or 'empty'} -> {after}"
            console.print(f"{service.name:12} {state}")

    run(main())
