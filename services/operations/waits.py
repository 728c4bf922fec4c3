"""What a purchase waits for, and by whom. Derived from the choreography and the journals; no list of sagas anywhere."""

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts.choreography import CHOREOGRAPHY, Http, Step
from contracts.message import Message, message_types
from contracts.routes import emitted_by, reactions
from services.operations.saga import GATEWAY_ROUTES
from services.operations.timeline import Fate, Hearing, Timeline, Told
from services.operations.wording import counted

PATIENT = frozenset({Fate.DUE_LATER, Fate.UNKNOWN})
"""Waits that are as they should be, or of which nothing is known: they make nothing stuck."""


@dataclass(frozen=True)
class Wait:
    """Somebody has to act. ``by``: a service, or ``client`` or ``gateway`` where only a request from outside goes on.

    ``fate`` is None for a request from outside, and for a purchase that nobody carries on. ``until`` is when it goes on
    by itself.
    """

    by: str
    what: str
    since: datetime
    fate: Fate | None = None
    message_id: UUID | None = None
    until: datetime | None = None
    is_request: bool = False

    def is_stuck(self, now: datetime, after: timedelta) -> bool:
        """A worker or relay should have acted so long ago, or nobody can."""
        return not self.is_request and self.fate not in PATIENT and now - self.since >= after


def waits(timeline: Timeline, *, at_rest: bool, since: datetime) -> list[Wait]:
    """What a purchase waits for, the oldest first. Empty: it is over.

    ``at_rest``: its own state says that nothing is owed, though messages may be under way; timers that are still due
    then change nothing. ``since``: when it began.
    """
    found = [
        _wait(message, hearing, since)
        for message in timeline.told
        for hearing in message.hearings
        if not hearing.fate.is_over and not _was_told_anew(timeline, message, hearing)
    ]
    if at_rest:
        found = [wait for wait in found if wait.fate is not Fate.DUE_LATER]
    elif all(wait.fate is Fate.DUE_LATER for wait in found):
        outside = list(_outside(timeline, since))
        last = max((m.time for m in timeline.told if m.time), default=since)
        found += outside or ([] if found else [Wait("nobody", "nothing is under way that carries it on", last)])
    return sorted(found, key=lambda wait: wait.since)


def _was_told_anew(timeline: Timeline, lost: Told, hearing: Hearing) -> bool:
    """A catalogue's fact tells its whole row: whoever has handled a later one lacks nothing of it."""
    if not (hearing.fate.may_be_lost and lost.is_of_the_catalogue):
        return False
    return any(
        lost.time and later.time and later.time > lost.time and later.sender == lost.sender
        for later in timeline.told
        if later.envelope.get("correlationid") == lost.envelope.get("correlationid")
        and any(heard.service == hearing.service and heard.fate.is_over for heard in later.hearings)
    )


def _wait(message: Told, hearing: Hearing, began: datetime) -> Wait:
    sender, name, queue = message.sender, message.name, hearing.queue.name
    by, since = hearing.service, message.time or began
    match hearing.fate:
        case Fate.DUE_LATER:
            what = f"the timer {name}"
        case Fate.UNSENT:
            by, what = sender, f"{name} to be sent to {queue}: it is in the outbox"
            since = message.due or since
        case Fate.PARKED:
            what = f"{hearing.waits_for}, before it can handle {name}"
        case Fate.FAILING:
            tries = counted(len(hearing.tries), "try", "tries")
            what = f"{name} to be tried again after {tries}: {hearing.tries[-1].error}"
        case Fate.DEAD:
            assert hearing.dead is not None
            by, what = "operator", f"{name} to be taken out of {hearing.queue.dead_letter_name}: {hearing.dead.reason}"
        case Fate.LOST:
            by, what = "operator", f"{name} to be sent again: neither {queue} nor an outbox has it"
        case Fate.QUEUED:
            what = f"its worker to take {name} from {queue}"
            since = message.due or since
        case Fate.UNKNOWN:
            what = f"{name}, perhaps: the {hearing.silent} service does not answer"
        case _:
            what = f"{name}: on the queue {queue}, or lost"
            since = message.due or since
    return Wait(by, what, since, hearing.fate, message.id, hearing.until)


def _outside(timeline: Timeline, since: datetime) -> Iterator[Wait]:
    """Requests that would carry on a purchase with nothing under way.

    A service that handled a message, and has said nothing since, owes one of the answers in its row: a request that
    leads to such an answer is waited for. Where nobody owes one, a fact that nobody listens to was the last word, and
    its reader, who goes on by naming what it is about, is waited for.
    """
    spoke = _last_words(timeline)
    heard = {message.envelope["type"] for message in timeline.told}
    owed = False
    for message in timeline.told:
        for hearing in message.hearings:
            contract = message_types().get(message.envelope["type"])
            if contract is None or hearing.fate is not Fate.HANDLED or hearing.followers or hearing.at is None:
                continue
            answers = reactions(hearing.service).get(contract, frozenset())
            if not answers or spoke.get(hearing.service, since) > hearing.at:
                continue
            for route in _routes_to(hearing.service, answers, heard):
                owed = True
                yield _request(route, hearing.at)
    if not owed:
        yield from _readers(timeline, heard)


def _last_words(timeline: Timeline) -> dict[str, datetime]:
    words: dict[str, datetime] = {}
    for message in timeline.told:
        for hearing in message.hearings:
            if hearing.followers and hearing.at is not None:
                words[hearing.service] = max(hearing.at, words.get(hearing.service, hearing.at))
    return words


def _routes_to(service: str, answers: frozenset[type[Message]], heard: Container[str]) -> Iterator[Http]:
    leading = reactions(service)
    for step, route in _requests():
        new = (let_in for let_in in emitted_by(step) if let_in.type not in heard)
        if step.by == service and any(leading.get(let_in, frozenset()) & answers for let_in in new):
            yield route


def _readers(timeline: Timeline, heard: Container[str]) -> Iterator[Wait]:
    for message in timeline.told:
        contract = message_types().get(message.envelope["type"])
        if contract is None or message.hearings or message.time is None:
            continue
        for step, route in _requests():
            for let_in in emitted_by(step):
                new = let_in.type not in heard and not _emitted_by_worker(let_in)
                if new and _names(let_in, f"{contract.owner}_id"):
                    yield _request(route, message.time)


def _requests() -> Iterator[tuple[Step, Http]]:
    return ((step, step.on) for step in CHOREOGRAPHY if isinstance(step.on, Http))


def _emitted_by_worker(message: type[Message]) -> bool:
    return any(message in emitted_by(step) for step in CHOREOGRAPHY if not isinstance(step.on, Http))


def _names(message: type[Message], field: str) -> bool:
    return f'"{field}"' in json.dumps(message.model_json_schema())


def caller_of(let_in: str) -> str:
    """Who asks for what comes in as this type of message: ``client`` or ``gateway``."""
    routes = [route for step, route in _requests() for message in emitted_by(step) if message.type == let_in]
    return "gateway" if any(route.route in GATEWAY_ROUTES for route in routes) else "client"


def _request(route: Http, since: datetime) -> Wait:
    by = "gateway" if route.route in GATEWAY_ROUTES else "client"
    return Wait(by, route.route, since, is_request=True)
