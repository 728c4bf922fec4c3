"""Where an ingress's message comes from: the caller, the route that must be allowed to emit it, and the trace."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from contracts.message import Message
from services.chassis.calling import Forbidden
from services.chassis.trace_context import TRACEPARENT, readable, traceparent


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Nothing trusts an id because it came in: a route compares it with its caller."""

    id: str


ANONYMOUS = Caller("anonymous")


def route_of(request: Request) -> str:
    """The route as the choreography names it: method and path template."""
    return f"{request.method} {request.scope['route'].path}"


def trace_of(request: Request) -> str | None:
    """The ``traceparent`` of what this request brings about: its own span's, or where nothing is traced its caller's,
    None where there is none that can be read.
    """
    return traceparent() or readable(request.headers.get(TRACEPARENT, ""))


def check_emission(request: Request, message: Message, allowed: Mapping[str, frozenset[type[Message]]]) -> None:
    """Raises Forbidden when the choreography does not list the message under this request's route."""
    route = route_of(request)
    if type(message) not in allowed.get(route, frozenset()):
        raise Forbidden(f"{route} may not emit {message.type}")
