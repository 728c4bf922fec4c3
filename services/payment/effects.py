"""What happens at the gateway. Nothing is decided here: each call repeats what a message says, by its order."""

from contracts.order import PaymentRequested
from contracts.payment import CancelCharge, RefundCharge
from services.payment.ports import Cancellation, Charge, Gateway, Refund


async def create_charge(message: PaymentRequested, *, gateway: Gateway) -> Charge:
    """Ask the gateway for a charge; for a total of 0 there is nothing to ask. Raises GatewayFailed."""
    if not message.amount.cents:
        return Charge()
    return await gateway.create_charge(message.order_id, message.amount, message.expires_at, message.payment.token)


async def cancel_charge(message: CancelCharge, *, gateway: Gateway) -> Cancellation:
    """Take the charge back at the gateway. Raises GatewayFailed."""
    return await gateway.cancel_charge(message.order_id)


async def refund(message: RefundCharge, *, gateway: Gateway) -> Refund:
    """Give the money back at the gateway. Raises GatewayFailed."""
    return await gateway.refund(message.order_id)
