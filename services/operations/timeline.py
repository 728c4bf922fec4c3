"""What happened to one purchase: its messages as a tree of cause and effect, and what became of each at each listener.

Pure: everything comes from the services' journals and the choreography.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from contracts.message import message_types
from contracts.routes import SERVICES, Queue, listeners
from services.chassis.journal import Failed, Handled, Journal, Unsent


class Fate(StrEnum):
    """What became of a message at one of its listeners, as far as journals can tell."""

    HANDLED = "handled"
    IGNORED = "ignored"
    """Handled, and nothing was to be done."""
    DUE_LATER = "due later"
    """A timer in its sender's outbox."""
    UNSENT = "not sent"
    """In its sender's outbox, due: the relay has to send it."""
    PARKED = "parked"
    """It came too early: its listener takes it again later."""
    FAILING = "failing"
    """Tries failed; it is tried again."""
    DEAD = "dead letter"
    ON_ITS_WAY = "on its way"
    """Sent, and not handled: on its queue, or lost. Only the queue can tell."""
    QUEUED = "queued"
    """On its queue, where a look changes nothing and could tell: its listener's worker has to take it."""
    LOST = "lost"
    """Nobody has it: a timer that is not due and in no outbox, or a message that a look did not find on its queue."""
    UNKNOWN = "unknown"
    """Its listener or its sender does not answer, and it is not on its queue: handled, or not sent, or lost."""

    @property
    def is_over(self) -> bool:
        """Nothing more will come of it."""
        return self in {Fate.HANDLED, Fate.IGNORED}

    @property
    def may_be_lost(self) -> bool:
        """It was sent, and nobody is known to have it."""
        return self in {Fate.LOST, Fate.ON_ITS_WAY}


@dataclass(frozen=True)
class Dead:
    """A message in a dead-letter queue: of which queue, and why."""

    message_id: UUID
    queue: str
    reason: str
    error: str | None


@dataclass(frozen=True)
class Seen:
    """What a look at the queues showed: dead letters, and which messages, as (id, queue), wait on the ``queues`` that
    were looked at. Nothing was looked at where a look counts as a receive.
    """

    dead: tuple[Dead, ...] = ()
    queues: frozenset[str] = frozenset()
    waiting: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Hearing:
    """A message at one of its listeners. ``at``: when it was handled; ``until``: when a timer or parked one comes;
    ``silent``: who could tell what became of it, and does not answer.
    """

    queue: Queue
    fate: Fate
    at: datetime | None = None
    until: datetime | None = None
    waits_for: str | None = None
    repeats: int = 0
    tries: tuple[Failed, ...] = ()
    dead: Dead | None = None
    silent: str | None = None
    followers: tuple["Told", ...] = ()

    @property
    def service(self) -> str:
        """The listener."""
        return self.queue.service


@dataclass(frozen=True)
class Told:
    """A message and who hears it. Without listeners it is told to the journal only."""

    envelope: Mapping[str, Any]
    hearings: tuple[Hearing, ...]

    @property
    def id(self) -> UUID:
        return UUID(self.envelope["id"])

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.envelope["type"])

    @property
    def sender(self) -> str:
        """The service that told it, or whose ingress let it in."""
        return str(self.envelope.get("source", "")).rpartition("/")[2]

    @property
    def time(self) -> datetime | None:
        """When it was told."""
        return datetime.fromisoformat(self.envelope["time"]) if "time" in self.envelope else None

    @property
    def due(self) -> datetime | None:
        """When a timer is due."""
        return datetime.fromisoformat(self.envelope["due"]) if "due" in self.envelope else None

    @property
    def is_request(self) -> bool:
        """Nothing of ours caused it."""
        return "causationid" not in self.envelope

    @property
    def is_of_the_catalogue(self) -> bool:
        """It is a fact of the catalogue, which tells a whole row."""
        contract = message_types().get(self.envelope["type"])
        return contract is not None and not contract.is_of_a_purchase()

    def walk(self) -> Iterator["Told"]:
        """This message and all that followed from it."""
        yield self
        for hearing in self.hearings:
            for follower in hearing.followers:
                yield from follower.walk()


@dataclass(frozen=True)
class Timeline:
    """A purchase's messages. ``roots`` are those without a known cause; ``silent`` services did not answer."""

    purchase: str
    correlations: frozenset[str]
    roots: tuple[Told, ...]
    silent: frozenset[str]

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """Every message, causes before effects."""
        return tuple(message for root in self.roots for message in root.walk())

    @property
    def traces(self) -> frozenset[str]:
        """The ids of the traces that its requests began (W3C Trace Context)."""
        parents = (message.envelope.get("traceparent") for message in self.told)
        return frozenset(parent.split("-")[1] for parent in parents if parent)


def name_of(type_name: str) -> str:
    """What people call a CloudEvents type of ours."""
    message = message_types().get(type_name)
    return message.__name__ if message else type_name


def timeline(
    purchase: str,
    correlations: Iterable[str],
    journals: Mapping[str, Journal],
    now: datetime,
    *,
    seen: Seen,
    silent: Iterable[str] = (),
) -> Timeline:
    """The tree of a purchase. Of what the journals hold beside, only what led to its messages is shown."""
    records = _Records(frozenset(correlations), journals, now, seen)
    roots = sorted(records.roots(), key=lambda envelope: str(envelope.get("time", "")))
    return Timeline(
        purchase, records.correlations, tuple(records.told(envelope) for envelope in roots), frozenset(silent)
    )


class _Records:
    """The journals, by message."""

    def __init__(
        self, correlations: frozenset[str], journals: Mapping[str, Journal], now: datetime, seen: Seen
    ) -> None:
        self.correlations = correlations
        self._now = now
        self._dead = {(str(letter.message_id), letter.queue): letter for letter in seen.dead}
        self._seen = seen
        self._services = journals.keys()
        self._handled: dict[tuple[str, str], Handled] = {}
        self._failed: dict[tuple[str, str], list[Failed]] = {}
        self._unsent: dict[tuple[str, str, str], Unsent] = {}
        self._envelopes: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._led_here: set[str] = set()
        for service, journal in journals.items():
            self._take(service, journal)
        self._trace_back()

    def _take(self, service: str, journal: Journal) -> None:
        for handled in journal.handled:
            self._handled[service, handled.envelope["id"]] = handled
        for failed in journal.failed:
            self._failed.setdefault((service, failed.envelope["id"]), []).append(failed)
        for unsent in journal.unsent:
            self._unsent[service, unsent.envelope["id"], unsent.queue] = unsent
        for envelope in journal.envelopes:
            self._envelopes.setdefault((envelope["id"], envelope["type"]), envelope)
        for handled in journal.handled:  # these say when a timer is due, the queues' copies do not
            for envelope in handled.emitted:
                self._envelopes[envelope["id"], envelope["type"]] = envelope

    def _trace_back(self) -> None:
        """Note the messages of others that led to the purchase's own: a called-off event's, for example."""
        by_id = {message_id: envelope for (message_id, _), envelope in self._envelopes.items()}
        for envelope in list(self._envelopes.values()):
            while self._is_own(envelope) and (cause := by_id.get(str(envelope.get("causationid")))) is not None:
                if cause["id"] in self._led_here:
                    break
                self._led_here.add(cause["id"])
                envelope = cause

    def _is_own(self, envelope: Mapping[str, Any]) -> bool:
        return envelope.get("correlationid") in self.correlations or envelope["id"] in self._led_here

    def roots(self) -> Iterator[Mapping[str, Any]]:
        caused = {
            (envelope["id"], envelope["type"])
            for handled in self._handled.values()
            for envelope in self._followers(handled)
        }
        return (e for key, e in self._envelopes.items() if self._is_own(e) and key not in caused)

    def _followers(self, handled: Handled) -> list[dict[str, Any]]:
        """All that followed from a message of the purchase; of another's, only what is the purchase's."""
        if handled.envelope.get("correlationid") in self.correlations:
            return handled.emitted
        return [envelope for envelope in handled.emitted if self._is_own(envelope)]

    def told(self, envelope: Mapping[str, Any]) -> Told:
        contract = message_types().get(envelope["type"])
        heard_by = listeners(contract) if contract else ()
        return Told(envelope, tuple(self._hearing(envelope, queue) for queue in heard_by))

    def _hearing(self, envelope: Mapping[str, Any], queue: Queue) -> Hearing:
        message_id, service = envelope["id"], queue.service
        tries = tuple(self._failed.get((service, message_id), ()))
        if handled := self._handled.get((service, message_id)):
            followers = tuple(self.told(follower) for follower in self._followers(handled))
            fate = Fate.IGNORED if handled.outcome == "ignored" else Fate.HANDLED
            return Hearing(queue, fate, handled.handled_at, repeats=handled.repeats, tries=tries, followers=followers)
        if dead := self._dead.get((message_id, queue.name)):
            return Hearing(queue, Fate.DEAD, tries=tries, dead=dead)
        parked = self._unsent.get((service, message_id, queue.name))
        if parked is not None and parked.waits_for is not None:
            return Hearing(queue, Fate.PARKED, until=parked.send_at, waits_for=parked.waits_for, tries=tries)
        return self._not_arrived(envelope, queue, tries)

    def _not_arrived(self, envelope: Mapping[str, Any], queue: Queue, tries: tuple[Failed, ...]) -> Hearing:
        sender = str(envelope.get("source", "")).rpartition("/")[2]
        due = datetime.fromisoformat(envelope["due"]) if "due" in envelope else None
        later = due is not None and due > self._now
        if (sender, envelope["id"], queue.name) in self._unsent:
            return Hearing(queue, Fate.DUE_LATER if later else Fate.UNSENT, until=due, tries=tries)
        unheard = (name for name in (queue.service, sender) if name in SERVICES and name not in self._services)
        silent = next(unheard, None)
        fate = self._fate_on_queue(envelope["id"], queue, later=later, tried=bool(tries), known=silent is None)
        return Hearing(queue, fate, tries=tries, silent=silent if fate is Fate.UNKNOWN else None)

    def _fate_on_queue(self, message_id: str, queue: Queue, *, later: bool, tried: bool, known: bool) -> Fate:
        was_looked_at = queue.name in self._seen.queues
        is_there = (message_id, queue.name) in self._seen.waiting
        if not known and not is_there:
            return Fate.UNKNOWN
        if (was_looked_at and not is_there) or (later and not is_there):
            return Fate.LOST
        if tried:
            return Fate.FAILING
        return Fate.QUEUED if is_there else Fate.ON_ITS_WAY
