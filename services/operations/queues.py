"""What is in the queues: messages as a look shows them, and the state of every queue."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from contracts.routes import Queue, queues
from services.chassis.journal import Journal
from services.operations.contents import Contents, read
from services.operations.errors import BadInput


class Place(StrEnum):
    """Where in its queue a message is. ``taken``: this look itself received it."""

    WAITING = "waiting"
    IN_FLIGHT = "in flight"
    DELAYED = "delayed"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message as a look shows it. ``sqs_id`` is SQS's own: each copy of a message has another."""

    sqs_id: str
    body: str
    place: Place
    receives: int
    sent_at: datetime
    group: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What our workers attach: why a message was buried."""
    moved_by_sqs: bool = False
    """SQS's redrive policy brought it here."""

    @property
    def contents(self) -> Contents:
        return read(self.body)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a queue has, about (SQS counts approximately)."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def all(self) -> int:
        return self.waiting + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """A queue at one moment. ``oldest`` and ``types`` are None where they cannot be told without receiving."""

    name: str
    listener: str
    counts: Counts
    dead: int
    oldest: timedelta | None
    types: Mapping[str, int] | None


def queue_named(name: str) -> Queue:
    """The queue that a person names, by its own name or its dead-letter queue's. Raises BadInput."""
    for queue in queues():
        if name in (queue.name, queue.dead_letter_name):
            return queue
    raise BadInput(f"There is no queue {name!r}: it is one of {', '.join(queue.name for queue in queues())}.")


def state_of(
    queue: Queue, counts: Counts, dead: Counts, seen: Sequence[Seen] | None, age: timedelta | None, now: datetime
) -> QueueState:
    """A queue's state from its counts and, where one could be had, a look at its messages; else ``age`` is its oldest
    message's.
    """
    oldest = age if seen is None else max((now - message.sent_at for message in seen), default=None)
    return QueueState(
        name=queue.name,
        listener=queue.service,
        counts=counts,
        dead=dead.all,
        oldest=None if oldest is None else max(oldest, timedelta(0)),
        types=None if seen is None else _types(seen),
    )


def _types(seen: Iterable[Seen]) -> dict[str, int]:
    return dict(Counter(message.contents.name for message in seen).most_common())


def chosen(seen: Iterable[Seen], type_name: str | None, correlation: str | None) -> list[Seen]:
    """Those messages, oldest first, that are of a type and belong to a purchase, where one is given."""
    return sorted(
        (
            message
            for message in seen
            if (type_name is None or message.contents.is_called(type_name))
            and (correlation is None or message.contents.correlation == correlation)
        ),
        key=lambda message: message.sent_at,
    )


def last_failure(message: Seen, journal: Journal | None) -> Mapping[str, Any] | None:
    """The last try that failed, by the listener's journal, else by what a worker attached in burying it."""
    tries = [entry for entry in journal.failed if entry.envelope["id"] == str(message.contents.id)] if journal else []
    if tries:
        last = max(tries, key=lambda entry: entry.number)
        return {"error": last.error, "place": last.place, "at": last.failed_at.isoformat(), "tries": len(tries)}
    if "error" in message.attributes:
        return {"error": message.attributes["error"], "place": message.attributes.get("place")}
    return None
