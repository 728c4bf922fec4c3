"""One payment from its request to its end: worker, gateway, bank and ingress together, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import SecretStr

from contracts.message import Envelope, Message
from contracts.money import Money
from contracts.order import OrderCancelled, PaymentChoice, PaymentRequested
from contracts.payment import (
    PaymentApproved,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    SettlePayment,
    VoidPayment,
)
from services.chassis.decision import Done, Retry
from services.chassis.http import create_app
from services.chassis.ids import minting
from services.chassis.letters import Delivery
from services.chassis.runtime import Running, running, system_clock
from services.chassis.serving import listen, serve
from services.chassis.store import Dispatch
from services.payment.adapters.sql import Payments
from services.payment.domain import Status
from services.payment.service import Settings, payment
from tests.eventually import eventually

mint = minting(system_clock)


@dataclass
class Queue:
    """Stands where SQS would: what is for the payment service waits in ``mine``, and what it tells others is kept.

    ``webhooks`` counts the bank's words.
    """

    mine: list[str] = field(default_factory=list)
    webhooks: int = 0
    told: list[Message] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        for dispatch in dispatches:
            if dispatch.queue == "payment-underway":
                self.mine.append(dispatch.body)
                self.webhooks += dispatch.type == SettlePayment.type
            else:
                self.told.append(Envelope.decode(dispatch.body).message)
        return {dispatch.key for dispatch in dispatches}


@dataclass
class Purchase:
    """One order's payment, and the service that sees to it."""

    running: Running
    queue: Queue
    order: UUID = field(default_factory=mint)
    event: UUID = field(default_factory=mint)
    retries: int = 0

    def hears(self, message: Message) -> None:
        envelope = Envelope.request(message, by="order", at=system_clock(), message_id=mint())
        self.queue.mine.append(envelope.encode())

    def is_requested(self, token: str, *, for_seconds: float = 600, reais: int = 150) -> None:
        self.hears(
            PaymentRequested(
                order_id=self.order,
                event_id=self.event,
                amount=Money(reais * 100),
                expires_at=system_clock() + timedelta(seconds=for_seconds),
                payment=PaymentChoice(token=token),
            )
        )

    def is_undone(self) -> None:
        self.hears(OrderCancelled(order_id=self.order, event_id=self.event, reason="expired"))

    async def comes_to(self, status: Status) -> None:
        """Handle what comes, until the payment is where it should be and nothing is left to handle."""

        async def where_it_is() -> Status | None:
            while self.queue.mine:
                await self._handle_some()
            return await self._status()

        await eventually(where_it_is, until=lambda found: found == status)

    async def hears_webhooks(self, count: int) -> None:
        """Wait until the bank has told so much."""

        async def heard() -> int:
            return self.queue.webhooks

        await eventually(heard, until=lambda found: found >= count)

    async def _handle_some(self) -> None:
        batch = [Delivery("payment-underway", body, "", 1) for body in self.queue.mine[:10]]
        del self.queue.mine[: len(batch)]
        for delivery, verdict in zip(batch, await self.running.pipeline().handle(batch), strict=True):
            if isinstance(verdict, Retry):
                self.retries += 1
                self.queue.mine.append(delivery.body)
            else:
                assert verdict == Done()

    async def _status(self) -> Status | None:
        async with self.running.database.reading() as connection:
            found = await Payments(self.running.database).by_id(connection, [self.order])
        return found[self.order].status if found else None

    @property
    def told(self) -> list[type[Message]]:
        return [type(message) for message in self.queue.told]


@pytest.fixture
async def purchase(database_url: str) -> AsyncIterator[Purchase]:
    listening = listen("127.0.0.1", 0)
    settings = Settings(
        database_url=database_url,
        operators_secret=SecretStr("an operators' secret"),
        payment_webhook_secret=SecretStr("the gateway's and ours"),
        payment_webhook_url=f"http://127.0.0.1:{listening.getsockname()[1]}/payments/webhook",
        payment_confirmation_seconds=0.05,
    )
    queue, stop = Queue(), asyncio.Event()
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(running(payment, settings, cast(Any, queue)))
        async with opened.database.engine.begin() as connection:
            await connection.run_sync(payment.metadata.create_all)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(stop.set)
        group.create_task(serve(create_app(opened), listening, stop))
        # Where a webhook is faster than its payment is stored, it is parked, and the relay brings it back.
        for task in (opened.outbox.relay, *opened.assembly.background):
            group.create_task(task(stop))
        yield Purchase(opened, queue)


@pytest.mark.parametrize("token", ["approve", "webhook-before-answer"])
async def test_a_paid_order_is_approved(purchase: Purchase, token: str) -> None:
    purchase.is_requested(token)
    await purchase.comes_to(Status.APPROVED)
    assert purchase.told == [PaymentApproved]


async def test_a_declined_charge_is_declined(purchase: Purchase) -> None:
    purchase.is_requested("decline")
    await purchase.comes_to(Status.DECLINED)
    assert purchase.told == [PaymentDeclined]


@pytest.mark.parametrize("token", ["refuse", "a-token-that-nobody-knows"])
async def test_a_refused_charge_is_declined_at_once(purchase: Purchase, token: str) -> None:
    purchase.is_requested(token)
    await purchase.comes_to(Status.DECLINED)
    assert purchase.told == [PaymentDeclined]


async def test_an_order_that_costs_nothing_is_approved_without_the_gateway(purchase: Purchase) -> None:
    purchase.is_requested("refuse", reais=0)
    await purchase.comes_to(Status.APPROVED)
    assert purchase.told == [PaymentApproved]


async def test_a_gateway_that_fails_twice_is_asked_again(purchase: Purchase) -> None:
    purchase.is_requested("fail-twice-then-approve")
    await purchase.comes_to(Status.APPROVED)
    assert purchase.told == [PaymentApproved]
    assert purchase.retries == 2


@pytest.mark.parametrize("token", ["duplicate-webhook", "approve-then-decline"])
async def test_a_second_word_changes_nothing_about_an_approval(purchase: Purchase, token: str) -> None:
    purchase.is_requested(token)
    await purchase.comes_to(Status.APPROVED)
    await purchase.hears_webhooks(2)
    await purchase.comes_to(Status.APPROVED)
    assert purchase.told == [PaymentApproved]


async def test_money_after_a_decline_goes_back(purchase: Purchase) -> None:
    purchase.is_requested("decline-then-approve")
    await purchase.comes_to(Status.REFUNDED)
    assert purchase.told == [PaymentDeclined, PaymentRefunded]


async def test_money_for_an_order_that_has_expired_goes_back(purchase: Purchase) -> None:
    purchase.is_requested("approve-late", for_seconds=3)
    await purchase.comes_to(Status.REQUESTED)
    purchase.is_undone()
    await purchase.comes_to(Status.REFUNDED)
    assert purchase.told == [PaymentRefunded]


async def test_a_payment_that_nobody_makes_can_be_voided(purchase: Purchase) -> None:
    purchase.is_requested("never-answer")
    await purchase.comes_to(Status.REQUESTED)
    purchase.hears(VoidPayment(order_id=purchase.order, event_id=purchase.event))
    await purchase.comes_to(Status.VOIDED)
    assert purchase.told == [PaymentVoided]


async def test_a_refund_that_fails_three_times_is_made_in_the_end(purchase: Purchase) -> None:
    purchase.is_requested("refund-fails-three-times")
    await purchase.comes_to(Status.APPROVED)
    purchase.is_undone()
    await purchase.comes_to(Status.REFUNDED)
    assert purchase.told == [PaymentApproved, PaymentRefunded]
    assert purchase.retries == 3
