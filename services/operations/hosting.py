"""Services in this process: one ingress, one worker, or all of them behind the base URL."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from starlette.types import ASGIApp

from contracts.routes import queues
from services.chassis.exporting import MetricSettings, TraceSettings, exporting_metrics, exporting_traces
from services.chassis.http import create_app, health_app
from services.chassis.relay import sleep_unless
from services.chassis.runtime import Running, running_together
from services.chassis.service import Service
from services.chassis.serving import serve
from services.chassis.telemetry import log_as
from services.chassis.worker import Worker
from services.operations.addresses import Taken
from services.operations.errors import BadInput
from services.operations.gateway import Gateway, forwarding
from services.operations.openapi import merged
from services.operations.settings import complete, settings_of

if TYPE_CHECKING:
    from services.chassis.sqs import Queues

log = structlog.get_logger()

SETTLE_SECONDS = 10
"""How long the workers of a system that stops go on, for what is still in the queues."""


@asynccontextmanager
async def _opened(services: Sequence[Service]) -> AsyncIterator[dict[str, Running]]:
    settings = {service.name: (service, settings_of(service)) for service in services}
    common = next(iter(settings.values()))[1]
    async with AsyncExitStack() as stack:
        stack.enter_context(exporting_traces(complete(TraceSettings, "traces"), common.aws_region))
        metrics = complete(MetricSettings, "metrics")
        stack.enter_context(exporting_metrics(metrics, common.aws_region, common.queue_prefix))
        try:
            running = await stack.enter_async_context(running_together(settings))
        except ValueError as error:  # two keys, for instance, that share an id
            raise BadInput(f"A setting cannot be used: {error}.") from None
        yield running


async def host_ingress(service: Service, listening: socket.socket, stop: asyncio.Event) -> None:
    """One service's ingress, until stopped and the requests under way are answered."""
    log_as(service=service.name, part="ingress")
    async with _opened([service]) as running:
        log.info("ingress_serves", port=listening.getsockname()[1])
        await serve(create_app(running[service.name], stop), listening, stop)


async def host_worker(service: Service, health: socket.socket | None, stop: asyncio.Event) -> None:
    """One service's worker and relay, until stopped and the messages under way are handled.

    Its health is served on its own port, where there is one.
    """
    log_as(service=service.name, part="worker")
    async with _opened([service]) as running:
        worker = running[service.name].worker()
        log.info("worker_works")
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stop))
            if health is not None:
                group.create_task(serve(health_app(worker), health, stop))


async def host_all(services: Sequence[Service], taken: Taken, stop: asyncio.Event) -> None:
    """Every ingress and every worker in this process.

    When stopped, the ingresses end first; the workers go on until the queues are empty, for some seconds at most.
    """
    async with _opened(services) as running:
        apps: dict[str, Any] = {name: create_app(one, stop) for name, one in running.items()}
        drained = asyncio.Event()

        async def document() -> dict[str, Any]:
            return merged({name: app.openapi() for name, app in apps.items()})

        async with asyncio.TaskGroup() as workers:
            for name, one in running.items():
                workers.create_task(_work(name, one.worker(), drained))
            async with asyncio.TaskGroup() as servers:
                servers.create_task(serve(Gateway(apps, document), taken.base, stop))
                for name, app in apps.items():
                    servers.create_task(_serve(name, app, taken.ingresses[name], stop))
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await _until_empty(next(iter(running.values())).queues, drained)
            drained.set()


async def host_gateway(urls: Mapping[str, str], listening: socket.socket, stop: asyncio.Event) -> None:
    """The base URL for services in other processes, by their own URLs."""
    async with forwarding(urls) as (apps, client):

        async def document() -> dict[str, Any]:
            answers = await asyncio.gather(*(client.get(f"{url}/openapi.json") for url in urls.values()))
            return merged({name: answer.json() for name, answer in zip(urls, answers, strict=True)})

        await serve(Gateway(apps, document), listening, stop)


async def _work(name: str, worker: Worker, stop: asyncio.Event) -> None:
    log_as(service=name, part="worker")
    await worker.run(stop)


async def _serve(name: str, app: ASGIApp, listening: socket.socket, stop: asyncio.Event) -> None:
    log_as(service=name, part="ingress")
    await serve(app, listening, stop)


async def _until_empty(held: "Queues", stop: asyncio.Event) -> None:
    try:
        while sum(await asyncio.gather(*(held.depth(queue.name) for queue in queues()))):
            await sleep_unless(stop, 0.1)
    except Exception as error:  # AWS is gone already, and so is what was in the queues
        log.warning("queues_unknown", error=repr(error))
