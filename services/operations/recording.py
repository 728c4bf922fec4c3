"""A recorded purchase: a file of CloudEvents, one a line, complete enough to run through the handlers again.

The lines, in this order:

1. **Header**, one: type ``bilhetagem.recording.purchase.v1``, ``subject`` the purchase's id, ``time`` when it was
   exported. ``data``: ``format`` (1), ``correlations`` (the order's and its reservations' ids), ``settings`` by
   service: what its handlers were handed beside rows and clock (``{"order": {"payment_margin": "PT10S", ...}, ...}``,
   durations in ISO 8601).

2. **Given rows**, any number: type ``bilhetagem.recording.given.v1``, ``source`` the service's, ``causationid`` the
   message whose handler read the row. ``data``: ``service``, ``message`` (id), ``kind`` (the row's class), ``id`` (of
   the row), ``columns`` by name, or null where there was no such row. They are the rows that others than this purchase
   change too (stock, shares, buyers, events, reservations, issued tickets), as they were right before that message was
   handled: set them before the handler runs. All other rows follow from the purchase's own messages, from an empty
   store. Personal columns are null.

3. **What happened**, in the order in which it was handled; effects come after their causes. Each line is one of

   - a **message**: its own CloudEvent as it was on the queue, with ``causationid`` where it has a cause, and ``due``
     where it was a timer. It stands where it first comes up: one that came from outside the recording (a request, a
     message of another purchase) right before it is handled, an emitted one right after the line that emitted it.
   - a **handling**: type ``bilhetagem.recording.handled.v1``, ``source`` and ``data.service`` of who handled it,
     ``time`` the clock reading that the handler was given, ``causationid`` the message. ``data``: ``message`` (id),
     ``type`` (of the message), ``outcome`` (``handled`` or ``ignored``), ``effect`` (the dump of the effect's
     ``Result``, null without one), ``emitted`` (a list of ``{"id", "type"}`` in the order of emission, plus ``"due"``
     for a timer) and ``repeats`` (how often it came again, and was dropped).

Messages have deterministic ids, so a handler that emits the same emits equal lines. Tries that failed and waiting for
what came too early leave no line: they changed nothing.

Messages are written and read as they were on the queue, whether this release knows their types or not: what it makes of
them, a replay tells.

Personal fields (``contracts.fields.Personal``) were never in a journal. Here each has a pseudonym that is made of the
subject's id: the same buyer has the same one in every recording. Ids stay as they are.
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ValidationError

from contracts.fields import Personal
from contracts.message import message_types
from services.chassis.journal import Handled, Journal

PURCHASE = "bilhetagem.recording.purchase.v1"
GIVEN = "bilhetagem.recording.given.v1"
HANDLED = "bilhetagem.recording.handled.v1"
FORMAT = 1


class NotARecording(Exception):
    """A file that is no recorded purchase. The text says which line and why."""


@dataclass(frozen=True)
class Given:
    """A row as a handler read it. ``columns`` is None where there was none."""

    kind: str
    id: str
    columns: Mapping[str, Any] | None


@dataclass(frozen=True)
class Told:
    """A message as it was on its queue: its CloudEvents attributes, and when it was due if it was a timer."""

    attributes: Mapping[str, Any]
    due: datetime | None = None

    @property
    def id(self) -> str:
        """The message's id."""
        return str(self.attributes["id"])

    @property
    def type(self) -> str:
        """The message's CloudEvents type."""
        return str(self.attributes["type"])

    @property
    def subject(self) -> str:
        """What the message is about."""
        return str(self.attributes["subject"])


@dataclass(frozen=True)
class Handling:
    """One message, handled by one service: what decided, and what it emitted, in order."""

    service: str
    message: Told
    now: datetime
    outcome: Literal["handled", "ignored"]
    effect: Mapping[str, Any] | None
    given: tuple[Given, ...]
    emitted: tuple[Told, ...]
    repeats: int


@dataclass(frozen=True)
class Recording:
    """A recorded purchase: ``handlings`` in the order in which they happened."""

    purchase: str
    exported_at: datetime
    correlations: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]
    handlings: tuple[Handling, ...]

    def lines(self) -> Iterator[str]:
        """The file's lines, without their ends."""
        yield _line(
            id=str(uuid5(UUID(self.purchase), PURCHASE)),
            source="/bilhetagem/operations",
            type=PURCHASE,
            subject=self.purchase,
            time=self.exported_at.isoformat(),
            data={"format": FORMAT, "correlations": list(self.correlations), "settings": dict(self.settings)},
        )
        for handling in self.handlings:
            for given in handling.given:
                yield _given_line(handling, given)
        told: set[tuple[str, str]] = set()
        for handling in self.handlings:
            if (handling.message.id, handling.message.type) not in told:
                yield _message_line(handling.message)
                told.add((handling.message.id, handling.message.type))
            yield _handling_line(handling)
            for message in handling.emitted:
                yield _message_line(message)
                told.add((message.id, message.type))


def record(
    purchase: str, correlations: Iterable[str], journals: Mapping[str, Journal], exported_at: datetime
) -> Recording:
    """What the journals say of a purchase."""
    own = frozenset(correlations)
    found = [
        (service, handled)
        for service, journal in journals.items()
        for handled in journal.handled
        if handled.envelope["correlationid"] in own
    ]
    return Recording(
        purchase=purchase,
        exported_at=exported_at,
        correlations=(purchase, *sorted(own - {purchase})),
        settings={service: journal.settings for service, journal in journals.items() if journal.settings},
        handlings=tuple(_handling(service, handled) for service, handled in in_order(found)),
    )


def in_order(found: Iterable[tuple[str, Handled]]) -> list[tuple[str, Handled]]:
    """Handlings by their clocks; where the clocks of two services differ, a cause still comes before its effects."""
    waiting = sorted(found, key=lambda one: (one[1].handled_at, one[1].position, one[0]))
    emitted_by = {
        envelope["id"]: (service, handled.envelope["id"])
        for service, handled in waiting
        for envelope in handled.emitted
    }
    ordered: list[tuple[str, Handled]] = []
    done: set[tuple[str, str]] = set()
    while waiting:
        service, handled = waiting.pop(_first_ready(waiting, emitted_by, done))
        done.add((service, handled.envelope["id"]))
        ordered.append((service, handled))
    return ordered


def _first_ready(
    waiting: Sequence[tuple[str, Handled]],
    emitted_by: Mapping[str, tuple[str, str]],
    done: Container[tuple[str, str]],
) -> int:
    held_up = set()
    for number, (service, handled) in enumerate(waiting):
        cause = emitted_by.get(handled.envelope["id"])
        if service not in held_up and (cause is None or cause in done):
            return number
        held_up.add(service)
    return 0


class _Event(BaseModel):
    id: str
    type: str
    subject: str
    time: AwareDatetime
    data: dict[str, Any]


class _Header(BaseModel):
    format: int
    correlations: tuple[str, ...]
    settings: dict[str, dict[str, Any]]


class _GivenData(BaseModel):
    service: str
    message: str
    kind: str
    id: str
    columns: dict[str, Any] | None


class _Emitted(BaseModel):
    id: str
    type: str
    due: AwareDatetime | None = None


class _HandledData(BaseModel):
    service: str
    message: str
    type: str
    outcome: Literal["handled", "ignored"]
    effect: dict[str, Any] | None
    emitted: tuple[_Emitted, ...]
    repeats: int


def read(lines: Iterable[str]) -> Recording:
    """Read a file. Raises NotARecording."""
    header: tuple[_Event, _Header] | None = None
    given: dict[tuple[str, str], list[Given]] = {}
    messages: dict[tuple[str, str], dict[str, Any]] = {}
    handled: list[tuple[int, _Event, _HandledData]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        attributes = _attributes(number, line)
        event = _checked(number, _Event, attributes)
        if header is None:
            header = event, _header(number, event)
        elif event.type == GIVEN:
            row = _checked(number, _GivenData, event.data)
            given.setdefault((row.service, row.message), []).append(Given(row.kind, row.id, row.columns))
        elif event.type == HANDLED:
            handled.append((number, event, _checked(number, _HandledData, event.data)))
        else:
            messages[event.id, event.type] = {name: value for name, value in attributes.items() if name != "due"}
    if header is None:
        raise NotARecording("It is empty: the first line would be a recording's header")
    if not handled:
        raise NotARecording("It tells of no message that was handled: was its end cut off?")

    def told(number: int, message_id: str, type_name: str, due: datetime | None = None) -> Told:
        try:
            return Told(messages[message_id, type_name], due)
        except KeyError:
            raise NotARecording(f"Line {number} names {type_name} {message_id}, which no line tells") from None

    return Recording(
        purchase=header[0].subject,
        exported_at=header[0].time,
        correlations=header[1].correlations,
        settings=header[1].settings,
        handlings=tuple(
            Handling(
                service=data.service,
                message=told(number, data.message, data.type),
                now=event.time,
                outcome=data.outcome,
                effect=data.effect,
                given=tuple(given.get((data.service, data.message), ())),
                emitted=tuple(told(number, one.id, one.type, one.due) for one in data.emitted),
                repeats=data.repeats,
            )
            for number, event, data in handled
        ),
    )


def _attributes(number: int, line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotARecording(f"Line {number} is no JSON: {error}") from None
    if not isinstance(event, dict):
        raise NotARecording(f"Line {number} is no CloudEvent")
    return event


def _header(number: int, event: _Event) -> _Header:
    if event.type != PURCHASE:
        raise NotARecording(f"The first line is no header of type {PURCHASE}")
    if (version := event.data.get("format")) != FORMAT:
        raise NotARecording(f"The recording's format is {version!r}, this release reads {FORMAT}")
    return _checked(number, _Header, event.data)


def _checked[Model: BaseModel](number: int, model: type[Model], value: object) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise NotARecording(f"Line {number} is no line of a recording: {misfit(error)}") from None


def misfit(error: ValidationError) -> str:
    """Which fields are wrong and why, in a line, without what they hold."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))


def _handling(service: str, handled: Handled) -> Handling:
    return Handling(
        service=service,
        message=as_told(handled.envelope),
        now=handled.handled_at,
        outcome="ignored" if handled.outcome == "ignored" else "handled",
        effect=handled.effect,
        given=tuple(Given(row["kind"], str(row["id"]), row["columns"]) for row in handled.read),
        emitted=tuple(as_told(envelope) for envelope in handled.emitted),
        repeats=handled.repeats,
    )


def as_told(envelope: Mapping[str, Any]) -> Told:
    """What a journal keeps of a message, with pseudonyms where it has no personal data."""
    attributes = dict(envelope)
    due = attributes.pop("due", None)
    contract = message_types().get(attributes["type"])
    personal = {
        name: f"Pessoa {uuid5(UUID(attributes['subject']), name).hex[:8]}"
        for name, field in (contract.model_fields.items() if contract else ())
        if any(mark is Personal for mark in field.metadata)
    }
    return Told(attributes | {"data": personal | attributes["data"]}, due and datetime.fromisoformat(due))


def _given_line(handling: Handling, given: Given) -> str:
    return _line(
        id=str(uuid5(UUID(handling.message.id), f"{handling.service} {given.kind} {given.id}")),
        source=f"/bilhetagem/{handling.service}",
        type=GIVEN,
        subject=given.id,
        time=handling.now.isoformat(),
        causationid=handling.message.id,
        data={
            "service": handling.service,
            "message": handling.message.id,
            "kind": given.kind,
            "id": given.id,
            "columns": given.columns,
        },
    )


def _message_line(message: Told) -> str:
    return json.dumps(dict(message.attributes) | _due(message), ensure_ascii=False)


def _handling_line(handling: Handling) -> str:
    return _line(
        id=str(uuid5(UUID(handling.message.id), f"{handling.service} {handling.message.type}")),
        source=f"/bilhetagem/{handling.service}",
        type=HANDLED,
        subject=handling.message.subject,
        time=handling.now.isoformat(),
        causationid=handling.message.id,
        data={
            "service": handling.service,
            "message": handling.message.id,
            "type": handling.message.type,
            "outcome": handling.outcome,
            "effect": handling.effect,
            "emitted": [{"id": message.id, "type": message.type} | _due(message) for message in handling.emitted],
            "repeats": handling.repeats,
        },
    )


def _due(message: Told) -> dict[str, str]:
    return {"due": message.due.isoformat()} if message.due else {}


def _line(**attributes: Any) -> str:
    return json.dumps({"specversion": "1.0", "datacontenttype": "application/json"} | attributes, ensure_ascii=False)
