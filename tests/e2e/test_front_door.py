"""Through API Gateway: a purchase, and everything that must arrive as it was sent, in both directions."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from contracts.event import EventBody
from contracts.money import Money
from contracts.order import OrderBody, OrderItem
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from localstack.front_door import definition, url_of
from services.chassis.operations import router as operations
from services.operations.client import Bilhetagem, Order
from services.payment.ports import SIGNATURE_HEADER, signature
from tests.e2e.system import System

NOBODY = UUID("01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09")
"""An id that we minted long ago, or never."""
METHODS = ("get", "put", "post", "delete")
PRICE = Money(150_00)


def routes() -> Iterator[tuple[str, str]]:
    """Every route of the definition, with an id that nobody has."""
    for path, methods in definition()["paths"].items():
        for method in METHODS:
            if method in methods:
                for name in ("id", "user_id", "ticket_id"):
                    path = path.replace(f"{{{name}}}", str(NOBODY))
                yield method.upper(), path


@pytest.fixture
def url(system: System) -> str:
    """What clients know."""
    return url_of(system.aws_url)


@pytest.fixture
async def api(url: str) -> AsyncIterator[Bilhetagem]:
    async with Bilhetagem.at(url) as client:
        yield client


@pytest.fixture
async def front(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP at the gateway."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
async def direct(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP behind the gateway."""
    async with httpx.AsyncClient(base_url=system.url, trust_env=False, timeout=60) as client:
        yield client


def ana() -> UserBody:
    return UserBody(name="Ana Lúcia Gonçalves", email=f"{uuid4()}@example.com")


async def on_sale(api: Bilhetagem, quantity: int = 10) -> TicketTypeBody:
    date = datetime.now(UTC) + timedelta(days=30)
    event = await api.schedule(EventBody(title="Noite de Samba", location="Lapa, Rio", date=date))
    return TicketTypeBody(event_id=event.id, name="Pista", quantity=quantity, price=PRICE)


async def buy(api: Bilhetagem) -> Order:
    body = await on_sale(api)
    ticket = await api.put_on_sale(body)
    await api.availability(ticket.id)
    buyer = await api.register(ana())
    held = await api.reserve(ReservationBody(user_id=buyer.id, ticket_id=ticket.id, quantity=2))
    assert held.status == "held"
    items = (OrderItem(reservation_id=held.id),)
    order = OrderBody(user_id=buyer.id, event_id=body.event_id, items=items, total_price=PRICE * 2)
    return await api.order_becomes((await api.place_order(order)).id)


async def test_a_purchase_ends_in_pdfs_that_are_the_same_byte_for_byte(
    api: Bilhetagem, front: httpx.AsyncClient, direct: httpx.AsyncClient
) -> None:
    order = await buy(api)
    tickets = [ticket async for ticket in api.issued(order.id)]

    assert (order.status, len(tickets)) == ("completed", 2)
    for ticket in tickets:
        through, behind = await front.get(ticket.pdf), await direct.get(ticket.pdf)
        assert through.content == behind.content == await api.pdf(ticket)
        assert through.content.startswith(b"%PDF-")
        for header in ("content-type", "etag", "content-disposition", "cache-control"):
            assert through.headers.get(header) == behind.headers.get(header)
        again = await front.get(ticket.pdf, headers={"If-None-Match": through.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == through.headers["etag"]


@pytest.mark.parametrize(("method", "path"), list(routes()))
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_route_is_answered_as_it_is_without_the_gateway(
    front: httpx.AsyncClient, direct: httpx.AsyncClient, method: str, path: str, slash: str
) -> None:
    body = {"unknown": "field"} if method in {"POST", "PUT"} else None
    through = await front.request(method, path + slash, json=body)
    behind = await direct.request(method, path + slash, json=body)

    assert (through.status_code, through.headers.get("content-type")) == (
        behind.status_code,
        behind.headers.get("content-type"),
    )
    assert without_ids(through) == without_ids(behind)
    assert through.status_code != 404 or json.loads(through.content)["instance"].rstrip("/") == path


def without_ids(answer: httpx.Response) -> Any:
    """The body, but for the lists that other tests add to, and how the path was written."""
    body = answer.json() if answer.content else None
    if isinstance(body, dict) and answer.is_success:
        return sorted(body)
    return body | {"instance": body["instance"].rstrip("/")} if body else None


@pytest.mark.parametrize("path", ["/users", "/orders", f"/orders/{NOBODY}", "/tickets/keys"])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "PUT", "DELETE", "POST"])
async def test_a_method_that_a_path_may_not_know_is_the_services_business(
    front: httpx.AsyncClient, direct: httpx.AsyncClient, method: str, path: str
) -> None:
    through, behind = await front.request(method, path), await direct.request(method, path)

    assert through.status_code == behind.status_code
    assert through.headers.get("allow") == behind.headers.get("allow")
    assert through.headers.get("content-type") == behind.headers.get("content-type")


@pytest.mark.parametrize("path", ["", "/", "/nowhere", "/nowhere/", "/users/1/2/3", "/operations/journal", "/health"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_path_that_nobody_knows_is_a_problem_document(url: str, method: str, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.request(method, url + path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json().keys() == {"type", "title", "status", "slug", "detail", "instance"}
    assert answer.json()["slug"] == "not_found"


def operators_routes() -> Iterator[tuple[str, str]]:
    """Every route for operators, and ways round that a gateway might open to them."""
    for route in (route for route in operations.routes if isinstance(route, APIRoute)):
        path = route.path.replace("{message_id}", str(NOBODY))
        for method in sorted(route.methods or ()):
            yield method, path
            for way_round in (f"{path}/", f"/v1{path}", f"/{path}", f"/orders{path}", f"/orders/%2e%2e{path}"):
                yield method, way_round


@pytest.mark.parametrize(("method", "path"), list(operators_routes()))
@pytest.mark.parametrize("base", ["API Gateway", "the base URL of a laptop"])
async def test_no_operators_route_is_reached_where_clients_come_even_with_the_secret(
    url: str, system: System, base: str, method: str, path: str
) -> None:
    operator = {"Authorization": f"Bearer {system.secrets['BILHETAGEM_OPERATORS_SECRET']}"}
    async with httpx.AsyncClient(trust_env=False, timeout=60, headers=operator) as client:
        answer = await client.request(method, f"{url if base == 'API Gateway' else system.url}{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), answer.text


async def test_a_location_is_all_that_a_client_needs(front: httpx.AsyncClient, api: Bilhetagem) -> None:
    for path in ("/users", "/users/"):
        made = await front.post(path, json=ana().model_dump())
        assert made.status_code == 201
        there = await front.get(urljoin(str(made.url), made.headers["location"]))
        assert (there.status_code, there.json()) == (200, made.json())

    seats = {"user_id": str(NOBODY), "ticket_id": str(NOBODY), "quantity": 2}
    accepted = await front.post("/reservations", json=seats)
    assert (accepted.status_code, accepted.headers["retry-after"]) == (202, "1")
    there = await front.get(urljoin(str(accepted.url), accepted.headers["location"]))
    assert there.json()["id"] == accepted.json()["id"]


async def test_links_lead_through_a_whole_list_whatever_the_query_says(front: httpx.AsyncClient) -> None:
    made = {(await front.post("/users", json=ana().model_dump())).json()["id"] for _ in range(3)}
    found, page = [], await front.get("/users", params={"limit": 100})
    while True:
        found += [user["id"] for user in page.json()["items"]]
        if "next" not in page.links:
            break
        page = await front.get(urljoin(str(page.url), page.links["next"]["url"]))

    assert made <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&x=1&x=2&x=3",
        "limit=1&name=S%C3%A3o%20Paulo&sum=1%2B1&and=a%26b%3Dc&plus=a+b&slash=a/b",
        "limit=1&empty=&empty=",
    ],
)
async def test_a_query_arrives_with_every_value_as_it_was_meant(
    front: httpx.AsyncClient, direct: httpx.AsyncClient, query: str
) -> None:
    for _ in range(2):
        await front.post("/users", json=ana().model_dump())
    through, behind = await front.get(f"/users?{query}"), await direct.get(f"/users?{query}")

    # The link to the next page repeats what the service was asked with.
    assert values_of(through) == values_of(behind)
    assert len(values_of(through)) > 2


def values_of(page: httpx.Response) -> list[tuple[str, str]]:
    return sorted(httpx.URL(page.links["next"]["url"]).params.multi_items())


async def test_a_query_that_is_wrong_is_refused_as_it_is_without_the_gateway(front: httpx.AsyncClient) -> None:
    for query, parameter in (("limit=0", "limit"), ("cursor=%00", "cursor"), ("limit=1&limit=x", "limit")):
        answer = await front.get(f"/users?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"][0]["parameter"] == parameter


async def test_a_key_makes_one_resource_and_one_only(front: httpx.AsyncClient) -> None:
    key, body = {"Idempotency-Key": str(uuid4())}, ana().model_dump()
    first, again = (
        await front.post("/users", json=body, headers=key),
        await front.post("/users/", json=body, headers=key),
    )
    other = await front.post("/users", json=ana().model_dump(), headers=key)

    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert (other.status_code, other.json()["slug"]) == (422, "idempotency_key_reused")


async def test_a_preference_to_wait_is_heard_and_ends_before_the_gateway_does(front: httpx.AsyncClient) -> None:
    body = {"user_id": str(NOBODY), "ticket_id": str(NOBODY), "quantity": 2}
    answer = await front.post("/reservations", json=body, headers={"Prefer": "respond-async, wait=60"})

    assert answer.headers["preference-applied"] == "wait=25"
    assert answer.status_code in {200, 202}


async def test_a_trace_goes_on_behind_the_gateway(front: httpx.AsyncClient, api: Bilhetagem, system: System) -> None:
    trace = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    ticket = await api.put_on_sale(await on_sale(api))
    await api.availability(ticket.id)
    body = {"user_id": str((await api.register(ana())).id), "ticket_id": str(ticket.id), "quantity": 1}
    held = await front.post("/reservations", json=body, headers={"traceparent": trace, "Prefer": "wait=20"})

    operators = {"Authorization": f"Bearer {system.secrets['BILHETAGEM_OPERATORS_SECRET']}"}
    async with httpx.AsyncClient(base_url=system.ingress_url("reservation"), headers=operators) as reservation:
        journal = await reservation.get("/operations/journal", params={"correlation": held.json()["id"]})
    assert journal.status_code == 200
    assert trace in journal.text


async def test_a_webhook_arrives_with_the_bytes_that_were_signed(
    front: httpx.AsyncClient, api: Bilhetagem, system: System
) -> None:
    order, now = await buy(api), datetime.now(UTC)
    told = {"event_id": str(uuid4()), "order_id": str(order.id), "outcome": "approved", "occurred_at": now.isoformat()}
    raw = json.dumps(told | {"amount": 300}, indent=3).encode()  # as no JSON library of a gateway would write it again
    signed = {SIGNATURE_HEADER: signature(system.secrets["BILHETAGEM_PAYMENT_WEBHOOK_SECRET"], raw, now)}
    headers = {"Content-Type": "application/json", **signed}
    taken = await front.post("/payments/webhook", content=raw, headers=headers)
    forged = await front.post("/payments/webhook", content=raw + b" ", headers=headers)

    assert taken.status_code == 202, taken.text
    assert urljoin(str(taken.url), taken.headers["location"]) == f"{front.base_url}payments/{order.id}"
    assert (forged.status_code, forged.headers["www-authenticate"]) == (401, SIGNATURE_HEADER)


async def test_what_has_no_body_stays_without(front: httpx.AsyncClient, api: Bilhetagem) -> None:
    event = (await on_sale(api)).event_id
    gone = await front.delete(f"/events/{event}")
    assert (gone.status_code, gone.content) == (204, b"")


async def test_a_browser_may_ask_first_and_read_the_answer(front: httpx.AsyncClient) -> None:
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = await front.options("/orders/", headers=asks)
    answer = await front.get("/orders/", headers=asks)

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
    for response in (preflight, answer):
        assert response.headers["access-control-allow-origin"] == "*"
    assert "Location" in answer.headers["access-control-expose-headers"]
