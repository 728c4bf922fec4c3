"""Dead letters: grouped, chosen, and what would become of each."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from contracts.routes import Queue
from services.chassis.decision import RETENTION
from services.chassis.journal import Handled, Journal
from services.operations.dead_letters import (
    PUT_BY_HAND,
    RECEIVED_TOO_OFTEN,
    Selection,
    grouped,
    hopeless,
    prospect,
    record_of,
)
from tests.unit.operations.letters import FAILED, NOW, an_approval, body_of, dead

ORDER = Queue("order", "underway")
APPROVAL = body_of(an_approval(), UUID(int=5))


def test_dead_letters_are_grouped_by_reason_and_type_with_the_places_of_their_errors() -> None:
    elsewhere = FAILED | {"place": "services/reservation/domain.py:7 in confirm()"}
    letters = [
        dead("garbage", {"reason": "undecodable", "error": "Undecodable: no envelope", "place": "message.py:1 decode"}),
        dead(APPROVAL, FAILED),
        dead(body_of(an_approval(2)), FAILED),
        dead(body_of(an_approval(3)), elsewhere),
    ]

    most, least = grouped(letters)

    assert (most.reason, most.type, len(most.letters)) == ("failed", "PaymentApproved", 3)
    assert most.queues == ["reservation-underway"]
    assert most.places == {FAILED["place"]: 2, elsewhere["place"]: 1}
    assert most.why == FAILED["error"]
    assert (least.reason, least.type) == ("undecodable", "unreadable")


def test_what_sqs_itself_gave_up_has_no_reason_of_ours_and_says_what_is_known() -> None:
    moved, put = dead(APPROVAL, moved_by_sqs=True, receives=21), dead(APPROVAL)

    assert (moved.reason, moved.error, moved.place) == (RECEIVED_TOO_OFTEN, None, None)
    assert moved.why == "its worker crashed or hung each time"
    assert moved.receives == 21
    assert put.reason == PUT_BY_HAND
    assert dead(APPROVAL, FAILED, receives=1).receives == 9


def test_a_dead_letter_is_called_by_the_messages_id_or_by_sqs_when_it_has_none() -> None:
    garbage = dead("garbage")

    assert dead(APPROVAL).key == str(UUID(int=5))
    assert garbage.key == garbage.seen.sqs_id


def test_a_selection_means_those_that_fit_all_that_is_given() -> None:
    letter = dead(APPROVAL, FAILED)

    assert Selection().fits(letter)
    assert Selection(ids=(str(UUID(int=5)),)).fits(letter)
    assert Selection(ids=("other", letter.seen.sqs_id.upper())).fits(letter)
    assert Selection(types=("PaymentApproved",), reasons=("undecodable", "failed")).fits(letter)
    assert not Selection(types=("PaymentApproved",), reasons=("undecodable",)).fits(letter)
    assert not Selection(types=("OrderPlaced",)).fits(letter)
    assert not Selection(ids=("other",)).fits(letter)


def test_what_would_be_buried_again_is_told_with_why() -> None:
    body = json.loads(APPROVAL)
    unknown = json.dumps(body | {"type": "bilhetagem.payment.payment-dreamt.v1"})
    old = body_of(an_approval(), at=NOW - RETENTION - timedelta(days=1))

    assert hopeless(dead(APPROVAL), None, NOW) is None
    assert "no CloudEvents envelope" in str(hopeless(dead("garbage"), None, NOW))
    assert (
        hopeless(dead(unknown), None, NOW) == "this release does not know the type bilhetagem.payment.payment-dreamt.v1"
    )
    assert "the journal remembers 400 days" in str(hopeless(dead(old), None, NOW))
    longer = Journal(service="reservation", retention=RETENTION + timedelta(days=2))
    assert hopeless(dead(old), longer, NOW) is None
    assert "is not for the order service" in str(hopeless(dead(APPROVAL, queue=ORDER), None, NOW))


@pytest.mark.parametrize(
    ("body", "handled", "would"),
    [
        ("garbage", (), "reservation would bury it again: no CloudEvents envelope"),
        (APPROVAL, (), "reservation would try it again"),
        (APPROVAL, (5,), "reservation would drop it: it has handled the message already"),
        (APPROVAL, (6,), "reservation would try it again"),
        (APPROVAL, None, "reservation would try it again (its journal cannot be asked)"),
    ],
)
def test_a_dry_run_says_what_the_listener_would_do(body: str, handled: tuple[int, ...] | None, would: str) -> None:
    journal = None if handled is None else a_journal(*handled)

    assert prospect(dead(body), journal, NOW).startswith(would)


def a_journal(*handled: int) -> Journal:
    return Journal(
        service="reservation",
        handled=[
            Handled(
                envelope={"id": str(UUID(int=number))}, outcome="handled", handled_at=NOW, position=0, effect=None,
                read=[], emitted=[], repeats=0,
            )
            for number in handled
        ],
    )  # fmt: skip


def test_a_script_is_told_all_but_the_body() -> None:
    letter = dead(APPROVAL, FAILED)

    assert record_of(letter) == {
        "id": str(UUID(int=5)),
        "sqs_id": letter.seen.sqs_id,
        "queue": "reservation-underway",
        "type": "bilhetagem.payment.payment-approved.v1",
        "correlation": str(UUID(int=1)),
        "reason": "failed",
        "error": FAILED["error"],
        "place": FAILED["place"],
        "receives": 9,
        "since": (NOW - timedelta(minutes=3)).isoformat(),
    }
