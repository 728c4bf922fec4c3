"""The trace context that comes in and goes out: W3C's ``traceparent``, and X-Ray's header between parts of AWS.

Both write the same ids: https://www.w3.org/TR/trace-context/, X-Ray Developer Guide, *Tracing header*.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.aws.aws_xray_propagator import TRACE_HEADER_KEY
from opentelemetry.trace import Span, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"

_W3C = TraceContextTextMapPropagator()
_XRAY = AwsXRayPropagator()
_VERSION_00 = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_ROOT = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|$)")

_root: ContextVar[int | None] = ContextVar("gateways_root", default=None)


def traceparent(span: Span | None = None) -> str | None:
    """The context of a span, of the current one unless given; None where nothing is traced."""
    found = (span or get_current_span()).get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}" if found.is_valid else None


def readable(sent: str) -> str | None:
    """A ``traceparent`` that somebody sent; None for any other text."""
    return sent if _VERSION_00.fullmatch(sent) else None


def aws_trace_header(span: Span) -> str:
    """The context of a span, as X-Ray writes it."""
    carrier: dict[str, str] = {}
    _XRAY.inject(carrier, set_span_in_context(span, Context()))
    return carrier[TRACE_HEADER_KEY]


def context_of(parent: str | None) -> Context:
    """The context that a ``traceparent`` names; one of no trace where it names none."""
    return _W3C.extract({TRACEPARENT: parent}, Context()) if parent else Context()


@contextmanager
def resumed(parent: str | None) -> Iterator[None]:
    """What is begun inside is a part of what a ``traceparent`` names."""
    token = contexts.attach(context_of(parent))
    try:
        yield
    finally:
        contexts.detach(token)


@contextmanager
def context_of_request(headers: Mapping[str, str]) -> Iterator[Context]:
    """The context that a request brings: the client's ``traceparent``, else the gateway's ``X-Amzn-Trace-Id``.

    A load balancer, or a gateway that does not trace, sends the id of a trace without any span of it: the first span
    begun inside is the root of that trace.
    """
    context = _W3C.extract(headers, Context())
    if not _is_traced(context):
        context = _XRAY.extract(headers, Context())
    token = _root.set(None if _is_traced(context) else _root_in(headers.get(TRACE_HEADER_KEY, "")))
    try:
        yield context
    finally:
        _root.reset(token)


def gateways_trace_id() -> int | None:
    """The id of the trace that a root span shall begin, where a gateway has chosen one."""
    return _root.get()


def _is_traced(context: Context) -> bool:
    return get_current_span(context).get_span_context().is_valid


def _root_in(header: str) -> int | None:
    found = _ROOT.search(header)
    return int(found[1] + found[2], 16) or None if found else None
