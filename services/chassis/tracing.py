"""Spans (OpenTelemetry) of what this process does.

Off, unless ``traced_by`` says who makes them: then nothing is made, and nothing is done but to see that. An error is
told by its class only, since its text may hold personal data.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span, use_span

type Tracers = Callable[[str], Tracer]
"""The tracer of a service, by its name: several services may share a process."""

_tracers: Tracers | None = None
_service: ContextVar[str] = ContextVar("traced_service", default="bilhetagem")


@contextmanager
def traced_by(tracers: Tracers) -> Iterator[None]:
    """Have spans made by these tracers, in the whole process. Say so before apps and databases are opened."""
    global _tracers
    before, _tracers = _tracers, tracers
    try:
        yield
    finally:
        _tracers = before


def on() -> bool:
    """Whether spans are made."""
    return _tracers is not None


def on_behalf_of(service: str) -> None:
    """What this task does from now on, and what the tasks do that it starts, is this service's doing."""
    _service.set(service)


def begin(name: str, kind: SpanKind, attributes: Mapping[str, Any], within: Context | None = None) -> Span:
    """Begin a span, within the current one unless told otherwise. Whoever begins it ends it. Only while ``on``."""
    assert _tracers is not None
    return _tracers(_service.get()).start_span(name, within, kind, attributes)


@contextmanager
def span(name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> Iterator[Span | None]:
    """A span around something that is done for what is traced; None where nothing is."""
    if _tracers is None or not get_current_span().is_recording():
        yield None
        return
    begun = begin(name, kind, attributes)
    try:
        with current(begun):
            yield begun
    except BaseException as error:
        fail(begun, type(error).__name__)
        raise
    finally:
        begun.end()


@contextmanager
def current(span: Span | None) -> Iterator[None]:
    """Let what is begun inside be a part of this span, which goes on afterwards."""
    if span is None:
        yield
        return
    with use_span(span, record_exception=False, set_status_on_exception=False):
        yield


def fail(span: Span, error_type: str) -> None:
    """Say that what a span tells of has failed."""
    span.set_attribute(ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR))


def detach() -> None:
    """This task works for many: it is part of no trace, although somebody's request has started it."""
    if _tracers is not None:
        contexts.attach(Context())


def trace_id() -> str | None:
    """The id of the current trace; None where nothing is traced."""
    found = get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None
