"""What the payment service answers to every message."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import pytest

from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderCancelled, PaymentChoice, PaymentRequested
from contracts.payment import (
    CancelCharge,
    PaymentApproved,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundCharge,
    SettlePayment,
    VoidPayment,
)
from services.chassis.handling import Result
from services.chassis.kernel import Impossible, NotYet
from services.payment.domain import Payment, Status
from services.payment.handlers import on
from services.payment.ports import Cancellation, Charge, Ports, Refund
from tests.unit import handling
from tests.unit.handling import Outcome
from tests.unit.payment.test_domain import EVENT, NOW, ORDER, a_payment

AMOUNT = Money(15_000)
REQUESTED = PaymentRequested(
    order_id=ORDER, event_id=EVENT, amount=AMOUNT, expires_at=NOW + timedelta(minutes=10), payment=PaymentChoice()
)
FREE = REQUESTED.model_copy(update={"amount": Money(0)})
CANCELLED = OrderCancelled(order_id=ORDER, event_id=EVENT, reason="expired")
VOID = VoidPayment(order_id=ORDER, event_id=EVENT)
CANCEL_CHARGE = CancelCharge(order_id=ORDER, event_id=EVENT)
REFUND_CHARGE = RefundCharge(order_id=ORDER, event_id=EVENT)
APPROVED = PaymentApproved(order_id=ORDER, event_id=EVENT, amount=AMOUNT)
DECLINED = PaymentDeclined(order_id=ORDER, event_id=EVENT)
VOIDED = PaymentVoided(order_id=ORDER, event_id=EVENT)
REFUNDED = PaymentRefunded(order_id=ORDER, event_id=EVENT, amount=AMOUNT)

DECIDED = [status for status in Status if status is not Status.REQUESTED]
HORIZON = timedelta(hours=1)
ports = partial(Ports, pending_horizon=HORIZON)

EFFECTS: dict[type[Message], Result] = {
    PaymentRequested: Charge(code="000201"),
    CancelCharge: Cancellation(already_paid=False),
    RefundCharge: Refund(refunded_at=NOW),
}


def handle(message: Message, *rows: Payment, effect: Result | None = None, **options: Any) -> Outcome:
    effect = effect or EFFECTS.get(type(message))
    return handling.handle(on, message, rows=rows, ports=ports, effect=effect, **{"now": NOW, **options})


def status_of(outcome: Outcome) -> Status:
    return outcome.row(Payment, ORDER).status


def webhook(outcome: Literal["approved", "declined"], amount: Money = AMOUNT) -> SettlePayment:
    return SettlePayment(order_id=ORDER, outcome=outcome, amount=amount, occurred_at=NOW)


def test_a_requested_payment_waits_with_its_code() -> None:
    outcome = handle(REQUESTED)
    assert outcome.messages == []
    assert outcome.row(Payment, ORDER) == a_payment(Status.REQUESTED)


def test_a_total_of_0_is_approved_at_once() -> None:
    outcome = handle(FREE, effect=Charge())
    assert outcome.message == PaymentApproved(order_id=ORDER, event_id=EVENT, amount=Money(0))
    assert status_of(outcome) is Status.APPROVED


def test_a_refused_charge_is_declined_at_once() -> None:
    outcome = handle(REQUESTED, effect=Charge(refusal="unknown_token"))
    assert outcome.message == DECLINED
    assert status_of(outcome) is Status.DECLINED


def test_an_order_has_one_payment() -> None:
    with pytest.raises(Impossible):
        handle(REQUESTED, a_payment())


def test_the_gateways_approval_is_told() -> None:
    assert handle(webhook("approved"), a_payment()).message == APPROVED


def test_the_gateways_decline_is_told() -> None:
    assert handle(webhook("declined"), a_payment()).message == DECLINED


@pytest.mark.parametrize("status", [Status.DECLINED, Status.VOIDED])
def test_money_that_comes_after_a_decision_goes_back(status: Status) -> None:
    outcome = handle(webhook("approved"), a_payment(status))
    assert outcome.message == REFUND_CHARGE
    assert status_of(outcome) is Status.REFUNDING


@pytest.mark.parametrize("status", [Status.APPROVED, Status.REFUNDING, Status.REFUNDED])
def test_the_same_money_told_twice_is_ignored(status: Status) -> None:
    outcome = handle(webhook("approved"), a_payment(status))
    assert outcome.messages == []
    assert status_of(outcome) is status


@pytest.mark.parametrize("status", DECIDED)
def test_a_decline_after_any_decision_is_ignored(status: Status) -> None:
    outcome = handle(webhook("declined"), a_payment(status))
    assert outcome.messages == []
    assert status_of(outcome) is status


def test_a_webhook_over_another_amount_is_buried() -> None:
    with pytest.raises(Impossible, match="1 cents"):
        handle(webhook("approved", Money(1)), a_payment())


def test_a_webhook_that_is_faster_than_its_charge_waits_for_it() -> None:
    with pytest.raises(NotYet, match=str(ORDER)):
        handle(webhook("approved"), sent=NOW, now=NOW + HORIZON - timedelta(seconds=1))


def test_a_webhook_for_a_charge_that_stays_unknown_is_buried_with_its_reason() -> None:
    with pytest.raises(Impossible, match=f"approved 150.00 for {ORDER}"):
        handle(webhook("approved"), sent=NOW, now=NOW + HORIZON)


def test_a_cancelled_order_withdraws_its_charge() -> None:
    outcome = handle(CANCELLED, a_payment())
    assert outcome.message == CANCEL_CHARGE
    assert status_of(outcome) is Status.VOIDED


def test_a_cancelled_order_gets_its_money_back() -> None:
    outcome = handle(CANCELLED, a_payment(Status.APPROVED))
    assert outcome.message == REFUND_CHARGE
    assert status_of(outcome) is Status.REFUNDING


def test_a_cancelled_order_that_cost_nothing_needs_no_gateway() -> None:
    outcome = handle(CANCELLED, a_payment(Status.APPROVED, amount_cents=0, code=None))
    assert outcome.messages == []
    assert status_of(outcome) is Status.VOIDED


@pytest.mark.parametrize("status", [Status.DECLINED, Status.VOIDED, Status.REFUNDING, Status.REFUNDED])
def test_a_cancelled_order_without_money_is_ignored(status: Status) -> None:
    outcome = handle(CANCELLED, a_payment(status))
    assert outcome.messages == []
    assert status_of(outcome) is status


def test_a_payment_that_is_not_decided_can_be_voided() -> None:
    outcome = handle(VOID, a_payment())
    assert outcome.messages == [CANCEL_CHARGE, VOIDED]
    assert status_of(outcome) is Status.VOIDED


@pytest.mark.parametrize("status", DECIDED)
def test_voiding_after_a_decision_is_ignored_since_that_is_on_its_way_to_the_order(status: Status) -> None:
    outcome = handle(VOID, a_payment(status))
    assert outcome.messages == []
    assert status_of(outcome) is status


@pytest.mark.parametrize("message", [CANCELLED, VOID, CANCEL_CHARGE, REFUND_CHARGE])
def test_what_overtook_the_payment_waits_for_it_however_long(message: Message) -> None:
    with pytest.raises(NotYet, match=str(ORDER)):
        handle(message, sent=NOW, now=NOW + timedelta(days=30))


def test_a_cancelled_charge_needs_nothing_more() -> None:
    outcome = handle(CANCEL_CHARGE, a_payment(Status.VOIDED))
    assert outcome.messages == []
    assert status_of(outcome) is Status.VOIDED


def test_a_charge_that_was_paid_before_it_was_cancelled_is_refunded() -> None:
    outcome = handle(CANCEL_CHARGE, a_payment(Status.VOIDED), effect=Cancellation(already_paid=True))
    assert outcome.message == REFUND_CHARGE
    assert status_of(outcome) is Status.REFUNDING


@pytest.mark.parametrize("status", [Status.REFUNDING, Status.REFUNDED])
def test_a_payment_whose_money_goes_back_already_is_not_refunded_again(status: Status) -> None:
    assert handle(CANCEL_CHARGE, a_payment(status), effect=Cancellation(already_paid=True)).messages == []


def test_a_refund_is_told_with_its_amount() -> None:
    outcome = handle(REFUND_CHARGE, a_payment(Status.REFUNDING))
    assert outcome.message == REFUNDED
    assert status_of(outcome) is Status.REFUNDED


def test_a_second_refund_is_ignored() -> None:
    assert handle(REFUND_CHARGE, a_payment(Status.REFUNDED)).messages == []


PAYMENT_SERVICE_MESSAGES: Iterable[Message] = (
    webhook("approved"),
    webhook("declined"),
    CANCELLED,
    VOID,
    CANCEL_CHARGE,
    REFUND_CHARGE,
)


@pytest.mark.parametrize("message", PAYMENT_SERVICE_MESSAGES, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("status", Status)
def test_every_message_in_every_state_is_answered_or_cannot_be(status: Status, message: Message) -> None:
    payment = a_payment(status)
    try:
        outcome = handle(message, payment)
    except Impossible:
        assert payment == a_payment(status)
    else:
        assert bool(outcome.messages) == (status_of(outcome) is not status)
