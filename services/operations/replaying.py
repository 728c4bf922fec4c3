"""A recorded purchase, run through today's handlers in the recorded order, and compared message by message."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.message import message_types
from contracts.routes import listeners
from services.chassis.memory import MemoryStore
from services.chassis.service import Service
from services.operations.differences import Difference, Kind, compare, name_of
from services.operations.recording import Handling, Recording
from services.operations.stage import Answer, Influence, Stage


@dataclass(frozen=True)
class Step:
    """One message at one service: what differs from the recording. ``notes``: what may be why."""

    number: int
    handling: Handling
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Which step it is, in words."""
        return f"Step {self.number}: the {self.handling.service} service, on {name_of(self.handling.message.type)}"


@dataclass(frozen=True)
class UnderWay:
    """A message that was emitted, and that a listener has not handled. ``due``: of a timer."""

    message: str
    subject: str
    listener: str
    due: datetime | None


@dataclass(frozen=True)
class End:
    """How a run ended: every service's rows, and what each service emitted how often, whatever caused it."""

    rows: Mapping[str, Mapping[tuple[str, str], Mapping[str, Any]]]
    emitted: Counter[tuple[str, str, str]]


@dataclass(frozen=True)
class Replay:
    """A purchase that was replayed: all of its ``steps``, or those until it was stopped."""

    recording: Recording
    steps: tuple[Step, ...]
    end: End
    influences: Mapping[int, tuple[Influence, ...]]
    """What others did to rows, by the number of the step before which they did it."""

    @property
    def differences(self) -> Iterator[tuple[Step, Difference]]:
        """Every difference, with its step."""
        return ((step, difference) for step in self.steps for difference in step.differences)

    @property
    def same(self) -> bool:
        """Nothing differs."""
        return not any(step.differences for step in self.steps)

    @property
    def under_way(self) -> list[UnderWay]:
        """What the services had emitted by the last step, and a listener had not handled yet."""
        handled = {(step.handling.service, step.handling.message.id) for step in self.steps}
        return [
            UnderWay(name_of(told.type), told.subject, queue.service, told.due)
            for step in self.steps
            for told in step.handling.emitted
            if (contract := message_types().get(told.type))
            for queue in listeners(contract)
            if (queue.service, told.id) not in handled
        ]


def stop_at(recording: Recording, until: str) -> int | None:
    """The number of a step: ``until`` itself, or the first one that handles a message of this type, such as
    OrderPlaced. None when there is no such step.
    """
    if until.isdecimal():
        return int(until) if 1 <= int(until) <= len(recording.handlings) else None
    for number, handling in enumerate(recording.handlings, 1):
        if until in {handling.message.type, name_of(handling.message.type)}:
            return number
    return None


async def replay(
    recording: Recording,
    services: Mapping[str, Service],
    until: int | None = None,
    stores: Mapping[str, MemoryStore] | None = None,
) -> Replay:
    """Run a recording, to the step of this number at most; over these ``stores``, if any are given, which are empty.
    Raises Unreplayable.
    """
    stage = Stage(services, recording.settings, stores)
    stage.prepare(handling.service for handling in recording.handlings)
    steps: list[Step] = []
    influences: dict[int, tuple[Influence, ...]] = {}
    emitted: Counter[tuple[str, str, str]] = Counter()
    for number, handling in enumerate(recording.handlings[:until], 1):
        influences[number], notes = _give(stage, handling)
        answer = await stage.deliver(handling.service, handling.message, handling.now, handling.effect)
        emitted.update(said(handling.service, answer))
        notes += _unread(handling, answer)
        differences = tuple(_differences(services[handling.service], handling, answer))
        steps.append(Step(number, handling, differences, notes if differences else ()))
    return Replay(recording, tuple(steps), End(stage.state(), emitted), influences)


def said(service: str, answer: Answer) -> Iterator[tuple[str, str, str]]:
    """What a service emitted, without what depends on its cause: who, which message, and its content."""
    for told in answer.emitted:
        yield service, name_of(told.type), repr((told.subject, told.attributes["data"], told.due))


def _give(stage: Stage, handling: Handling) -> tuple[tuple[Influence, ...], tuple[str, ...]]:
    influences, notes = [], []
    for given in handling.given:
        try:
            influence = stage.give(handling.service, given)
        except ValueError as error:
            notes.append(str(error))
        else:
            influences += [influence] if influence else []
    return tuple(influences), tuple(notes)


def _unread(handling: Handling, answer: Answer) -> tuple[str, ...]:
    """A handler that decides by a row that was not recorded finds none, or an old one."""
    recorded = {(given.kind, given.id) for given in handling.given}
    return tuple(
        f"it also reads {kind} {row_id}, which was not recorded"
        for kind, row_id in answer.read
        if (kind, row_id) not in recorded
    )


def _differences(service: Service, handling: Handling, answer: Answer) -> Iterator[Difference]:
    was = ", ".join(name_of(told.type) for told in handling.emitted)
    recorded = f"recorded: it emitted {was}" if was else f"recorded: {handling.outcome}, nothing emitted"
    if answer.unheard is not None:
        yield Difference(Kind.CHOREOGRAPHY, f"cannot take it: {answer.unheard} ({recorded})")
    elif answer.waits_for is not None:
        yield Difference(Kind.WAITS, f"puts it off, waiting for {answer.waits_for} ({recorded})")
    elif answer.fails is not None:
        yield Difference(Kind.FAILS, f"cannot handle it: {answer.fails} ({recorded})")
    else:
        listed = {message.type for message in service.reactions[message_types()[handling.message.type]]}
        found = compare(handling.emitted, answer.emitted, listed)
        yield from found
        if not found and answer.outcome != handling.outcome:
            did = "ignores it" if answer.outcome == "ignored" else "changes something"
            yield Difference(Kind.OUTCOME, f"{did} (recorded: {handling.outcome})")
