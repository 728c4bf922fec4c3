"""Servers in a process's event loop, each on a port that was taken before anything else was started."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.chassis.problems import Problem, answer
from services.chassis.process import DRAIN_SECONDS

KEEP_ALIVE_SECONDS = 75
"""How long a connection without requests stays open: longer than whoever is in front keeps one to use again (60 s is
an Application Load Balancer's idle timeout, 5 s httpx's). The other way round a request meets a closing connection.
"""


class PortInUse(Exception):
    """Another program listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Port {port} of {host} is in use by another program.")
        self.port = port


class DidNotStart(Exception):
    """A server gave up while it was starting; the log says why."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port, before anything else is started. 0 stands for any free one. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(1024)
    except OSError as error:
        taken.close()
        raise PortInUse(host, port) from error
    taken.setblocking(False)
    return taken


class _Protocol(HttpToolsProtocol):
    """Answers what is no HTTP, and so never reaches the app, with a problem document as well."""

    def send_400_response(self, msg: str) -> None:
        detail = (
            "This is no request of HTTP/1.1 (RFC 9112). In its URL, whatever is not ASCII has to be percent-encoded "
            "(RFC 3986): %C3%A9 stands for é."
        )
        told = answer(Problem(400, detail=detail), path="")
        headers = [*self.server_state.default_headers, *told.raw_headers, (b"connection", b"close")]
        lines = (name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(b"".join([STATUS_LINE[400], *lines, b"\r\n", told.body]))
        self.transport.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the process's, which may run several servers


async def serve(app: ASGIApp, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serve an app until stopped, then finish the requests under way. Raises DidNotStart."""
    server = _Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.ensure_future(end())
    try:
        await server.serve(sockets=[listening])
    finally:
        ending.cancel()
        listening.close()
    if not server.started:
        raise DidNotStart("A server did not start: the log says why.")
