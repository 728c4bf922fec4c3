"""Spans of messages: one where a message is sent, one where it is handled, as a part of what brought it about.

OpenTelemetry's conventions for messaging and for CloudEvents. A message's envelope carries the context in which it was
made, in the outbox and in a dead-letter queue too, so timers, parked and repeated messages stay in their purchase's
trace.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from opentelemetry.trace import Span, SpanKind

from services.chassis import tracing
from services.chassis.decision import Bury, Retry
from services.chassis.letters import Letter
from services.chassis.store import Dispatch
from services.chassis.trace_context import aws_trace_header, context_of

if TYPE_CHECKING:
    from types_aiobotocore_sqs.type_defs import SendMessageBatchRequestEntryTypeDef


@contextmanager
def handling(letters: Sequence[Letter]) -> Iterator[None]:
    """A span for each message from here until its verdict."""
    if not tracing.on():
        yield
        return
    for letter in letters:
        letter.span = _handled(letter)
    try:
        yield
    except BaseException as error:
        for letter in letters:
            assert letter.span is not None
            tracing.fail(letter.span, type(error).__name__)
        raise
    finally:
        for letter in letters:
            assert letter.span is not None
            _tell(letter.span, letter)
            letter.span.end()


@contextmanager
def together(letters: Sequence[Letter]) -> Iterator[None]:
    """What is done for a batch at once is a part of its first message's trace; the others link to that."""
    spans = [letter.span for letter in letters if letter.span is not None and letter.span.is_recording()]
    for other in spans[1:]:
        other.add_link(spans[0].get_span_context(), {"messaging.batch.message_count": len(letters)})
    with tracing.current(spans[0] if spans else None):
        yield


class Sending:
    """The spans of one batch that is sent. What is not ``accepted`` in the end has failed."""

    def __init__(self, queue: str, batch: Sequence[Dispatch]) -> None:
        self.accepted: Collection[UUID] = ()
        self._batch = batch
        self._spans: list[Span] = []
        if tracing.on():
            self._spans += [_sent(queue, dispatch, len(batch)) for dispatch in batch]

    def with_header(self, entry: "SendMessageBatchRequestEntryTypeDef") -> "SendMessageBatchRequestEntryTypeDef":
        """The entry, with the context for those in AWS who do not look into a body."""
        if self._spans:
            header = aws_trace_header(self._spans[int(entry["Id"])])
            entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
        return entry

    def end(self) -> None:
        """End the spans."""
        for span, dispatch in zip(self._spans, self._batch, strict=False):
            if dispatch.key not in self.accepted:
                tracing.fail(span, "NotAccepted")
            span.end()


@contextmanager
def sending(queue: str, batch: Sequence[Dispatch]) -> Iterator[Sending]:
    """A span for each message that is sent."""
    sent = Sending(queue, batch)
    try:
        yield sent
    finally:
        sent.end()


def _handled(letter: Letter) -> Span:
    envelope, queue = letter.envelope, letter.delivery.queue
    attributes = _attributes("process", queue, envelope.id, envelope.message.type, envelope.message.correlation)
    return tracing.begin(f"process {queue}", SpanKind.CONSUMER, attributes, context_of(envelope.traceparent))


def _sent(queue: str, dispatch: Dispatch, of: int) -> Span:
    attributes = _attributes("send", queue, dispatch.message_id, dispatch.type, dispatch.correlation)
    attributes["messaging.batch.message_count"] = of
    parent = json.loads(dispatch.body).get("traceparent")
    return tracing.begin(f"send {queue}", SpanKind.PRODUCER, attributes, context_of(parent))


def _attributes(operation: str, queue: str, message_id: UUID, type_name: str, correlation: str) -> dict[str, Any]:
    return {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.message.id": str(message_id),
        "messaging.message.conversation_id": correlation,
        "cloudevents.event_id": str(message_id),
        "cloudevents.event_type": type_name,
    }


def _tell(span: Span, letter: Letter) -> None:
    verdict = letter.verdict
    if isinstance(verdict, Bury | Retry):
        span.set_attribute("bilhetagem.outcome", "buried" if isinstance(verdict, Bury) else "retried")
        tracing.fail(span, verdict.error.partition(":")[0] or "failed")
    else:
        span.set_attribute("bilhetagem.outcome", letter.outcome)
