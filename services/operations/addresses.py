"""Where a system listens on a laptop: the base URL, every ingress, the console, and, as processes, every worker."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from contracts.routes import SERVICES
from services.chassis.serving import listen

_CONSOLE = 8
"""The console is right above the ingresses."""

_WORKERS_FROM = 10
"""A worker's health is ten ports above its ingress."""


def in_url(host: str) -> str:
    """A host as a URL writes it: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class Addresses:
    """Ports of one host: the base URL's, the console's, and by service its ingress's and its worker's health."""

    host: str
    base: int
    console: int
    ingresses: Mapping[str, int]
    workers: Mapping[str, int]

    @property
    def base_url(self) -> str:
        """Where clients find all services."""
        return self._url(self.base)

    def ingress_url(self, service: str) -> str:
        """A service's own URL: its operators' routes are here only."""
        return self._url(self.ingresses[service])

    def worker_url(self, service: str) -> str:
        """Where a worker that is a process of its own tells its health."""
        return self._url(self.workers[service])

    def _url(self, port: int) -> str:
        return f"http://{in_url(self.host)}:{port}"


@dataclass(frozen=True)
class Taken:
    """Addresses whose ports are ours, and the sockets that listen there already."""

    addresses: Addresses
    base: socket.socket
    console: socket.socket
    ingresses: Mapping[str, socket.socket]
    workers: Mapping[str, socket.socket]


@contextmanager
def taking(host: str, base: int) -> Iterator[Taken]:
    """Take a system's ports before anything is started; 0 stands for any free ones. Raises PortInUse."""
    with ExitStack() as stack:

        def take(offset: int) -> socket.socket:
            return stack.enter_context(listen(host, base + offset if base else 0))

        first = take(0)
        ingresses = {name: take(n) for n, name in enumerate(SERVICES, 1)}
        workers = {name: take(n + _WORKERS_FROM) for n, name in enumerate(SERVICES, 1)}
        console = take(_CONSOLE)
        addresses = Addresses(host, _port(first), _port(console), _ports(ingresses), _ports(workers))
        yield Taken(addresses, first, console, ingresses, workers)


def _ports(sockets: Mapping[str, socket.socket]) -> dict[str, int]:
    return {name: _port(one) for name, one in sockets.items()}


def _port(one: socket.socket) -> int:
    port: int = one.getsockname()[1]
    return port
