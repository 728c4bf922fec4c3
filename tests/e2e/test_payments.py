"""What a gateway can do to a purchase: the mock's scenarios, and webhooks of its own making."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from services.payment.ports import SIGNATURE_HEADER, signature
from tests.e2e.box_office import BoxOffice
from tests.e2e.queues import until_quiet
from tests.e2e.system import System


@pytest.mark.parametrize(
    "token",
    ["approve", "webhook-before-answer", "fail-twice-then-approve", "duplicate-webhook", "approve-then-decline"],
)
async def test_money_that_comes_in_ends_in_tickets(office: BoxOffice, token: str) -> None:
    ticket = await office.put_on_sale(3)
    order = await office.buy(ticket, 2, token=token)
    await office.order_becomes(order, "completed")
    await office.at_rest()
    assert await office.seats(ticket) == (1, 0, 2)


@pytest.mark.parametrize(
    ("token", "reason"), [("decline", None), ("refuse", "refused"), ("no-such-token", "unknown_token")]
)
async def test_money_that_does_not_come_gives_everything_back(
    office: BoxOffice, token: str, reason: str | None
) -> None:
    ticket, shirt = await office.put_on_sale(3), await office.stock_product(2)
    buyer = await office.buyer()
    order = await office.order(buyer, [await office.reserve(buyer, ticket)], 120, products={shirt: 1}, token=token)
    await office.order_becomes(order, "cancelled", "payment_declined")
    await office.at_rest()
    assert await office.seats(ticket) == (3, 0, 0)
    payment = await office.get(f"/payments/{order}")
    assert (payment["status"], payment["reason"]) == ("declined", reason)


async def test_declined_then_approved_is_money_after_a_decision_and_goes_back(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3), token="decline-then-approve")
    refunded = await office.order_becomes(order, "refunded", "payment_declined")
    assert refunded["refunded_at"]
    await office.at_rest()


async def test_what_costs_nothing_needs_no_charge(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3, 0), 2, reais=0)
    await office.order_becomes(order, "completed")
    await office.at_rest()
    assert (await office.get(f"/payments/{order}"))["code"] is None


async def test_a_refund_that_fails_three_times_is_asked_for_again(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3), token="refund-fails-three-times")
    await office.order_becomes(order, "completed")
    await office.cancel(order)
    await office.order_becomes(order, "refunded", "cancelled")
    await office.at_rest()


# Webhooks that the test signs itself


class GatewayOffice:
    """The gateway, which knows the secret: tells what a test wants it to."""

    def __init__(self, office: BoxOffice, system: System) -> None:
        self._office = office
        self._secret = system.secrets["BILHETAGEM_PAYMENT_WEBHOOK_SECRET"]

    async def tell(self, order: str, outcome: str, amount: float, *, secret: str | None = None) -> httpx.Response:
        told = {"event_id": str(uuid4()), "order_id": order, "outcome": outcome, "amount": amount}
        request = self._office.client.build_request(
            "POST", "/payments/webhook", json=told | {"occurred_at": datetime.now(UTC).isoformat()}
        )
        request.headers[SIGNATURE_HEADER] = signature(secret or self._secret, request.content, datetime.now(UTC))
        return await self._office.client.send(request)


async def test_webhooks_that_contradict_a_decision_change_nothing(office: BoxOffice, system: System) -> None:
    gateway = GatewayOffice(office, system)
    order = await office.buy(await office.put_on_sale(3), token="approve")
    await office.order_becomes(order, "completed")
    for outcome in ("declined", "approved", "approved"):
        assert (await gateway.tell(order, outcome, 100)).status_code == 202
    await until_quiet(system)
    assert (await office.get(f"/orders/{order}"))["status"] == "completed"
    await office.at_rest()


async def test_a_webhook_for_another_amount_is_buried_and_sells_nothing(office: BoxOffice, system: System) -> None:
    gateway = GatewayOffice(office, system)
    order = await office.buy(await office.put_on_sale(3), token="never-answer")
    await office.order_becomes(order, "awaiting_payment")
    assert (await gateway.tell(order, "approved", 1)).status_code == 202
    await until_quiet(system)
    assert (await office.get(f"/payments/{order}"))["status"] == "requested"
    await office.cancel(order)
    await office.order_becomes(order, "cancelled", "cancelled")
    await office.at_rest()


async def test_a_webhook_that_nobody_of_ours_signed_is_not_believed(office: BoxOffice, system: System) -> None:
    gateway = GatewayOffice(office, system)
    order = await office.buy(await office.put_on_sale(3), token="never-answer")
    await office.order_becomes(order, "awaiting_payment")
    answer = await gateway.tell(order, "approved", 100, secret="somebody else's secret")
    assert (answer.status_code, answer.json()["slug"]) == (401, "invalid_signature")
    assert (await office.client.post("/payments/webhook", json={})).status_code == 401
