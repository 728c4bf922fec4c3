"""The whole system on a laptop, from nothing to ready, and back to nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx

from localstack.front_door import deploy
from localstack.provision import PREFIX
from services.chassis.process import Interrupted, interruptible
from services.operations.addresses import Addresses, in_url, taking
from services.operations.console.serving import door, host_console
from services.operations.deployment import Deployment, announced
from services.operations.errors import Trouble
from services.operations.hosting import host_all
from services.operations.infrastructure import Ground, Say, laid
from services.operations.processes import host_processes
from services.operations.registry import SERVICES

READY_SECONDS = 300
"""Fourteen processes on two busy cores take most of a minute, and far longer where others use the cores too. A process
that ends is noticed at once.
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to run the system. ``settings`` are further environment variables of its processes."""

    ground: Ground
    host: str = "127.0.0.1"
    port: int = 8000
    processes: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Open:
    """A system that is ready. ``url`` is the REST API's, the one that clients know; the addresses lie behind it.

    ``console`` is a link that signs in whoever opens it first.
    """

    url: str
    addresses: Addresses
    console: str


async def run_system(plan: Plan, stop: asyncio.Event, say: Say, meanwhile: Callable[[Open], Awaitable[None]]) -> None:
    """Start everything, do something ``meanwhile``, then drain and end everything.

    Raises Interrupted when stopped before ``meanwhile`` had ended, and Trouble and its likes when something fails.
    """
    async with AsyncExitStack() as stack:
        taken = stack.enter_context(taking(plan.host, plan.port))
        addresses = taken.addresses
        settings = {**plan.settings, "BILHETAGEM_PAYMENT_WEBHOOK_URL": f"{addresses.base_url}/payments/webhook"}
        async with interruptible(stop):
            environment = await stack.enter_async_context(laid(plan.ground, SERVICES.values(), settings, say))
        deployment = _deployment(environment, addresses)
        console = door(deployment, addresses.host, addresses.console)
        stack.enter_context(announced(plan.ground.state, deployment))
        say("Starting the services")
        if plan.processes:
            hosting = asyncio.create_task(host_processes(taken, plan.ground.state, environment, stop))
        else:
            hosting = asyncio.create_task(host_all(tuple(SERVICES.values()), taken, stop))
        record = plan.ground.state.discarded_file
        looking = asyncio.create_task(host_console(deployment, console, record, taken.console, stop))
        front_door = asyncio.create_task(_front_door(environment, addresses))
        doing = asyncio.create_task(_once_ready(plan, addresses, front_door, console.link, meanwhile))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({hosting, looking, doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        done = doing.done()
        say("Draining and stopping")
        for task in (stopping, doing, front_door):
            task.cancel()
        stop.set()
        for part in (hosting, looking):
            await part
        if not done:
            raise Interrupted
        doing.result()


def _deployment(environment: Mapping[str, str], addresses: Addresses) -> Deployment:
    return Deployment(
        aws_endpoint=environment["AWS_ENDPOINT_URL"],
        region=environment["AWS_REGION"],
        queue_prefix=PREFIX,
        services={name: addresses.ingress_url(name) for name in addresses.ingresses},
        operators_secret=environment["BILHETAGEM_OPERATORS_SECRET"],
    )


async def _front_door(environment: Mapping[str, str], addresses: Addresses) -> str:
    """Deployed while the services start: both take seconds."""
    aws, region = environment["AWS_ENDPOINT_URL"], environment["AWS_REGION"]
    return await asyncio.to_thread(deploy, aws, f"{in_url(addresses.host)}:{addresses.base}", region)


async def _once_ready(
    plan: Plan,
    addresses: Addresses,
    front_door: Awaitable[str],
    console: str,
    meanwhile: Callable[[Open], Awaitable[None]],
) -> None:
    urls = [addresses.base_url, *(addresses.ingress_url(name) for name in addresses.ingresses)]
    if plan.processes:
        urls += [addresses.worker_url(name) for name in addresses.workers]
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        await asyncio.gather(*(_healthy(client, url) for url in urls))
    await meanwhile(Open(await front_door, addresses, console))


async def _healthy(client: httpx.AsyncClient, url: str) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await _answers(client, url):
                pass
    except TimeoutError:
        raise Trouble(f"{url} is not ready after {READY_SECONDS} seconds: see the logs in the state folder.") from None


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        if (await client.get(f"{url}/health")).is_success:
            return True
    except httpx.TransportError:
        pass
    await asyncio.sleep(0.1)
    return False
