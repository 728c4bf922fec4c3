"""Spans, kept in memory for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from services.chassis.otlp import tracers_to
from services.chassis.tracing import traced_by


class Spans:
    """What has been traced so far."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        """Every span that has ended, in the order of their ends."""
        return self._exporter.get_finished_spans()

    def named(self, beginning: str) -> list[ReadableSpan]:
        """Those whose names begin so."""
        return [span for span in self.all if span.name.startswith(beginning)]

    @contextmanager
    def kept(self, sampled: float = 1.0) -> Iterator["Spans"]:
        """Trace what is done inside."""
        with traced_by(tracers_to(SimpleSpanProcessor(self._exporter), sampled)):
            yield self


def context(span: ReadableSpan) -> SpanContext:
    """A span's ids."""
    found = span.get_span_context()
    assert found is not None
    return found


def trace_of(span: ReadableSpan) -> str:
    """The id of its trace."""
    return f"{context(span).trace_id:032x}"


def parent_of(span: ReadableSpan) -> int:
    """The id of the span that it is a part of; 0 for a root."""
    return span.parent.span_id if span.parent else 0


def traceparent_of(span: ReadableSpan) -> str:
    """Its context, as those get it who follow."""
    found = context(span)
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def told(span: ReadableSpan, name: str) -> object:
    """An attribute."""
    return (span.attributes or {}).get(name)


def service_of(span: ReadableSpan) -> object:
    """Whose doing it is."""
    return span.resource.attributes["service.name"]
