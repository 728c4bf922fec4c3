"""The commands that run one part of the system until a signal stops it, as a container does."""

from collections.abc import Sequence

from services.chassis.process import run, stopped_by_signals
from services.chassis.serving import listen
from services.chassis.telemetry import LogSettings, log_to
from services.operations.deployment import service_urls
from services.operations.hosting import host_gateway, host_ingress, host_worker
from services.operations.registry import service_named
from services.operations.settings import complete


def serve_one(name: str, host: str, port: int) -> None:
    """One ingress, until a signal."""
    log_to(settings=complete(LogSettings, "the log"))

    async def main() -> None:
        service = service_named(name)
        with listen(host, port) as listening:
            async with stopped_by_signals() as stop:
                await host_ingress(service, listening, stop)

    run(main())


def work_one(name: str, host: str, health_port: int | None) -> None:
    """One worker, until a signal."""
    log_to(settings=complete(LogSettings, "the log"))

    async def main() -> None:
        service = service_named(name)
        health = listen(host, health_port) if health_port is not None else None
        async with stopped_by_signals() as stop:
            await host_worker(service, health, stop)

    run(main())


def serve_gateway(services: Sequence[str], host: str, port: int) -> None:
    """The base URL alone, until a signal. ``services`` are URLs, see ``service_urls``."""
    log_to(settings=complete(LogSettings, "the log"))
    urls = service_urls(services)

    async def main() -> None:
        with listen(host, port) as listening:
            async with stopped_by_signals() as stop:
                await host_gateway(urls, listening, stop)

    run(main())
