"""A recorded purchase again, with its messages shuffled and repeated as queues may do it: the end must be the same.

What comes from outside (requests, webhooks, messages of other purchases, rows that others change) and timers keep their
place among all else, since they may decide a race: a payment that comes before the expiry has another end than one that
comes after it, and rightly. Between two of them the order is drawn, and messages that were handled come again.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.message import message_types
from contracts.routes import listeners
from services.chassis.service import Service
from services.operations.differences import fields_between, name_of
from services.operations.recording import Handling, Told
from services.operations.replaying import End, Replay, said
from services.operations.stage import Stage

_REPEATED = 0.3
"""How often, after a message, one that was handled before comes again."""

type _Place = tuple[str, str, str]
"""Who handles which message about what: the same in every order, as ids are not, which name their cause."""


@dataclass(frozen=True)
class Shuffle:
    """One more run, the ``number``-th: how many messages came again, and what differs at its end, in words."""

    number: int
    repeats: int
    differences: tuple[str, ...]


async def shuffle(first: Replay, services: Mapping[str, Service], number: int) -> Shuffle:
    """Run a purchase again that was replayed to its end. The number is the seed: the same one, the same run."""
    run = _Run(first, services, random.Random(f"{first.recording.purchase} {number}"))
    await run.to_the_end()
    end = End(run.stage.state(), run.emitted)
    return Shuffle(number, run.repeats, (*run.troubles, *_differences(first.end, end)))


@dataclass(frozen=True)
class _Due:
    """A message for a service, and the recorded handling whose clock, rows and effect it is handled with."""

    told: Told
    number: int
    handling: Handling


@dataclass
class _Run:
    first: Replay
    services: Mapping[str, Service]
    chance: random.Random
    emitted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    repeats: int = 0
    troubles: list[str] = field(default_factory=list)
    _waiting: list[_Due] = field(default_factory=list)
    _done: list[_Due] = field(default_factory=list)

    def __post_init__(self) -> None:
        handlings = self.first.recording.handlings
        self.stage = Stage(self.services, self.first.recording.settings)
        self.stage.prepare(handling.service for handling in handlings)
        self._plan: dict[_Place, list[int]] = defaultdict(list)
        for number, handling in enumerate(handlings, 1):
            self._plan[_place(handling.service, handling.message)].append(number)

    async def to_the_end(self) -> None:
        for numbers in _between_what_keeps_its_place(self.first):
            await self._run(numbers)
        for due in self._waiting:
            self.troubles.append(f"the {due.handling.service} service did not handle {name_of(due.told.type)}")
        for place, missing in self._plan.items():
            if missing:
                self.troubles.append(f"the {place[0]} service never got {name_of(place[1])}")

    async def _run(self, numbers: range) -> None:
        handlings = self.first.recording.handlings
        for number in numbers:
            for influence in self.first.influences[number]:
                self.stage.give(handlings[number - 1].service, influence.given)
        opening = handlings[numbers[0] - 1]
        if _is_from_outside(opening, handlings):
            self._arrive(opening.service, opening.message)
        turn = [due for due in self._waiting if due.number == numbers[0]]
        put_off: list[_Due] = []
        while turn:
            due = self.chance.choice(turn)
            self._waiting.remove(due)
            if await self._deliver(due):
                put_off.clear()
            else:
                self._waiting.append(due)
                put_off.append(due)
            turn = [due for due in self._waiting if due.number < numbers.stop and due not in put_off]

    async def _deliver(self, due: _Due) -> bool:
        handling = due.handling
        answer = await self.stage.deliver(handling.service, due.told, handling.now, handling.effect)
        if answer.waits_for is not None:
            return False
        if problem := answer.unheard or answer.fails:
            self.troubles.append(f"the {handling.service} service, on {name_of(due.told.type)}: {problem}")
        self.emitted.update(said(handling.service, answer))
        for told in answer.emitted:
            contract = message_types().get(told.type)
            for queue in listeners(contract) if contract else ():
                self._arrive(queue.service, told)
        self._done.append(due)
        while self.chance.random() < _REPEATED:
            again = self.chance.choice(self._done)
            await self.stage.deliver(again.handling.service, again.told, again.handling.now, again.handling.effect)
            self.repeats += 1
        return True

    def _arrive(self, service: str, told: Told) -> None:
        """What the recording does not know to be handled stays out: it is another purchase's, or was not due yet."""
        if numbers := self._plan[_place(service, told)]:
            number = numbers.pop(0)
            self._waiting.append(_Due(told, number, self.first.recording.handlings[number - 1]))


def _place(service: str, told: Told) -> _Place:
    return service, told.type, told.subject


def _is_from_outside(handling: Handling, handlings: Sequence[Handling]) -> bool:
    own = {(told.id, told.type) for each in handlings for told in each.emitted}
    return (handling.message.id, handling.message.type) not in own


def _between_what_keeps_its_place(first: Replay) -> Iterator[range]:
    """The numbers of the handlings, in parts: each begins with what comes from outside, or with a timer."""
    handlings = first.recording.handlings
    timers = {told.id for each in handlings for told in each.emitted if told.due}
    fixed = [
        number
        for number, handling in enumerate(handlings, 1)
        if handling.message.id in timers
        or _is_from_outside(handling, handlings)
        or any(influence.known for influence in first.influences[number])
    ]
    for start, stop in zip(fixed, [*fixed[1:], len(handlings) + 1], strict=True):
        yield range(start, stop)


def _differences(one: End, other: End) -> Iterator[str]:
    for service, rows in one.rows.items():
        others = other.rows[service]
        for key in {**rows, **others}:
            kind, row_id = key
            for each in fields_between(rows.get(key, {}), others.get(key, {})):
                yield f"{service}: {kind} {row_id} has {each.path} {each.today}, not {each.recorded}"
    for (service, name, content), times in ((one.emitted - other.emitted) + (other.emitted - one.emitted)).items():
        more = "also emitted" if other.emitted[service, name, content] else "did not emit"
        often = f" ({times} times)" if times > 1 else ""
        yield f"{service}: {more} {name} {content}{often}"
