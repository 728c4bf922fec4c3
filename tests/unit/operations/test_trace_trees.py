"""What ``up --traces`` prints: a trace once it is quiet, as a tree that a person can follow."""

import io

import pytest
from opentelemetry.trace import Span, SpanKind
from rich.console import Console

from services.chassis.trace_context import context_of, traceparent
from services.chassis.tracing import begin, current, fail, on_behalf_of, traced_by
from services.operations.trace_trees import QUIET_SECONDS, TraceTrees

PLACED = {"messaging.system": "aws_sqs", "cloudevents.event_type": "bilhetagem.order.order-placed.v1"}


class Told:
    """The trees, and a clock to wait by."""

    def __init__(self) -> None:
        self.now = 0.0
        self.trees = TraceTrees(lambda: self.now)

    def after(self, seconds: float) -> str:
        """What is told by then, without the times."""
        self.now += seconds
        console = Console(file=io.StringIO(), width=200)
        for each in self.trees.quiet():
            console.print(each)
        assert isinstance(console.file, io.StringIO)
        return "\n".join(line.partition("  +")[0].rstrip() for line in console.file.getvalue().splitlines())


def ended(service: str, name: str, within: Span | None = None, **attributes: str) -> Span:
    on_behalf_of(service)
    named = {each.replace("_", "."): value for each, value in attributes.items()}
    span = begin(name, SpanKind.INTERNAL, named, context_of(traceparent(within)) if within else None)
    span.end()
    return span


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_trace_is_a_tree_with_the_statements_of_each_part_in_one_line(told: Told) -> None:
    with traced_by(told.trees.tracers):
        request = ended("order", "POST /orders/")
        on_behalf_of("reservation")
        handled = begin("process reservation-underway", SpanKind.CONSUMER, PLACED, context_of(traceparent(request)))
        with current(handled):
            ended("reservation", "SELECT holds", db_system_name="sqlite")
            ended("reservation", "UPDATE holds", db_system_name="sqlite")
        fail(handled, "RuntimeError")
        handled.set_attribute("bilhetagem.outcome", "retried")
        handled.end()

    assert told.after(QUIET_SECONDS - 0.1) == ""
    [title, *lines] = told.after(0.2).splitlines()
    assert title == f"Trace {request.get_span_context().trace_id:032x}"
    assert lines[:2] == [
        "└── order POST /orders/",
        "    └── reservation process reservation-underway OrderPlaced retried RuntimeError",
    ]
    assert lines[2].startswith("        └── 2 statements, ")
    assert told.after(60) == ""


def test_what_comes_later_goes_on_with_it(told: Told) -> None:
    with traced_by(told.trees.tracers):
        request = ended("order", "send order-new", messaging_system="aws_sqs")
        assert "goes on" not in told.after(QUIET_SECONDS)
        ended("order", "process order-new", request, messaging_system="aws_sqs")
    assert told.after(QUIET_SECONDS).splitlines()[0].endswith("goes on")


def test_a_look_that_leads_to_no_message_is_not_told(told: Told) -> None:
    with traced_by(told.trees.tracers):
        ended("order", "GET /orders/{id}")
    assert told.after(60) == ""
