"""Servers in a process's event loop, each on a port that was taken before anything else was started."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator

import uvicorn
from httptools import HttpParserUpgrade, HttpRequestParser
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
    """HTTP/1.1 and nothing else: a wish for another protocol is ignored (RFC 9110, 7.8), and what is no HTTP, and so
    never reaches the app, is answered with a problem document as well.

    Left alone, a request that wishes for HTTP/2, as those of `curl --http2` and of Java's client do, loses its body:
    the parser takes what follows the headers for the other protocol's.
    """

    _received = b""

    def data_received(self, data: bytes) -> None:
        self._received = data
        super().data_received(data)

    def _should_upgrade(self) -> bool:
        return True  # nothing is done about the request until it is read again

    def handle_websocket_upgrade(self) -> None:
        """Read the request again without its wish. Called while the parser's HttpParserUpgrade is handled."""
        pause = sys.exception()
        assert isinstance(pause, HttpParserUpgrade)
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":  # what follows it is no body, whatever its headers say
            self.send_400_response("")
            return
        body = self._received[pause.args[0] :]
        headers = (name + b": " + value + b"\r\n" for name, value in self.headers if name != b"upgrade")
        self.parser = HttpRequestParser(self)
        self.data_received(b"".join([method, b" ", self.url, b" HTTP/", version, b"\r\n", *headers, b"\r\n", body]))

    def send_400_response(self, msg: str) -> None:
        detail = (
            "This is no request of HTTP/1.1 to a server (RFC 9112). In its URL, whatever is not ASCII has to be "
            "percent-encoded (RFC 3986): %C3%A9 stands for é."
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
