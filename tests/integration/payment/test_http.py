"""The payment service over HTTP: what buyers see, and what the gateway may say."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from contracts.message import Envelope
from contracts.money import Money
from contracts.payment import SettlePayment
from services.chassis.http import create_app
from services.chassis.ids import minting
from services.chassis.runtime import Running, running, system_clock
from services.chassis.store import Dispatch
from services.payment.adapters.gateway import Bank, Books, MockGateway
from services.payment.domain import Payment, Status
from services.payment.ports import SIGNATURE_HEADER, signature
from services.payment.service import Settings, bank, payment
from tests.unit.payment.test_domain import a_payment

SECRET = "the gateway's and ours"
mint = minting(system_clock)


@dataclass
class Sent:
    """Stands where SQS would: accepts everything."""

    dispatches: list[Dispatch] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch]) -> set[UUID]:
        self.dispatches += dispatches
        return {dispatch.key for dispatch in dispatches}


@dataclass
class Api:
    """The service as its clients meet it."""

    http: httpx.AsyncClient
    running: Running
    sent: Sent

    async def has(self, row: Payment) -> None:
        async with self.running.store.begin() as transaction:
            await transaction.save([row], [])

    async def tell(
        self,
        body: bytes,
        *,
        secret: str = SECRET,
        at: datetime | None = None,
        path: str = "/payments/webhook",
        key: str | None = None,
    ) -> httpx.Response:
        headers = {SIGNATURE_HEADER: signature(secret, body, at or system_clock())}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.post(path, content=body, headers=headers)

    @property
    def settlements(self) -> list[Envelope]:
        return [Envelope.decode(dispatch.body) for dispatch in self.sent.dispatches]


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    settings = Settings(
        database_url=database_url,
        operators_secret=SecretStr("an operators' secret"),
        payment_webhook_secret=SecretStr(SECRET),
    )
    sent = Sent()
    async with running(payment, settings, cast(Any, sent)) as opened:
        async with opened.database.engine.begin() as connection:
            await connection.run_sync(payment.metadata.create_all)
        transport = httpx.ASGITransport(create_app(opened))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Api(http, opened, sent)


def a_word(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid4()),
        "order_id": str(mint()),
        "outcome": "approved",
        "amount": 150.00,
        "occurred_at": "2027-03-01T09:00:00-03:00",
    } | changes


def raw(**changes: Any) -> bytes:
    return json.dumps(a_word(**changes)).encode()


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["slug"]


async def test_a_payment_shows_what_is_to_be_paid_how_and_until_when(api: Api) -> None:
    order = mint()
    await api.has(a_payment(id=order, code="000201-to-paste"))
    response = await api.http.get(f"/payments/{order}")
    assert response.status_code == 200
    assert response.json() == {
        "id": str(order),
        "order_id": str(order),
        "event_id": "01970000-0000-7000-8000-000000000002",
        "amount": 150.0,
        "status": "requested",
        "code": "000201-to-paste",
        "reason": None,
        "expires_at": "2027-03-01T12:10:00Z",
        "refunded_at": None,
    }


async def test_a_payment_is_found_by_its_order_with_and_without_a_slash(api: Api) -> None:
    order = mint()
    await api.has(a_payment(id=order))
    for path in ("/payments", "/payments/"):
        response = await api.http.get(path, params={"order_id": str(order)})
        assert [item["id"] for item in response.json()["items"]] == [str(order)]


async def test_an_order_without_a_payment_has_an_empty_list(api: Api) -> None:
    response = await api.http.get("/payments", params={"order_id": str(mint())})
    assert (response.status_code, response.json()) == (200, {"items": []})


async def test_payments_are_listed_of_one_order_only(api: Api) -> None:
    assert problem(await api.http.get("/payments")) == (422, "invalid")


async def test_a_payment_that_may_still_come_is_pending(api: Api) -> None:
    order = mint()
    response = await api.http.get(f"/payments/{order}")
    assert (response.status_code, response.json()) == (200, {"id": str(order), "status": "pending"})
    assert "Retry-After" in response.headers


async def test_a_payment_that_cannot_come_is_not_found(api: Api) -> None:
    assert problem(await api.http.get(f"/payments/{uuid4()}")) == (404, "not_found")


async def test_a_patient_buyer_gets_the_charge_as_soon_as_it_exists(api: Api) -> None:
    order = mint()
    asked = asyncio.create_task(api.http.get(f"/payments/{order}", headers={"Prefer": "wait=20"}))
    await api.has(a_payment(id=order))
    response = await asked
    assert response.json()["status"] == Status.REQUESTED


@pytest.mark.parametrize("path", ["/payments/webhook", "/payments/webhook/"])
async def test_a_signed_webhook_becomes_a_message(api: Api, path: str) -> None:
    word = a_word()
    response = await api.tell(json.dumps(word).encode(), path=path)
    assert response.status_code == 202
    assert response.headers["Location"] == f"/payments/{word['order_id']}"
    (envelope,) = api.settlements
    assert envelope.message == SettlePayment(
        order_id=UUID(word["order_id"]),
        outcome="approved",
        amount=Money(15_000),
        occurred_at=datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
    )


async def test_a_webhook_that_comes_twice_is_one_message(api: Api) -> None:
    body = raw()
    await api.tell(body)
    await api.tell(body)
    first, second = api.settlements
    assert first.id == second.id


async def test_a_webhook_may_have_a_key_which_is_for_one_body(api: Api) -> None:
    body = raw()
    assert [(await api.tell(body, key="k-1")).status_code for _ in range(2)] == [202, 202]
    assert problem(await api.tell(raw(), key="k-1")) == (422, "idempotency_key_reused")
    assert problem(await api.tell(body, key="two words")) == (400, "idempotency_key_malformed")
    assert len({envelope.id for envelope in api.settlements}) == 1


async def test_two_events_about_one_order_are_two_messages(api: Api) -> None:
    order = str(mint())
    await api.tell(raw(order_id=order))
    await api.tell(raw(order_id=order))
    first, second = api.settlements
    assert first.id != second.id


async def test_a_webhook_that_someone_else_signed_is_refused_before_it_is_read(api: Api) -> None:
    assert problem(await api.tell(b"not even JSON", secret="a guess")) == (401, "invalid_signature")
    assert api.sent.dispatches == []


async def test_a_webhook_without_a_signature_is_refused(api: Api) -> None:
    assert problem(await api.http.post("/payments/webhook", content=raw())) == (401, "invalid_signature")


async def test_an_old_webhook_is_refused(api: Api) -> None:
    response = await api.tell(raw(), at=system_clock() - timedelta(minutes=6))
    assert problem(response) == (401, "stale_signature")
    assert api.sent.dispatches == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": "150.00"}, "/amount"),
        ({"amount": -1}, "/amount"),
        ({"outcome": "maybe"}, "/outcome"),
        ({"event_id": "1"}, "/event_id"),
        ({"stranger": 1}, "/stranger"),
    ],
)
async def test_a_signed_webhook_that_makes_no_sense_is_told_what_is_wrong(
    api: Api, changes: dict[str, Any], pointer: str
) -> None:
    response = await api.tell(raw(**changes))
    assert problem(response) == (422, "invalid")
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert api.sent.dispatches == []


async def test_a_signed_webhook_that_is_no_json_is_malformed(api: Api) -> None:
    assert problem(await api.tell(b"{")) == (400, "malformed_json")


async def test_a_huge_webhook_is_refused(api: Api) -> None:
    assert problem(await api.tell(b" " * 100_000)) == (413, "too_large")


async def test_the_document_names_the_signature_and_the_body(api: Api) -> None:
    operation = (await api.http.get("/openapi.json")).json()["paths"]["/payments/webhook"]["post"]
    assert SIGNATURE_HEADER in {parameter["name"] for parameter in operation["parameters"]}
    assert "event_id" in operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"202", "400", "401", "413", "422"} <= operation["responses"].keys()


async def test_the_banks_own_webhooks_are_believed(api: Api) -> None:
    books = Books(api.running.database, bank)
    secret = SecretStr(SECRET)
    teller = Bank(books, api.http, "http://test/payments/webhook", secret, system_clock)
    gateway = MockGateway(books, system_clock, timedelta(), teller.deliver_due)
    order = mint()
    soon = system_clock() + timedelta(minutes=10)
    await gateway.create_charge(order, Money(15_000), soon, "duplicate-webhook")
    await teller.deliver_due()
    first, second = api.settlements
    assert first.id == second.id
    assert isinstance(first.message, SettlePayment)
    assert (first.message.order_id, first.message.outcome, first.message.amount) == (order, "approved", Money(15_000))
