"""What became of a message that was sent back, told from its listener's journal and the dead-letter queue."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.chassis.journal import Failed, Handled, Journal, Unsent
from services.operations.dead_letters import DeadLetter
from services.operations.redriving import Fate, Known, Outcome, fate_of
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


def test_a_copy_in_the_dead_letter_queue_that_was_not_there_before_is_the_message_dead_again() -> None:
    again = dead(LETTER.seen.body, FAILED)

    assert fate(journal(), journal(), (again,)) == (Fate.BURIED, "failed: ValueError: no such seat")
    assert fate(journal(), journal(), (LETTER,))[0] is Fate.UNKNOWN
    assert fate(journal(), journal(), (dead(body_of(an_approval(2)), FAILED),))[0] is Fate.UNKNOWN


@pytest.mark.parametrize("fate", Fate)
def test_only_what_was_handled_or_waits_for_something_known_lets_an_operator_turn_away(fate: Fate) -> None:
    outcome = Outcome(LETTER, fate)

    assert outcome.is_good is (fate in {Fate.HANDLED, Fate.REPEATED, Fate.PARKED})
    assert outcome.is_settled is (fate not in {Fate.RETRIED, Fate.UNKNOWN})
