"""What the payment service asks of its gateway."""

from datetime import datetime
from uuid import UUID

from contracts.money import Money
from contracts.order import PaymentChoice
from services.payment import effects
from services.payment.ports import Cancellation, Charge, Refund
from tests.unit.payment.test_domain import NOW, ORDER
from tests.unit.payment.test_handlers import CANCEL_CHARGE, FREE, REFUND_CHARGE, REQUESTED


class RecordingGateway:
    """Says yes, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def create_charge(self, order_id: UUID, amount: Money, expires_at: datetime, token: str | None) -> Charge:
        self.asked.append(("charge", order_id, amount, expires_at, token))
        return Charge(code="000201")

    async def cancel_charge(self, order_id: UUID) -> Cancellation:
        self.asked.append(("cancel", order_id))
        return Cancellation(already_paid=True)

    async def refund(self, order_id: UUID) -> Refund:
        self.asked.append(("refund", order_id))
        return Refund(refunded_at=NOW)


async def test_a_charge_is_asked_for_with_the_buyers_choice() -> None:
    gateway = RecordingGateway()
    chosen = REQUESTED.model_copy(update={"payment": PaymentChoice(token="decline")})
    assert await effects.create_charge(chosen, gateway=gateway) == Charge(code="000201")
    assert gateway.asked == [("charge", ORDER, chosen.amount, chosen.expires_at, "decline")]


async def test_for_a_total_of_0_nobody_is_asked() -> None:
    gateway = RecordingGateway()
    assert await effects.create_charge(FREE, gateway=gateway) == Charge(code=None, refusal=None)
    assert gateway.asked == []


async def test_a_cancellation_tells_whether_the_buyer_was_faster() -> None:
    assert await effects.cancel_charge(CANCEL_CHARGE, gateway=RecordingGateway()) == Cancellation(already_paid=True)


async def test_a_refund_tells_when_the_money_went_back() -> None:
    assert await effects.refund(REFUND_CHARGE, gateway=RecordingGateway()) == Refund(refunded_at=NOW)
