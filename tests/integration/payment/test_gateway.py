"""What the mock gateway does in each scenario, seen as the payment service sees it: by answers and webhooks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from contracts.money import Money
from contracts.payment import SettlementBody
from services.payment.adapters.gateway import SCENARIOS, Bank, Books, MockGateway
from services.payment.adapters.gateway.bank import TELL_AGAIN_AFTER
from services.payment.ports import SIGNATURE_HEADER, Cancellation, Charge, GatewayFailed, unsigned
from tests.integration.payment.conftest import Time

SECRET = "the gateway's and ours"
AMOUNT = Money(15_000)
DELAY = timedelta(seconds=1)
TIME_TO_PAY = timedelta(minutes=10)


@dataclass
class Ear:
    """Hears webhooks, as the payment ingress does. ``answers`` are given first, then 202."""

    time: Time
    heard: list[SettlementBody] = field(default_factory=list)
    answers: list[int | Exception] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0) if self.answers else 202
        if isinstance(answer, Exception):
            raise answer
        header = request.headers[SIGNATURE_HEADER]
        assert unsigned(header, SECRET, request.content, self.time.now) is None
        if answer < 300:
            self.heard.append(SettlementBody.model_validate_json(request.content))
        return httpx.Response(answer)

    @property
    def outcomes(self) -> list[str]:
        return [body.outcome for body in self.heard]


@dataclass
class World:
    """The gateway, its bank, and who listens to it."""

    gateway: MockGateway
    bank: Bank
    ear: Ear
    time: Time
    order: UUID = field(default_factory=uuid4)

    async def charge(self, token: str | None, **changes: UUID) -> Charge:
        order = changes.get("order", self.order)
        return await self.gateway.create_charge(order, AMOUNT, self.time.now + TIME_TO_PAY, token)

    async def after(self, duration: timedelta) -> list[str]:
        """What has been heard when so much time has passed, a second at a time."""
        for _ in range(int(duration.total_seconds())):
            self.time.passes(seconds=1)
            await self.bank.deliver_due()
        return self.ear.outcomes


@pytest.fixture
async def world(books: Books, time: Time) -> AsyncIterator[World]:
    ear = Ear(time)
    async with httpx.AsyncClient(transport=httpx.MockTransport(ear)) as http:
        bank = Bank(books, http, "http://payment/payments/webhook", SecretStr(SECRET), time)
        yield World(MockGateway(books, time, DELAY, bank.deliver_due), bank, ear, time)


HEARD_IN_TIME = {
    "approve": ["approved"],
    "decline": ["declined"],
    "refuse": [],
    "approve-late": [],
    "never-answer": [],
    "duplicate-webhook": ["approved", "approved"],
    "decline-then-approve": ["declined", "approved"],
    "approve-then-decline": ["approved", "declined"],
    "webhook-before-answer": ["approved"],
    "refund-fails-three-times": ["approved"],
    "fail-twice-then-approve": ["approved"],
}


def test_every_scenario_is_tested() -> None:
    assert HEARD_IN_TIME.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("token", SCENARIOS)
async def test_a_scenario_tells_what_it_promises(world: World, token: str) -> None:
    for _ in range(SCENARIOS[token].lost_answers):
        with pytest.raises(GatewayFailed, match="lost"):
            await world.charge(token)
    charge = await world.charge(token)
    assert (charge.code is None) == (token == "refuse")
    assert await world.after(timedelta(seconds=30)) == HEARD_IN_TIME[token]
    assert all((body.order_id, body.amount) == (world.order, AMOUNT) for body in world.ear.heard)


async def test_an_order_without_a_token_is_approved_after_the_delay(world: World) -> None:
    assert (await world.charge(None)).code
    await world.bank.deliver_due()
    assert world.ear.outcomes == []
    assert await world.after(DELAY) == ["approved"]


async def test_a_token_that_nobody_knows_pays_for_nothing(world: World) -> None:
    assert await world.charge("aprove") == Charge(refusal="unknown_token")
    assert await world.after(timedelta(seconds=30)) == []


async def test_a_charge_whose_time_is_up_is_refused(world: World) -> None:
    answer = await world.gateway.create_charge(world.order, AMOUNT, world.time.now, None)
    assert answer == Charge(refusal="expired")


async def test_asking_again_is_the_same_charge_and_the_same_money(world: World) -> None:
    first = await world.charge("approve")
    assert await world.after(timedelta(seconds=5)) == ["approved"]
    assert await world.charge("approve") == first
    world.time.passes(hours=1)
    assert await world.charge("approve") == first
    assert await world.after(timedelta(seconds=30)) == ["approved"]


async def test_a_charge_that_is_asked_for_twice_at_once_is_one(world: World) -> None:
    answers = await asyncio.gather(*(world.charge("approve") for _ in range(4)))
    assert len(set(map(repr, answers))) == 1
    assert await world.after(timedelta(seconds=5)) == ["approved"]


async def test_a_duplicate_webhook_is_the_same_event(world: World) -> None:
    await world.charge("duplicate-webhook")
    await world.after(timedelta(seconds=5))
    first, second = world.ear.heard
    assert first == second


async def test_webhooks_that_contradict_each_other_are_two_events(world: World) -> None:
    await world.charge("decline-then-approve")
    await world.after(timedelta(seconds=5))
    assert len({body.event_id for body in world.ear.heard}) == 2


async def test_the_webhook_is_heard_before_the_answer_when_the_scenario_wants_it(world: World) -> None:
    await world.charge("webhook-before-answer")
    assert world.ear.outcomes == ["approved"]


async def test_an_answer_is_given_though_its_webhook_could_not_be_delivered_first(world: World) -> None:
    world.ear.answers = [httpx.ConnectError("refused")]
    assert (await world.charge("webhook-before-answer")).code
    assert await world.after(TELL_AGAIN_AFTER) == ["approved"]


@pytest.mark.parametrize("failure", [500, 401, httpx.ConnectError("refused"), httpx.ReadTimeout("late")])
async def test_the_bank_tells_again_until_it_is_heard(world: World, failure: int | Exception) -> None:
    world.ear.answers = [failure, failure, failure]
    await world.charge("approve")
    assert await world.after(DELAY + 2 * TELL_AGAIN_AFTER) == []
    assert await world.after(TELL_AGAIN_AFTER) == ["approved"]
    assert await world.after(2 * TELL_AGAIN_AFTER) == ["approved"]


async def test_a_bank_that_died_while_telling_tells_again(world: World, books: Books) -> None:
    await world.charge("approve")
    world.time.passes(seconds=1)
    async with books.open() as page:
        assert len(await page.claim_due(world.time.now, world.time.now + TELL_AGAIN_AFTER, 50)) == 1
    assert await world.after(TELL_AGAIN_AFTER - timedelta(seconds=1)) == []
    assert await world.after(timedelta(seconds=1)) == ["approved"]


async def test_two_banks_tell_each_webhook_once(world: World) -> None:
    for _ in range(20):
        await world.charge("approve", order=uuid4())
    world.time.passes(seconds=1)
    assert sum(await asyncio.gather(*(world.bank.deliver_due() for _ in range(4)))) == 20
    assert len({body.order_id for body in world.ear.heard}) == len(world.ear.heard) == 20


async def test_a_cancelled_charge_is_not_paid_any_more(world: World) -> None:
    await world.charge("approve")
    assert await world.gateway.cancel_charge(world.order) == Cancellation(already_paid=False)
    assert await world.gateway.cancel_charge(world.order) == Cancellation(already_paid=False)
    assert await world.after(timedelta(seconds=30)) == []


async def test_cancelling_comes_too_late_when_the_buyer_has_paid_though_it_was_not_told_yet(world: World) -> None:
    await world.charge("approve")
    world.time.passes(seconds=1)
    assert await world.gateway.cancel_charge(world.order) == Cancellation(already_paid=True)


async def test_late_money_comes_when_the_charge_has_expired_and_was_cancelled(world: World) -> None:
    await world.charge("approve-late")
    world.time.passes(minutes=9)
    assert await world.gateway.cancel_charge(world.order) == Cancellation(already_paid=False)
    assert await world.after(timedelta(minutes=1)) == []
    assert await world.after(DELAY) == ["approved"]
    assert (await world.gateway.refund(world.order)).refunded_at == world.time.now


async def test_a_refund_is_made_once(world: World) -> None:
    await world.charge("approve")
    world.time.passes(seconds=1)
    refund = await world.gateway.refund(world.order)
    world.time.passes(hours=1)
    assert await world.gateway.refund(world.order) == refund


async def test_a_refund_fails_three_times_when_the_scenario_wants_it(world: World) -> None:
    await world.charge("refund-fails-three-times")
    world.time.passes(seconds=1)
    for _ in range(3):
        with pytest.raises(GatewayFailed, match="as its scenario wants"):
            await world.gateway.refund(world.order)
    assert (await world.gateway.refund(world.order)).refunded_at == world.time.now


async def test_what_was_never_paid_cannot_be_refunded(world: World) -> None:
    await world.charge("decline")
    await world.after(timedelta(seconds=5))
    with pytest.raises(GatewayFailed, match="not been paid"):
        await world.gateway.refund(world.order)


async def test_a_charge_that_was_never_made_cannot_be_cancelled(world: World) -> None:
    with pytest.raises(GatewayFailed, match="no charge"):
        await world.gateway.cancel_charge(world.order)


async def test_the_bank_works_on_its_own_until_it_is_stopped(world: World) -> None:
    world.ear.answers = [RuntimeError("a fault of its own")]
    await world.charge("approve")
    world.time.passes(seconds=1)
    stop = asyncio.Event()
    working = asyncio.create_task(world.bank.run(stop))
    async with asyncio.timeout(20):
        while world.ear.outcomes != ["approved"]:
            world.time.passes(seconds=1)
            await asyncio.sleep(0.01)
        stop.set()
        await working
