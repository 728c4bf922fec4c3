"""Money: a charge is requested, approved, declined or voided, and refunded. A payment's id is its order's."""

from typing import Literal
from uuid import UUID

from contracts.fields import Instant
from contracts.message import Body, Message
from contracts.money import Money


class SettlementBody(Body):
    """What the gateway's webhook says of a charge. ``event_id`` is the gateway's own, unique per notification."""

    event_id: UUID
    order_id: UUID
    outcome: Literal["approved", "declined"]
    amount: Money
    occurred_at: Instant


class SettlePayment(Message):
    """The gateway's word on a charge, its signature verified."""

    order_id: UUID
    outcome: Literal["approved", "declined"]
    amount: Money
    occurred_at: Instant


class VoidPayment(Message):
    """Withdraw a charge that is not paid yet."""

    order_id: UUID
    event_id: UUID


class CancelCharge(Message):
    """Tell the gateway that a voided charge may not be paid any more."""

    order_id: UUID
    event_id: UUID


class RefundCharge(Message):
    """Give the money back at the gateway."""

    order_id: UUID
    event_id: UUID


class PaymentApproved(Message):
    """The money is here."""

    order_id: UUID
    event_id: UUID
    amount: Money


class PaymentDeclined(Message):
    """The charge will not be paid."""

    order_id: UUID
    event_id: UUID


class PaymentVoided(Message):
    """The charge is withdrawn: what is paid on it now goes back."""

    order_id: UUID
    event_id: UUID


class PaymentRefunded(Message):
    """The money is back with the buyer."""

    order_id: UUID
    event_id: UUID
    amount: Money
