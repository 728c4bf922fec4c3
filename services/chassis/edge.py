"""The outermost layer of an ingress: the spellings of a path, HEAD, and no error without a problem document."""

import re
from collections.abc import Collection
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.problems import Problem, answer

log = structlog.get_logger()


PREFIX_HEADER = "X-Forwarded-Prefix"
"""What a gateway in front takes off the paths that its clients know. The gateway replaces what a client sends."""

# No path of its own can look like another host's URL, which begins with two slashes.
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def public_path(request: Request, path: str) -> str:
    """A path of ours as the client knows it: behind a gateway, its prefix comes first."""
    prefix = request.headers.get(PREFIX_HEADER, "").removesuffix("/")
    return f"{prefix}{path}" if _PREFIX.fullmatch(prefix) else path


class Edge:
    """ASGI middleware. ``with_slash`` are the paths that the routes declare with a slash at their end.

    ``stage``, such as ``/v1``, is taken off where a path begins with it.
    """

    def __init__(self, app: ASGIApp, with_slash: Collection[str], stage: str = "") -> None:
        self._app = app
        self._with_slash = frozenset(with_slash)
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(self._as_declared(scope), receive, watched)
        except ClientDisconnect:
            return
        except Exception:
            # Starlette's own catch-all raises again after it has answered, and the server logs a second time.
            reference = str(uuid4())
            log.exception("request_failed", method=scope["method"], path=scope["path"], reference=reference)
            if begun:
                raise
            response = answer(Problem(500, reference=reference), scope["path"])
            await response(scope, receive, send)

    def _as_declared(self, scope: Scope) -> Scope:
        root = scope.get("root_path", "")
        path = scope["path"].removeprefix(root)
        if path.startswith(f"{self._stage}/"):
            path = path.removeprefix(self._stage)
        bare = path.removesuffix("/")
        declared = f"{bare}/" if f"{bare}/" in self._with_slash or not bare or bare.endswith("/") else bare
        # A GET whose body the server leaves away (RFC 9110, 9.3.2); the server goes by its own scope.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return {**scope, "path": root + declared, "method": method}
