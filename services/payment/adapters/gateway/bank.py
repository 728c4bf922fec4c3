"""The bank behind the mock gateway: tells the payment service over HTTP what became of charges, until it is heard."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import structlog
from pydantic import SecretStr

from contracts.money import Money
from contracts.payment import SettlementBody
from services.chassis.kernel import Clock
from services.chassis.relay import sleep_unless
from services.chassis.trace_context import resumed
from services.payment.adapters.gateway.books import Books, Webhook
from services.payment.ports import SIGNATURE_HEADER, signature

ANSWER_WITHIN_SECONDS = 4
TELL_AGAIN_AFTER = timedelta(seconds=5)
"""A webhook that was not answered with 2xx in time is told again, for ever. Longer than it waits for the answer, so
that one webhook is not on its way twice."""
_AT_ONCE = 50
_LOOK_EVERY_SECONDS = 0.2

log = structlog.get_logger()


class Bank:
    """Delivers the webhooks that the books owe to ``url``, signed with ``secret``."""

    def __init__(self, books: Books, http: httpx.AsyncClient, url: str, secret: SecretStr, clock: Clock) -> None:
        self._books = books
        self._http = http
        self._url = url
        self._secret = secret
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver what is due, until stopped. Survives any error."""
        while not stop.is_set():
            delivered = 0
            try:
                if await self._books.owes(self._clock()):
                    delivered = await self.deliver_due()
            except Exception as error:
                log.warning("bank_failed", error=repr(error))
            if delivered < _AT_ONCE:
                await sleep_unless(stop, _LOOK_EVERY_SECONDS)

    async def deliver_due(self) -> int:
        """Tell what is due, each webhook once. Returns how many were tried. Raises Unavailable."""
        now = self._clock()
        async with self._books.open() as page:
            due = await page.claim_due(now, now + TELL_AGAIN_AFTER, _AT_ONCE)
        answers = await asyncio.gather(*(self._tell(webhook) for webhook in due))
        if heard := [webhook_id for webhook_id in answers if webhook_id]:
            async with self._books.open() as page:
                await page.heard(heard)
        return len(due)

    async def _tell(self, webhook: Webhook) -> UUID | None:
        """Its id when it was heard."""
        body = SettlementBody.model_validate(
            {
                "event_id": webhook.event_id,
                "order_id": webhook.order_id,
                "outcome": webhook.outcome,
                "amount": Money(webhook.amount_cents),
                "occurred_at": webhook.due_at,
            }
        )
        raw = body.model_dump_json().encode()
        signed = signature(self._secret.get_secret_value(), raw, self._clock())
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signed}
        try:
            with resumed(webhook.traceparent):
                answer = await self._http.post(self._url, content=raw, headers=headers, timeout=ANSWER_WITHIN_SECONDS)
        except httpx.HTTPError as error:
            log.warning("webhook_undelivered", url=self._url, order=str(webhook.order_id), error=repr(error))
            return None
        if not answer.is_success:
            log.warning("webhook_refused", url=self._url, order=str(webhook.order_id), status=answer.status_code)
            return None
        return webhook.id
