"""A message between its receipt and its verdict."""

import json
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from opentelemetry.trace import Span

from contracts.message import Envelope, Message, Undecodable
from services.chassis.decision import RETENTION, Done, Park, TooOld, Verdict
from services.chassis.handling import Result
from services.chassis.ids import Mint
from services.chassis.store import Dispatch
from services.chassis.trace_context import TRACEPARENT, readable

ALONE_AFTER_RECEIVES = 3
"""A message received more often than this goes alone: it may be what kills its batch, or its worker."""

_LONGEST_NAME = 200
"""Of a message's id or type, in a log: a body that is none of ours may have anything there."""

_LONGEST_AHEAD = timedelta(days=1)
"""Clocks differ by seconds. What was made further in the future than this was not made by us."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it was received: from which queue, how often so far, and the receipt to answer with. ``sent_at`` is
    when it was put on that queue.
    """

    queue: str
    body: str
    receipt: str
    receives: int
    sent_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Letter:
    """A delivery on its way through the pipeline: decoded, with its effect's result and its verdict when they come.

    ``outcome`` says how it came to be done, ``span`` is where it is traced.
    """

    delivery: Delivery
    envelope: Envelope
    effect: Result | None = None
    verdict: Verdict = field(default_factory=Done)
    outcome: Literal["handled", "ignored", "parked", "repeated"] = "repeated"
    span: Span | None = None

    def park(self, verdict: Park, mint: Mint) -> Dispatch:
        """The outbox row that brings it to its queue again."""
        self.outcome = "parked"
        message = self.envelope.message
        return Dispatch(
            key=mint(),
            message_id=self.envelope.id,
            correlation=message.correlation,
            type=message.type,
            queue=self.delivery.queue,
            group=message.partition,
            body=self.delivery.body,
            send_at=verdict.until,
            waits_for=verdict.waits_for,
        )


def names_of(delivery: Delivery) -> dict[str, str]:
    """What logs call a message by, as far as its body can be read: its id, type, correlation and trace."""
    try:
        attributes = json.loads(delivery.body)
        named = {"message_id": "id", "type": "type", "correlation_id": "correlationid"}
        names = {
            # JSON can name half of a surrogate pair, which no log's encoding can say (RFC 8259, 8.2).
            name: str(attributes[attribute])[:_LONGEST_NAME].encode(errors="replace").decode()
            for name, attribute in named.items()
            if attribute in attributes
        }
        trace = readable(str(attributes.get(TRACEPARENT, "")))
        return names | ({"trace_id": trace.split("-")[1]} if trace else {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def open_letter(
    delivery: Delivery,
    service: str,
    listens_to: Container[type[Message]],
    now: datetime,
    retention: timedelta = RETENTION,
) -> Letter:
    """Decode a delivery. Raises Undecodable, UnknownType, and TooOld for what the journal could have forgotten."""
    envelope = Envelope.decode(delivery.body)
    if now - envelope.time > retention:
        raise TooOld(f"made at {envelope.time.isoformat()}, the journal remembers {retention.days} days")
    if envelope.time - now > _LONGEST_AHEAD:
        raise Undecodable(f"made at {envelope.time.isoformat()}, which lies in the future")
    if type(envelope.message) not in listens_to:
        raise Undecodable(f"{envelope.message.type} is not for the {service} service")
    return Letter(delivery, envelope)
