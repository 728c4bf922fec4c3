"""The mock gateway as the payment service calls it: it writes into its books what a scenario wants, and answers."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from contracts.money import Money
from services.chassis.kernel import Clock
from services.payment.adapters.gateway.books import Books, ChargeRow, Page, Webhook
from services.payment.adapters.gateway.br_code import br_code
from services.payment.adapters.gateway.scenarios import DEFAULT, SCENARIOS, Scenario
from services.payment.ports import Cancellation, Charge, GatewayFailed, Refund


class MockGateway:
    """A Gateway that plays scenarios. ``delay`` is how long a buyer takes to pay; ``tell`` delivers what is due."""

    def __init__(self, books: Books, clock: Clock, delay: timedelta, tell: Callable[[], Awaitable[object]]) -> None:
        self._books = books
        self._clock = clock
        self._delay = delay
        self._tell = tell

    async def create_charge(self, order_id: UUID, amount: Money, expires_at: datetime, token: str | None) -> Charge:
        """Create the order's charge once; refused when its time is up, or when the scenario wants it."""
        token = token or DEFAULT
        scenario = SCENARIOS.get(token)
        if scenario is None:
            return Charge(refusal="unknown_token")
        if scenario.refuses:
            return Charge(refusal="refused")
        now = self._clock()
        charge = ChargeRow(order_id, amount.cents, token, br_code(order_id, amount), expires_at)
        async with self._books.open() as page:
            known = await page.find(order_id)
            if known is None and expires_at <= now:
                return Charge(refusal="expired")
            if known is None and await page.enter(charge):
                await page.owe(self._webhooks(charge, scenario, now))
            answers = await self._answers(page, known or charge, scenario)
        if not answers:
            raise GatewayFailed(f"the answer to charge {order_id} was lost, as its scenario wants")
        if scenario.tells_first and known is None:
            await self._tell()
        return Charge(code=charge.code)

    async def cancel_charge(self, order_id: UUID) -> Cancellation:
        """Cancel the charge: what would have come of it comes no more, but for the money that is late."""
        now = self._clock()
        async with self._books.open() as page:
            charge = await self._charge(page, order_id)
            if await page.paid(order_id, now):
                return Cancellation(already_paid=True)
            if charge.cancelled_at is None:
                await page.note(order_id, cancelled_at=now)
                await page.strike_out(order_id, now)
                if SCENARIOS[charge.token].pays_late:
                    late = max(now, charge.expires_at) + self._delay
                    await page.owe([Webhook.of(charge, "approved", late)])
        return Cancellation(already_paid=False)

    async def refund(self, order_id: UUID) -> Refund:
        """Give the money of a paid charge back once; fails as often as the scenario wants."""
        now = self._clock()
        async with self._books.open() as page:
            charge = await self._charge(page, order_id)
            if charge.refunded_at:
                return Refund(refunded_at=charge.refunded_at)
            if not await page.paid(order_id, now):
                raise GatewayFailed(f"charge {order_id} has not been paid")
            fails = charge.failed_refunds < SCENARIOS[charge.token].failing_refunds
            if fails:
                await page.note(order_id, failed_refunds=charge.failed_refunds + 1)
            else:
                await page.note(order_id, refunded_at=now)
        if fails:
            raise GatewayFailed(f"refund {charge.failed_refunds + 1} of {order_id} failed, as its scenario wants")
        return Refund(refunded_at=now)

    async def _answers(self, page: Page, charge: ChargeRow, scenario: Scenario) -> bool:
        if charge.lost_answers == scenario.lost_answers:
            return True
        await page.note(charge.order_id, lost_answers=charge.lost_answers + 1)
        return False

    async def _charge(self, page: Page, order_id: UUID) -> ChargeRow:
        charge = await page.find(order_id)
        if charge is None:
            raise GatewayFailed(f"there is no charge {order_id}")
        return charge

    def _webhooks(self, charge: ChargeRow, scenario: Scenario, now: datetime) -> list[Webhook]:
        usual = now if scenario.tells_first else now + self._delay
        return [
            Webhook.of(charge, word.outcome, usual + word.later, copy)
            for word in scenario.words
            for copy in range(word.times)
        ]
