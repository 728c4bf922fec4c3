"""``/payments``: what a buyer has to pay, and the gateway's webhook."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Header, Query, Response
from pydantic import BaseModel, Field, SecretStr

from contracts.fields import Instant
from contracts.money import Money
from contracts.payment import SettlementBody, SettlePayment
from services.chassis.http import (
    IdPath,
    Ingress,
    IngressDep,
    Listing,
    Pending,
    Problem,
    Router,
    accepted,
    awaited,
    problems,
    read,
    shown,
)
from services.payment.domain import Payment, Status
from services.payment.ports import SIGNATURE_HEADER, unsigned

if TYPE_CHECKING:
    from services.payment.adapters.sql import Payments

router = Router()


class PaymentView(BaseModel):
    """A payment. Its id is its order's."""

    id: UUID
    order_id: UUID
    event_id: UUID
    amount: Money
    status: Status
    code: str | None = Field(description="PIX copy-and-paste text (BR Code); null when there is nothing to pay")
    reason: str | None = Field(description="why the gateway refused the charge", examples=["unknown_token"])
    expires_at: Instant = Field(description="pay until then: later the money goes back")
    refunded_at: Instant | None

    @classmethod
    def of(cls, payment: Payment) -> "PaymentView":
        """A payment as clients see it."""
        return cls(
            id=payment.id,
            order_id=payment.id,
            event_id=payment.event_id,
            amount=Money(payment.amount_cents),
            status=payment.status,
            code=payment.code,
            reason=payment.reason,
            expires_at=payment.expires_at,
            refunded_at=payment.refunded_at,
        )


@dataclass(frozen=True)
class Desk:
    """What the routes are handed. ``webhook_secret`` is shared with the gateway."""

    payments: "Payments"
    webhook_secret: SecretStr


def _desk(ingress: Ingress) -> Desk:
    desk: Desk = ingress.adapters
    return desk


@router.get("/payments", response_model=Listing[PaymentView])
async def list_payments(
    ingress: IngressDep, order_id: Annotated[UUID, Query(description="The order to be paid")]
) -> Response:
    """The payment of an order; no items while there is none."""
    async with ingress.database.reading() as connection:
        found = await _desk(ingress).payments.by_id(connection, [order_id])
    return shown(Listing[PaymentView](items=[PaymentView.of(payment) for payment in found.values()]))


@router.get("/payments/{id}", response_model=PaymentView | Pending, responses={**awaited(), **problems(404)})
async def get_payment(payment_id: IdPath, ingress: IngressDep) -> Response:
    """What is to be paid. ``Prefer: wait`` holds the answer until the charge exists."""
    return await ingress.get(payment_id, _desk(ingress).payments.by_id, settled=lambda _: True, show=PaymentView.of)


_UNSIGNED = {
    "invalid_signature": "The signature is missing, or was not made with our secret over this body.",
    "stale_signature": "The signature's time is too far from ours: sign the webhook again.",
}


@router.post(
    "/payments/webhook",
    status_code=202,
    response_model=Pending,
    responses=accepted() | problems(400, 413, 422, *((401, slug, detail) for slug, detail in _UNSIGNED.items())),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SettlementBody.model_json_schema()}},
        }
    },
)
async def settle(
    ingress: IngressDep,
    signature: Annotated[
        str | None,
        Header(
            alias=SIGNATURE_HEADER, description="`t=<seconds since 1970>,v1=<HMAC-SHA256 of t.body in hexadecimal>`"
        ),
    ] = None,
) -> Response:
    """The gateway tells that a charge was paid, or will not be. What it tells twice is heard once.

    The signature is verified over the raw body, before anything of it is read.
    """
    raw = await ingress.request.body()
    refused = unsigned(signature, _desk(ingress).webhook_secret.get_secret_value(), raw, ingress.clock())
    if refused:
        challenge = {"WWW-Authenticate": SIGNATURE_HEADER}
        raise Problem(401, refused.reason, _UNSIGNED[refused.reason], headers=challenge)
    body = read(SettlementBody, raw)
    await ingress.claim(body.order_id)
    message = SettlePayment(
        order_id=body.order_id, outcome=body.outcome, amount=body.amount, occurred_at=body.occurred_at
    )
    return await ingress.command(
        message,
        resource_id=body.order_id,
        location="/payments/{id}",
        message_id=message.id_when(body.event_id),
    )
