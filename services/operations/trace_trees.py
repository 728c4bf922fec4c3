"""``bilhetagem up --traces``: what the messages of a trace led to, as a tree, once it has been quiet for a moment."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from services.chassis.otlp import tracers_to
from services.chassis.tracing import Tracers
from services.operations.timeline import name_of
from services.operations.wording import counted

QUIET_SECONDS = 2.0
"""Longer than the mock gateway's buyers take to pay, so that a purchase is mostly told in one piece."""

_LOOK_EVERY_SECONDS = 0.25


@dataclass(slots=True)
class _Trace:
    spans: list[ReadableSpan] = field(default_factory=list)
    heard: float = 0.0


class TraceTrees(SpanExporter):
    """Keeps the spans of this process until their trace is quiet. Traces without a message are not told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._traces: dict[int, _Trace] = defaultdict(_Trace)
        self._told: dict[int, int] = {}
        """When each trace that was told began, in nanoseconds."""

    @property
    def tracers(self) -> Tracers:
        """Who makes the spans that are kept here."""
        return tracers_to(SimpleSpanProcessor(self))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep spans that have ended."""
        for span in spans:
            if context := span.get_span_context():
                trace = self._traces[context.trace_id]
                trace.spans.append(span)
                trace.heard = self._clock()
        return SpanExportResult.SUCCESS

    def quiet(self, seconds: float = QUIET_SECONDS) -> Iterator[Tree]:
        """The traces in which nothing has ended for so long. They are told once, and what comes later as going on."""
        now = self._clock()
        for trace_id in [each for each, trace in self._traces.items() if now - trace.heard >= seconds]:
            spans = self._traces.pop(trace_id).spans
            if trace_id in self._told or any(_attribute(span, "messaging.system") for span in spans):
                goes_on = trace_id in self._told
                began = self._told.setdefault(trace_id, min(span.start_time or 0 for span in spans))
                title = f"Trace {trace_id:032x}{' goes on' if goes_on else ''}"
                yield tree(title, spans, began)

    async def tell(self, say: Callable[[RenderableType], None]) -> None:
        """Tell what is quiet, until cancelled; then the rest."""
        try:
            while True:
                for each in self.quiet():
                    say(each)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
        finally:
            for each in self.quiet(0):
                say(each)


def tree(title: str, spans: Sequence[ReadableSpan], began: int) -> Tree:
    """The spans as a tree, each after those that began before it; statements of one span in one line."""
    known = {_id(span) for span in spans}
    children: dict[int, list[ReadableSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda each: each.start_time or 0):
        parent = span.parent.span_id if span.parent else 0
        children[parent if parent in known else 0].append(span)
    root = Tree(Text(title, "bold"))
    _grow(root, 0, children, began)
    return root


def _grow(branch: Tree, parent: int, children: dict[int, list[ReadableSpan]], began: int) -> None:
    statements = [span for span in children[parent] if _attribute(span, "db.system.name")]
    if statements:
        took = sum(_milliseconds(span) for span in statements)
        branch.add(Text(f"{counted(len(statements), 'statement')}, {took:.1f} ms", "dim"))
    for span in children[parent]:
        if span not in statements:
            _grow(branch.add(_line(span, began)), _id(span), children, began)


def _line(span: ReadableSpan, began: int) -> Text:
    line = Text()
    line.append(f"{span.resource.attributes['service.name']!s} ", "bold cyan")
    line.append(span.name)
    if type_name := _attribute(span, "cloudevents.event_type"):
        line.append(f" {name_of(type_name)}", "bold")
    outcome = _attribute(span, "bilhetagem.outcome")
    if outcome not in ("", "handled"):
        line.append(f" {outcome}", "yellow")
    if error := _attribute(span, "error.type"):
        line.append(f" {error}", "bold red")
    since = ((span.start_time or began) - began) / 1e9
    line.append(f"  +{since:.3f} s, {_milliseconds(span):.1f} ms", "dim")
    return line


def _attribute(span: ReadableSpan, name: str) -> str:
    return str((span.attributes or {}).get(name, ""))


def _id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    return context.span_id if context else 0


def _milliseconds(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e6
