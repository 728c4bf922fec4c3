"""A purchase's messages as a diagram: a lane for each service, a row for each message, in the order of time.

Pure: from a timeline to where each line and arrow is, in percent of the diagram's width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.operations.timeline import Fate, Hearing, Timeline, Told

OUTSIDE = "outside"
"""The lane of clients and the payment gateway, whose requests begin or carry on a purchase."""

_LANES = (OUTSIDE, "user", "event", "reservation", "order", "product", "payment", "ticket")
"""From left to right as a purchase goes, so that most arrows are short."""


class Tone(StrEnum):
    """How a message's end is drawn."""

    DONE = "done"
    NOTHING = "nothing"
    WAITS = "waits"
    LATER = "later"
    WRONG = "wrong"


_TONES: Mapping[Fate, Tone] = {
    Fate.HANDLED: Tone.DONE,
    Fate.IGNORED: Tone.NOTHING,
    Fate.DUE_LATER: Tone.LATER,
    Fate.DEAD: Tone.WRONG,
    Fate.FAILING: Tone.WRONG,
    Fate.LOST: Tone.WRONG,
}


@dataclass(frozen=True)
class Arrow:
    """From the row's beginning to a listener's lane. ``turns``: it is a message to oneself."""

    to: float
    tone: Tone
    leftwards: bool
    turns: bool


@dataclass(frozen=True)
class Stretch:
    """Part of a lane in a row along which a cause leads to its effect: the upper half, the lower one, or both."""

    at: float
    upper: bool
    lower: bool
    chosen: bool


@dataclass(frozen=True)
class Row:
    """A message in the diagram. ``related``: it led to the chosen one, or followed from it."""

    message: Told
    start: float
    arrows: Sequence[Arrow]
    stretches: Sequence[Stretch]
    after: str
    chosen: bool
    related: bool

    @property
    def route(self) -> str:
        """Who sent it to whom."""
        to = ", ".join(hearing.service for hearing in self.message.hearings)
        return f"{lane_of(self.message)} → {to or 'the journal only'}"

    @property
    def open(self) -> Sequence[Hearing]:
        """Where it has not simply been handled."""
        return [hearing for hearing in self.message.hearings if hearing.fate is not Fate.HANDLED]


@dataclass(frozen=True)
class Lane:
    """A service's lane and where its middle is."""

    name: str
    at: float


@dataclass(frozen=True)
class Diagram:
    """The whole."""

    lanes: Sequence[Lane]
    rows: Sequence[Row]


def tone(fate: Fate) -> Tone:
    """How a fate looks."""
    return _TONES.get(fate, Tone.WAITS)


def lane_of(message: Told) -> str:
    """The lane that a message starts from."""
    return OUTSIDE if message.is_request else message.sender


def diagram(timeline: Timeline, chosen: UUID | None = None) -> Diagram:
    """Lay a timeline out. Nothing is chosen where it has no such message."""
    messages = _in_time(timeline)
    used = {lane for message in messages for lane in (lane_of(message), *(h.service for h in message.hearings))}
    names = [lane for lane in _LANES if lane in used] + sorted(used - set(_LANES))
    at = {name: round(100 * (number + 0.5) / len(names), 2) for number, name in enumerate(names)}
    related = _related(messages, chosen)
    stretches = _stretches(messages, at, related)
    first = min((message.time for message in messages if message.time), default=datetime.now(UTC))
    rows = [
        Row(
            message=message,
            start=at[lane_of(message)],
            arrows=[_arrow(at[lane_of(message)], at[hearing.service], hearing) for hearing in message.hearings],
            stretches=stretches[number],
            after=_after(first, message),
            chosen=message.id == chosen,
            related=message.id in related,
        )
        for number, message in enumerate(messages)
    ]
    return Diagram([Lane(name, at[name]) for name in names], rows)


def _in_time(timeline: Timeline) -> list[Told]:
    once = {(message.id, message.name): message for message in timeline.told}
    late = datetime.max.replace(tzinfo=UTC)
    return sorted(once.values(), key=lambda message: message.time or late)  # stable: of one moment, causes come first


def _arrow(start: float, end: float, hearing: Hearing) -> Arrow:
    return Arrow(end, tone(hearing.fate), leftwards=end < start, turns=end == start)


def _after(first: datetime, message: Told) -> str:
    if message.time is None:
        return ""
    seconds = (message.time - first).total_seconds()
    if seconds < 100:
        return f"+{seconds:.2f} s" if seconds else "0 s"
    return f"+{seconds / 60:.0f} min" if seconds < 7200 else f"+{seconds / 3600:.0f} h"


def _cause(message: Told) -> UUID | None:
    cause: Any = message.envelope.get("causationid")
    return UUID(cause) if cause else None


def _related(messages: Sequence[Told], chosen: UUID | None) -> frozenset[UUID]:
    """The chosen message, what led to it and what followed from it."""
    if chosen is None:
        return frozenset()
    causes = {message.id: _cause(message) for message in messages}
    led = set(_upwards(chosen, causes))
    followed = {message.id for message in messages if chosen in _upwards(message.id, causes)}
    return frozenset(led | followed) & causes.keys()


def _upwards(start: UUID, causes: Mapping[UUID, UUID | None]) -> Iterator[UUID]:
    at: UUID | None = start
    seen: set[UUID] = set()
    while at is not None and at not in seen:
        seen.add(at)
        yield at
        at = causes.get(at)


def _stretches(messages: Sequence[Told], at: Mapping[str, float], related: frozenset[UUID]) -> list[list[Stretch]]:
    """For each row the parts of lanes that join a message's arrival with what its listener sent on."""
    numbers = {message.id: number for number, message in enumerate(messages)}
    upper: list[dict[float, bool]] = [{} for _ in messages]
    lower: list[dict[float, bool]] = [{} for _ in messages]
    for number, message in enumerate(messages):
        cause = _cause(message)
        begin = numbers.get(cause) if cause else None
        if begin is None or begin >= number:
            continue
        lane, chosen = at[lane_of(message)], cause in related and message.id in related
        for row in range(begin, number + 1):
            for half, belongs in ((upper, row > begin), (lower, row < number)):
                if belongs:
                    half[row][lane] = half[row].get(lane, False) or chosen
    return [
        [
            Stretch(lane, lane in up, lane in down, up.get(lane, False) or down.get(lane, False))
            for lane in sorted({*up, *down})
        ]
        for up, down in zip(upper, lower, strict=True)
    ]
