"""What to send again so that a purchase goes on: what its services emitted and a listener has not handled."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from services.chassis.resends import Again, Resend, Resent
from services.operations.errors import BadInput
from services.operations.journals import Journals, Silent
from services.operations.purchases import Purchase, named
from services.operations.timeline import Fate, Hearing, Told
from services.operations.wording import counted

_OWNERS = {"user_id": "user", "event_id": "event", "ticket_id": "ticket"}
"""Whose catalogue row a message means by a field."""

_AWAITED = {"event": "event", "ticket type": "ticket", "buyer": "user", "ticket holder": "user"}
"""Whose catalogue row a parked message waits for, by how its listener calls it."""

_ROW_AWAITED = re.compile(rf"\b({'|'.join(_AWAITED)}) ([0-9a-f-]{{36}})\b")

_MAY_LACK_FACTS = frozenset({Fate.PARKED, Fate.FAILING, Fate.LOST, Fate.ON_ITS_WAY})
"""Whatever lost a message, or lets one wait, may have lost the catalogue's facts as well."""


@dataclass
class Plan:
    """What each service shall send again, and, in words, what nobody can."""

    by: dict[str, Resend] = field(default_factory=dict)
    steps: list[tuple[str, str]] = field(default_factory=list)
    """In words: the service that sends, and what."""
    beyond: list[str] = field(default_factory=list)
    """What is waited for and cannot be sent again, and what to do instead."""


def plan(purchase: Purchase, start: UUID | None = None) -> Plan:
    """The plan for a purchase; with ``start``, for that message and what follows from it only. Raises BadInput when the
    purchase has no such message.
    """
    if start is not None and all(message.id != start for message in purchase.timeline.told):
        raise BadInput(
            f"Purchase {purchase.id} has no message {start}. Its messages: bilhetagem saga show {purchase.id}"
        )
    made = Plan()
    messages: dict[str, list[Again]] = defaultdict(list)
    facts: dict[str, list[UUID]] = defaultdict(list)
    steps: list[tuple[str, str]] = []
    tell_facts = False
    for message in _from(purchase, start):
        for hearing in message.hearings:
            tell_facts = tell_facts or hearing.fate in _MAY_LACK_FACTS
            if hearing.fate.is_over or hearing.fate is Fate.DUE_LATER:
                continue
            if found := _again(purchase, message, hearing, named_by_hand=message.id == start):
                service, again = found
                messages[service].append(again)
                when = f", due {message.due:%H:%M:%S}" if message.due else ""
                steps.append((service, f"{message.name} to {hearing.queue.name}{when}"))
            elif not (hearing.fate.may_be_lost and message.is_of_the_catalogue):  # its row says that again
                made.beyond.append(_why_not(purchase, message, hearing))
    if tell_facts:
        for service, row_id, what in _facts(purchase):
            facts[service].append(row_id)
            made.steps.append((service, what))
    if purchase.owner:
        facts[purchase.owner].append(UUID(purchase.id))
        made.steps.append((purchase.owner, _anew(purchase.owner, purchase.id)))
    made.steps += steps
    # Facts first: what needs them waits the longer, the older it is.
    made.by = {
        service: Resend(messages=messages.get(service, []), facts=facts.get(service, []))
        for service in {**facts, **messages}
    }
    return made


async def carry_out(made: Plan, journals: Journals) -> tuple[dict[str, Resent], list[str]]:
    """What each service sent, and, in words, who did not answer: one that is silent keeps no other from sending."""
    answers: dict[str, Resent] = {}
    silent: list[str] = []
    for service, wanted in made.by.items():
        try:
            answers[service] = await journals.resend(service, wanted)
        except Silent as silence:
            silent.append(str(silence))
    return answers, silent


def _from(purchase: Purchase, start: UUID | None) -> Iterator[Told]:
    if start is None:
        return iter(purchase.timeline.told)
    return (each for message in purchase.timeline.told if message.id == start for each in message.walk())


def _again(purchase: Purchase, message: Told, hearing: Hearing, *, named_by_hand: bool) -> tuple[str, Again] | None:
    match hearing.fate:
        case Fate.UNSENT:
            return message.sender, Again(id=message.id, to=[hearing.service])
        case Fate.PARKED:
            return (hearing.service, Again(id=message.id, to=[hearing.service])) if named_by_hand else None
        case Fate.DEAD:
            return None
        case Fate.QUEUED | Fate.FAILING if not named_by_hand:
            return None
        case _ if _emitted(purchase, message):
            cause = UUID(message.envelope["causationid"])
            return message.sender, Again(id=message.id, cause=cause, to=[hearing.service])
    return None


def _emitted(purchase: Purchase, message: Told) -> bool:
    journal = purchase.journals.get(message.sender)
    cause = message.envelope.get("causationid")
    return journal is not None and any(handled.envelope["id"] == cause for handled in journal.handled)


def _why_not(purchase: Purchase, message: Told, hearing: Hearing) -> str:
    name, queue = message.name, hearing.queue
    match hearing.fate:
        case Fate.PARKED:
            return f"{name} is parked by {hearing.service}, which takes it again by itself: {hearing.waits_for}"
        case Fate.DEAD:
            return f"{name} is in {queue.dead_letter_name}: bilhetagem dead-letters redrive --id {message.id}"
        case Fate.QUEUED:
            return f"{name} is on {queue.name}: the {hearing.service} worker has to take it"
        case Fate.FAILING:
            tries = counted(len(hearing.tries), "try", "tries")
            return f"{name} is tried again by {hearing.service}, after {tries} that failed"
        case _ if message.sender in purchase.timeline.silent:
            return f"{name} was sent by {message.sender}, which does not answer"
        case _:
            return (
                f"{name} came by a request and no worker has handled it: it exists only on {queue.name}, or not at all"
            )


def _facts(purchase: Purchase) -> list[tuple[str, UUID, str]]:
    rows = {
        (service, UUID(row_id), _anew(service, row_id))
        for message in purchase.timeline.told
        if message.envelope.get("correlationid") in purchase.correlations
        for field_name, service in _OWNERS.items()
        for row_id in named(message.envelope.get("data"), field_name)
        if _is_minted(row_id)
    }
    # A message need not name all that it waits for: a hold names its ticket type, and waits for that one's event too.
    for message in purchase.timeline.told:
        for hearing in message.hearings:
            for what, row_id in _ROW_AWAITED.findall(hearing.waits_for or ""):
                rows.add((_AWAITED[what], UUID(row_id), _anew(_AWAITED[what], row_id)))
    return sorted(rows, key=str)


def _anew(service: str, row_id: str) -> str:
    return f"{service} {row_id} as it is now"


def _is_minted(row_id: str) -> bool:
    """Not None, and no issued ticket's id, which is no UUIDv7: messages name these ``ticket_id`` as well."""
    return row_id != "None" and UUID(row_id).version == 7
