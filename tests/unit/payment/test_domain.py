"""Every word that a payment may hear, in every state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from services.chassis.kernel import Impossible
from services.payment.domain import Payment, Status

ORDER = UUID("01970000-0000-7000-8000-000000000001")
EVENT = UUID("01970000-0000-7000-8000-000000000002")
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

type Word = Callable[[Payment], Status | None]

WORDS: dict[str, Word] = {
    "approved": lambda payment: payment.approve(payment.amount_cents),
    "declined": lambda payment: payment.decline(payment.amount_cents),
    "withdraw": Payment.withdraw,
    "undo": Payment.undo,
    "charge cancelled": lambda payment: payment.charge_cancelled(already_paid=False),
    "charge cancelled, but paid": lambda payment: payment.charge_cancelled(already_paid=True),
    "given back": lambda payment: payment.give_back(NOW),
}

CHANGES = {
    (Status.REQUESTED, "approved"): Status.APPROVED,
    (Status.DECLINED, "approved"): Status.REFUNDING,
    (Status.VOIDED, "approved"): Status.REFUNDING,
    (Status.REQUESTED, "declined"): Status.DECLINED,
    (Status.REQUESTED, "withdraw"): Status.VOIDED,
    (Status.REQUESTED, "undo"): Status.VOIDED,
    (Status.APPROVED, "undo"): Status.REFUNDING,
    (Status.VOIDED, "charge cancelled, but paid"): Status.REFUNDING,
    (Status.REFUNDING, "given back"): Status.REFUNDED,
}

CANNOT_MEET = {
    *product((Status.REQUESTED, Status.APPROVED, Status.DECLINED), ("charge cancelled", "charge cancelled, but paid")),
    *product((Status.REQUESTED, Status.APPROVED, Status.DECLINED, Status.VOIDED), ("given back",)),
}


def a_payment(status: Status = Status.REQUESTED, **changes: Any) -> Payment:
    columns: dict[str, Any] = {
        "id": ORDER,
        "event_id": EVENT,
        "amount_cents": 15_000,
        "status": status,
        "reason": None,
        "code": "000201",
        "expires_at": NOW + timedelta(minutes=10),
        "requested_at": NOW,
        "refunded_at": NOW if status is Status.REFUNDED else None,
    }
    return Payment(**columns | changes)


@pytest.mark.parametrize(("status", "word"), [*product(Status, WORDS)])
def test_every_word_has_an_answer_in_every_state(status: Status, word: str) -> None:
    payment = a_payment(status)
    if (status, word) in CANNOT_MEET:
        with pytest.raises(Impossible):
            WORDS[word](payment)
        assert payment == a_payment(status)
    elif then := CHANGES.get((status, word)):
        assert WORDS[word](payment) is then
        assert payment.status is then
    else:
        assert WORDS[word](payment) is None
        assert payment == a_payment(status)


@pytest.mark.parametrize(("status", "word"), [*CHANGES])
def test_a_word_that_is_heard_twice_changes_nothing_the_second_time(status: Status, word: str) -> None:
    payment = a_payment(status)
    WORDS[word](payment)
    assert WORDS[word](payment) is None


def test_a_charge_waits_to_be_paid() -> None:
    assert request_of(15_000, code="000201").status is Status.REQUESTED


def test_a_total_of_0_is_paid_already() -> None:
    assert request_of(0, code=None).status is Status.APPROVED


def test_what_the_gateway_refuses_is_declined_at_birth_with_its_reason() -> None:
    payment = request_of(15_000, code=None, reason="unknown_token")
    assert (payment.status, payment.reason) == (Status.DECLINED, "unknown_token")


def request_of(cents: int, code: str | None, reason: str | None = None) -> Payment:
    return Payment.request(ORDER, EVENT, cents, code=code, reason=reason, expires_at=NOW, now=NOW)


def test_undoing_what_cost_nothing_gives_nothing_back() -> None:
    payment = a_payment(Status.APPROVED, amount_cents=0, code=None)
    assert payment.undo() is Status.VOIDED
    assert payment.undo() is None


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("says", [Payment.approve, Payment.decline])
def test_another_amount_than_the_charges_is_never_believed(
    status: Status, says: Callable[[Payment, int], Status | None]
) -> None:
    payment = a_payment(status)
    with pytest.raises(Impossible, match=r"14999 cents.*over 15000"):
        says(payment, 14_999)
    assert payment == a_payment(status)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.DECLINED, Status.VOIDED])
def test_the_gateway_cannot_speak_of_a_charge_that_it_never_made(status: Status) -> None:
    with pytest.raises(Impossible, match="no charge"):
        a_payment(status, code=None).approve(15_000)


def test_a_refund_is_remembered_with_its_time() -> None:
    payment = a_payment(Status.REFUNDING)
    payment.give_back(NOW)
    assert payment.refunded_at == NOW
    payment.give_back(NOW + timedelta(days=1))
    assert payment.refunded_at == NOW
