"""What follows from the choreography: who listens to what, on which queue, and who may emit it."""

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.choreography import CHOREOGRAPHY, Http, Step, Timer
from contracts.message import Message

SERVICES = ("user", "event", "product", "ticket", "reservation", "order", "payment")

MAX_RECEIVES = 20
"""SQS's own redrive policy, a net for workers that crash; a worker that lives buries a message itself, and sooner."""

DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600
"""The longest that SQS keeps a message (SQS Developer Guide, quotas-messages)."""


@dataclass(frozen=True, order=True)
class Queue:
    """A lane of a service: ``order-new`` for newcomers, ``order-underway`` for all else. Its dead letters: ``-dlq``."""

    service: str
    lane: str

    @property
    def name(self) -> str:
        return f"{self.service}-{self.lane}"

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}-dlq"


def emitted_by(step: Step) -> frozenset[type[Message]]:
    """What a row allows, timers included."""
    return frozenset(entry.message if isinstance(entry, Timer) else entry for entry in step.emits)


def reactions(service: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> dict[type[Message], frozenset[type[Message]]]:
    """What a service handles, and what it may emit for each."""
    return {s.on: emitted_by(s) for s in table if s.by == service and not isinstance(s.on, Http)}


def requests(service: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> dict[str, frozenset[type[Message]]]:
    """The routes through which a service lets messages in, and which ones for each."""
    return {s.on.route: emitted_by(s) for s in table if s.by == service and isinstance(s.on, Http)}


def listeners(message: type[Message], table: tuple[Step, ...] = CHOREOGRAPHY) -> tuple[Queue, ...]:
    """The queues that a sender of this message puts it on. A fact may have none: it is told to the journal only."""
    return tuple(Queue(s.by, "new" if s.newcomer else "underway") for s in table if s.on is message)


def senders(message: type[Message], table: tuple[Step, ...] = CHOREOGRAPHY) -> frozenset[str]:
    """The services that may emit this message."""
    return frozenset(s.by for s in table if message in emitted_by(s))


def queues(table: tuple[Step, ...] = CHOREOGRAPHY) -> tuple[Queue, ...]:
    """Every queue there is, sorted by name."""

    def lanes() -> Iterator[Queue]:
        for step in table:
            if not isinstance(step.on, Http):
                yield from listeners(step.on, table)

    return tuple(sorted(set(lanes())))


def queues_of(service: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> tuple[Queue, ...]:
    """The queues that a service's worker reads."""
    return tuple(queue for queue in queues(table) if queue.service == service)
