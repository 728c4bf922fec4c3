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

Personal fields (``contracts.fields.Personal``) were never in a journal. Here each has a pseudonym that is made of the
subject's id: the same buyer has the same one in every recording. Ids stay as they are.
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from contracts.fields import Personal
from contracts.message import Envelope, message_types
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
class Handling:
    """One message, handled by one service: what decided, and what it emitted, as (CloudEvent, due) pairs in order."""

    service: str
    envelope: Envelope
    now: datetime
    outcome: str
    effect: dict[str, Any] | None
    given: tuple[Given, ...]
    emitted: tuple[tuple[Envelope, datetime | None], ...]
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
        told: set[tuple[UUID, str]] = set()
        for handling in self.handlings:
            if (handling.envelope.id, handling.envelope.message.type) not in told:
                yield _message_line(handling.envelope)
                told.add((handling.envelope.id, handling.envelope.message.type))
            yield _handling_line(handling)
            for envelope, due in handling.emitted:
                yield _message_line(envelope, due)
                told.add((envelope.id, envelope.message.type))


def record(
    purchase: str, correlations: Iterable[str], journals: Mapping[str, Journal], exported_at: datetime
) -> Recording:
    """What the journals say of a purchase. Raises Undecodable and UnknownType for a message of another release."""
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


def read(lines: Iterable[str]) -> Recording:
    """Read a file. Raises NotARecording."""
    events = [_event(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not events or events[0].get("type") != PURCHASE:
        raise NotARecording(f"The first line is no header of type {PURCHASE}")
    header = events[0]
    if (version := header["data"].get("format")) != FORMAT:
        raise NotARecording(f"The recording's format is {version!r}, this release reads {FORMAT}")
    given: dict[tuple[str, str], list[Given]] = {}
    messages: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events[1:]:
        data = event["data"]
        if event["type"] == GIVEN:
            row = Given(data["kind"], str(data["id"]), data["columns"])
            given.setdefault((data["service"], data["message"]), []).append(row)
        elif event["type"] != HANDLED:
            messages[event["id"], event["type"]] = event
    try:
        return Recording(
            purchase=header["subject"],
            exported_at=datetime.fromisoformat(header["time"]),
            correlations=tuple(header["data"]["correlations"]),
            settings=header["data"]["settings"],
            handlings=tuple(_read_handling(event, given, messages) for event in events if event["type"] == HANDLED),
        )
    except KeyError as missing:
        raise NotARecording(f"The recording has no {missing.args[0]!r}, which another line names") from None


def _read_handling(
    event: Mapping[str, Any],
    given: Mapping[tuple[str, str], list[Given]],
    messages: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Handling:
    data = event["data"]
    return Handling(
        service=data["service"],
        envelope=_opened(messages[data["message"], data["type"]]),
        now=datetime.fromisoformat(event["time"]),
        outcome=data["outcome"],
        effect=data["effect"],
        given=tuple(given.get((data["service"], data["message"]), ())),
        emitted=tuple((_opened(messages[one["id"], one["type"]]), _due(one)) for one in data["emitted"]),
        repeats=data["repeats"],
    )


def _handling(service: str, handled: Handled) -> Handling:
    return Handling(
        service=service,
        envelope=_opened(handled.envelope),
        now=handled.handled_at,
        outcome=handled.outcome,
        effect=handled.effect,
        given=tuple(Given(row["kind"], str(row["id"]), row["columns"]) for row in handled.read),
        emitted=tuple((_opened(envelope), _due(envelope)) for envelope in handled.emitted),
        repeats=handled.repeats,
    )


def _due(attributes: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(attributes["due"]) if "due" in attributes else None


def _opened(attributes: Mapping[str, Any]) -> Envelope:
    contract = message_types().get(attributes["type"])
    personal = {
        name: f"Pessoa {uuid5(UUID(attributes['subject']), name).hex[:8]}"
        for name, field in (contract.model_fields.items() if contract else ())
        if any(mark is Personal for mark in field.metadata)
    }
    return Envelope.decode(json.dumps({**attributes, "data": personal | attributes["data"]}))


def _given_line(handling: Handling, given: Given) -> str:
    return _line(
        id=str(uuid5(handling.envelope.id, f"{handling.service} {given.kind} {given.id}")),
        source=f"/bilhetagem/{handling.service}",
        type=GIVEN,
        subject=given.id,
        time=handling.now.isoformat(),
        causationid=str(handling.envelope.id),
        data={
            "service": handling.service,
            "message": str(handling.envelope.id),
            "kind": given.kind,
            "id": given.id,
            "columns": given.columns,
        },
    )


def _message_line(envelope: Envelope, due: datetime | None = None) -> str:
    return json.dumps(envelope.attributes() | ({"due": due.isoformat()} if due else {}), ensure_ascii=False)


def _handling_line(handling: Handling) -> str:
    return _line(
        id=str(uuid5(handling.envelope.id, f"{handling.service} {handling.envelope.message.type}")),
        source=f"/bilhetagem/{handling.service}",
        type=HANDLED,
        subject=handling.envelope.message.subject,
        time=handling.now.isoformat(),
        causationid=str(handling.envelope.id),
        data={
            "service": handling.service,
            "message": str(handling.envelope.id),
            "type": handling.envelope.message.type,
            "outcome": handling.outcome,
            "effect": handling.effect,
            "emitted": [
                {"id": str(envelope.id), "type": envelope.message.type} | ({"due": due.isoformat()} if due else {})
                for envelope, due in handling.emitted
            ],
            "repeats": handling.repeats,
        },
    )


def _line(**attributes: Any) -> str:
    return json.dumps({"specversion": "1.0", "datacontenttype": "application/json"} | attributes, ensure_ascii=False)


def _event(number: int, line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise NotARecording(f"Line {number} is no JSON: {error}") from None
    if not isinstance(event, dict) or not {"id", "type", "data", "time"} <= event.keys():
        raise NotARecording(f"Line {number} is no CloudEvent")
    return event
