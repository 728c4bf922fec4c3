"""Every message that the payment service hears, and its answer."""

from collections.abc import Iterable, Iterator

from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderCancelled, PaymentRequested
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
from services.chassis.handling import Handlers
from services.chassis.kernel import Impossible
from services.chassis.rows import Key, Rows
from services.payment.domain import Payment, Status
from services.payment.ports import Cancellation, Charge, Ports, Refund

on = Handlers(Ports)

type OfOnePayment = PaymentRequested | SettlePayment | OrderCancelled | VoidPayment | CancelCharge | RefundCharge


def its_payment(message: OfOnePayment, _: Rows) -> Iterable[Key]:
    """The order's payment."""
    yield Key(Payment, message.order_id)


@on(PaymentRequested, touches=its_payment, effect=Charge)
def request(message: PaymentRequested, ports: Ports) -> Iterator[Message]:
    """A charge waits to be paid; a total of 0 is paid already, and what the gateway refuses never will be."""
    charge = ports.effect
    assert isinstance(charge, Charge)
    if ports.rows.find(Payment, message.order_id):
        raise Impossible(f"order {message.order_id} has its payment already")
    payment = Payment.request(
        message.order_id,
        message.event_id,
        message.amount.cents,
        code=charge.code,
        reason=charge.refusal,
        expires_at=message.expires_at,
        now=ports.now,
    )
    ports.rows.add(payment)
    yield from _news(payment, payment.status)


@on(SettlePayment, touches=its_payment)
def settle(message: SettlePayment, ports: Ports) -> Iterator[Message]:
    """The gateway's word. Money that comes after a decision goes back; about an unknown payment the word is kept.

    The webhook may be faster than the charge's creation. What stays unknown is buried, never dropped: it may be money.
    """
    payment = ports.rows.find(Payment, message.order_id)
    if payment is None:
        ports.wait_for(f"payment {message.order_id}", until=ports.sent + ports.pending_horizon)
        raise Impossible(f"the gateway has {message.outcome} {message.amount} for {message.order_id}, which never came")
    settled = payment.approve if message.outcome == "approved" else payment.decline
    yield from _news(payment, settled(message.amount.cents))


@on(OrderCancelled, touches=its_payment)
def undo(message: OrderCancelled, ports: Ports) -> Iterator[Message]:
    """Nobody pays for an order that is undone. Only an order that asked for money is ever cancelled: so it comes."""
    payment = ports.rows.get(Payment, message.order_id)
    yield from _news(payment, payment.undo())


@on(VoidPayment, touches=its_payment)
def void(message: VoidPayment, ports: Ports) -> Iterator[Message]:
    """Withdraw the payment, if it is not decided yet, and say so; else its decision is on its way to the order."""
    payment = ports.rows.get(Payment, message.order_id)
    withdrawn = payment.withdraw()
    yield from _news(payment, withdrawn)
    if withdrawn:
        yield PaymentVoided(order_id=payment.id, event_id=payment.event_id)


@on(CancelCharge, touches=its_payment, effect=Cancellation)
def charge_cancelled(message: CancelCharge, ports: Ports) -> Iterator[Message]:
    """The gateway was told; when it says that the buyer was faster, the money goes back."""
    answer = ports.effect
    assert isinstance(answer, Cancellation)
    payment = ports.rows.get(Payment, message.order_id)
    yield from _news(payment, payment.charge_cancelled(already_paid=answer.already_paid))


@on(RefundCharge, touches=its_payment, effect=Refund)
def refunded(message: RefundCharge, ports: Ports) -> Iterator[Message]:
    """The money is back with the buyer."""
    answer = ports.effect
    assert isinstance(answer, Refund)
    payment = ports.rows.get(Payment, message.order_id)
    yield from _news(payment, payment.give_back(answer.refunded_at))


def _news(payment: Payment, status: Status | None) -> Iterator[Message]:
    """What follows from a payment's new status: a fact for the others, or an errand at the gateway for ourselves."""
    order_id, event_id, amount = payment.id, payment.event_id, Money(payment.amount_cents)
    match status:
        case Status.APPROVED:
            yield PaymentApproved(order_id=order_id, event_id=event_id, amount=amount)
        case Status.DECLINED:
            yield PaymentDeclined(order_id=order_id, event_id=event_id)
        case Status.VOIDED if payment.code is not None:
            yield CancelCharge(order_id=order_id, event_id=event_id)
        case Status.REFUNDING:
            yield RefundCharge(order_id=order_id, event_id=event_id)
        case Status.REFUNDED:
            yield PaymentRefunded(order_id=order_id, event_id=event_id, amount=amount)
        case Status.REQUESTED | Status.VOIDED | None:
            return
