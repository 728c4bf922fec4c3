"""What became of a message that was sent back, told from its listener's journal and the dead-letter queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.chassis.journal import Failed, Handled, Journal, Unsent
from services.operations.dead_letters import DeadLetter
from services.operations.queues import Seen
from services.operations.redriving import Fate, Known, Outcome, fate_of, watch
from tests.unit.operations.letters import FAILED, NOW, an_approval, body_of, dead

ID = UUID(int=5)
LETTER = dead(body_of(an_approval(), ID), FAILED)
ENVELOPE = {"id": str(ID)}
ISSUED = {"type": "bilhetagem.reservation.reservations-confirmed.v1"}


def journal(**rows: Any) -> Journal:
    return Journal(service="reservation", **rows)


def handled(outcome: str = "handled", *emitted: dict[str, Any]) -> Handled:
    return Handled(
        envelope=ENVELOPE, outcome=outcome, handled_at=NOW, position=0, effect=None, read=[], emitted=list(emitted),
        repeats=0,
    )  # fmt: skip


def failed(number: int) -> Failed:
    return Failed(envelope=ENVELOPE, number=number, error=f"error {number}", place="here:1 in f()", failed_at=NOW)


def unsent(waits_for: str | None, seconds: int = 1) -> Unsent:
    due = NOW + timedelta(seconds=seconds)
    return Unsent(message_id=ID, envelope=ENVELOPE, queue="reservation-underway", send_at=due, waits_for=waits_for)


def fate(now: Journal | None, before: Journal | None = None, dead_now: tuple[DeadLetter, ...] = ()) -> tuple[Fate, str]:
    known = Known({"reservation": before} if before else {}, frozenset({LETTER.seen.sqs_id}))
    outcome = fate_of(LETTER, known, now, dead_now)
    return outcome.fate, outcome.detail


def told(outcome: Outcome) -> tuple[DeadLetter, Fate, str]:
    return outcome.letter, outcome.fate, outcome.detail


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (journal(), journal(handled=[handled("handled", ISSUED)]), (Fate.HANDLED, "emitted ReservationsConfirmed")),
        (journal(), journal(handled=[handled()]), (Fate.HANDLED, "emitted nothing")),
        (journal(), journal(handled=[handled("ignored")]), (Fate.HANDLED, "had nothing to do")),
        (
            journal(handled=[handled()]),
            journal(handled=[handled()]),
            (Fate.REPEATED, "has handled the message"),
        ),
        (journal(), journal(unsent=[unsent("its order")]), (Fate.PARKED, "until 12:00:01 UTC: its order")),
        (journal(), journal(unsent=[unsent(None)]), (Fate.UNKNOWN, "has not taken it")),
        (
            journal(unsent=[unsent("its order")]),
            journal(unsent=[unsent("its order")]),
            (Fate.UNKNOWN, "has not taken it"),
        ),
        (
            journal(unsent=[unsent("its order", 1)]),
            journal(unsent=[unsent("its order", 9)]),
            (Fate.PARKED, "until 12:00:09"),
        ),
        (
            journal(failed=[failed(1)]),
            journal(failed=[failed(1), failed(2)]),
            (Fate.RETRIED, "error 2 (here:1 in f())"),
        ),
        (journal(failed=[failed(1)]), journal(failed=[failed(1)]), (Fate.UNKNOWN, "has not taken it")),
        (None, None, (Fate.UNKNOWN, "cannot be asked")),
    ],
)
def test_what_is_new_in_the_journal_tells_the_outcome(
    before: Journal | None, now: Journal | None, expected: tuple[Fate, str]
) -> None:
    told, detail = fate(now, before)

    assert told is expected[0]
    assert expected[1] in detail


def test_a_copy_that_came_into_the_dead_letter_queue_is_the_message_dead_again() -> None:
    again = dead(LETTER.seen.body, FAILED)

    assert told(fate_of(LETTER, Known({}), journal(), [again])) == (
        *(again, Fate.BURIED, "failed: ValueError: no such seat"),
    )
    assert fate(journal(), journal(), (dead(body_of(an_approval(2)), FAILED),))[0] is Fate.UNKNOWN


@dataclass
class Dead:
    """Access to a dead-letter queue: what lies there at each look, the last of them ever after."""

    looks: list[list[Seen]]
    peeks: bool = True

    async def look(self, name: str) -> list[Seen]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


async def followed(letters: list[DeadLetter], known: Known, *looks: list[DeadLetter], seconds: float) -> list[Outcome]:
    async def ask(_: object) -> Mapping[str, Journal]:
        return {"reservation": journal()}

    access: Any = Dead([[letter.seen for letter in look] for look in looks])
    return [outcome async for outcome in watch(access, ask, letters, known, seconds)]


async def test_what_has_no_id_of_its_own_is_told_by_the_one_that_it_is_found_by_when_it_is_dead_again() -> None:
    letters, again = [dead("garbage") for _ in range(3)], [dead("garbage") for _ in range(3)]
    there = dead("garbage")
    known = Known({}, frozenset(letter.seen.sqs_id for letter in [*letters, there]))

    outcomes = await followed(letters, known, [there], [there, *again[:2]], [there, *again], seconds=30)

    assert [outcome.fate for outcome in outcomes] == [Fate.BURIED] * 3
    assert [outcome.letter.key for outcome in outcomes] == [letter.key for letter in again]
    assert [outcome.detail.partition(" (it was ")[2] for outcome in outcomes] == [f"{x.key})" for x in letters]


async def test_what_has_no_id_and_is_not_taken_is_looked_for_on_its_queue() -> None:
    (outcome,) = await followed([dead("garbage")], Known({}), [], seconds=0)

    assert outcome.fate is Fate.UNKNOWN
    assert outcome.detail == "it has no id: look for it by `bilhetagem queues peek reservation-underway`"


@pytest.mark.parametrize("fate", Fate)
def test_only_what_was_handled_or_waits_for_something_known_lets_an_operator_turn_away(fate: Fate) -> None:
    outcome = Outcome(LETTER, fate)

    assert outcome.is_good is (fate in {Fate.HANDLED, Fate.REPEATED, Fate.PARKED})
    assert outcome.is_settled is (fate not in {Fate.RETRIED, Fate.UNKNOWN})
