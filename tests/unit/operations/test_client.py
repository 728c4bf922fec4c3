"""The Python client: every route of the API, every field of an answer, and the manners of HTTP."""

import inspect
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.event import EventBody
from contracts.money import Money
from contracts.order import OrderBody, OrderItem
from contracts.product import ProductBody
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from services.operations import client as package
from services.operations.client import Bilhetagem, Refused, StillPending, Unexpected, answers
from services.operations.documents import ROOT

ID = UUID("01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09")
URL = "http://gateway/_aws/execute-api/bilhetagem/v1"
USER = {"id": str(ID), "name": "Ana", "email": "ana@example.com"}
BODIES: dict[type, Any] = {
    UserBody: UserBody(name="Ana", email="ana@example.com"),
    EventBody: EventBody(title="Samba", location="Rio", date=datetime(2027, 1, 1, tzinfo=UTC)),
    ProductBody: ProductBody(name="Camiseta", price=Money(20_00), stock=1),
    TicketTypeBody: TicketTypeBody(event_id=ID, quantity=1, price=Money(150_00)),
    ReservationBody: ReservationBody(user_id=ID, ticket_id=ID, quantity=2),
    OrderBody: OrderBody(user_id=ID, event_id=ID, items=(OrderItem(reservation_id=ID),), total_price=Money(150_00)),
    UUID: ID,
}
NOT_A_CLIENTS = {("POST", "/payments/webhook")}
"""The payment gateway's own."""

type Answers = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def merged() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
    return document


def api(answers: Answers, secret: str | None = None) -> Bilhetagem:
    return Bilhetagem(httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url=URL), secret)


async def test_every_route_has_a_method(merged: dict[str, Any]) -> None:
    asked = set()

    def note(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/_aws/execute-api/bilhetagem/v1").replace(str(ID), "{id}").rstrip("/")
        asked.add((request.method, path))
        return httpx.Response(404, json=problem(404, "not_found"))

    for name, method in inspect.getmembers(Bilhetagem, inspect.isfunction):
        if not name.startswith("_"):
            await call(getattr(api(note), name), method)

    routes = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path).rstrip("/"))
        for path, methods in merged["paths"].items()
        for method in methods
    }
    assert asked == routes - NOT_A_CLIENTS


async def call(bound: Callable[..., Any], method: Callable[..., Any]) -> None:
    required = [
        BODIES.get(parameter.annotation, TICKET)
        for parameter in list(inspect.signature(method).parameters.values())[1:]
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    result = bound(*required)
    with pytest.raises(Refused):
        await (anext(result) if inspect.isasyncgen(result) else result)


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        (answers.User, "User"),
        (answers.Event, "Event"),
        (answers.Product, "Product"),
        (answers.TicketType, "TicketTypeView"),
        (answers.Availability, "Availability"),
        (answers.Reservation, "Reservation"),
        (answers.Order, "OrderView"),
        (answers.OrderedSeats, "ItemView"),
        (answers.OrderedProduct, "ProductView"),
        (answers.Payment, "PaymentView"),
        (answers.IssuedTicket, "IssuedTicketView"),
        (answers.Pending, "Pending"),
        (answers.Problem, "Problem"),
        (answers.InvalidField, "InvalidField"),
    ],
)
def test_every_field_of_an_answer_is_there(merged: dict[str, Any], model: type[answers.Answer], schema: str) -> None:
    known = merged["components"]["schemas"][schema]
    required = {name for name, field in model.model_fields.items() if field.is_required()}

    assert model.model_fields.keys() == known["properties"].keys()
    assert required - {"status"} <= set(known["required"])


TICKET = answers.IssuedTicket(
    **dict.fromkeys(("id", "order_id", "reservation_id", "event_id", "user_id", "ticket_id"), ID),
    name="Pista",
    price=Money(1),
    number=1,
    total=1,
    status="issued",
    used_at=None,
    pdf=f"/tickets/{ID}/pdf",
)


def problem(status: int, slug: str) -> dict[str, Any]:
    words = {"type": f"https://x/{slug}", "title": "No", "slug": slug, "detail": "Not this time.", "instance": "/"}
    return {**words, "status": status}


@pytest.mark.parametrize("status", [429, 503, 504])
async def test_a_post_is_tried_again_under_the_same_key_while_the_api_is_busy(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, pauses = [], []

    def busy_twice(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 3:
            return httpx.Response(status, json=problem(status, "busy"), headers={"Retry-After": "2"})
        return httpx.Response(201, json=USER)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("asyncio.sleep", pause)
    assert (await api(busy_twice).register(BODIES[UserBody])).id == ID
    assert len(set(keys)) == 1
    assert pauses == [2, 2]


async def test_a_refusal_is_an_exception_with_the_problem() -> None:
    with pytest.raises(Refused, match=r"POST .*/users/ was answered 409 \(email_taken\): Not this time") as refused:
        await api(lambda _: httpx.Response(409, json=problem(409, "email_taken"))).register(BODIES[UserBody])
    assert refused.value.problem.slug == "email_taken"


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, text="<html>"), httpx.Response(502, text="Bad Gateway"), httpx.Response(200, json={"id": 1})],
)
async def test_an_answer_that_is_none_of_ours_is_said_to_be(answer: httpx.Response) -> None:
    with pytest.raises(Unexpected, match=r"GET .* was answered"):
        await api(lambda _: answer).user(ID)


@pytest.mark.parametrize("body", [{"users": []}, [], {"items": "none"}])
async def test_a_list_that_is_none_of_ours_is_said_to_be(body: Any) -> None:
    with pytest.raises(Unexpected, match=r"GET .* was answered 200"):
        _ = [user async for user in api(lambda _: httpx.Response(200, json=body)).users()]


async def test_pages_are_followed_by_their_links_relative_to_the_gateways_url() -> None:
    asked = []

    def pages(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        last = "cursor" in request.url.params
        links = {} if last else {"Link": '<?event_id=x%26y&limit=1&cursor=abc>; rel="next"'}
        return httpx.Response(200, json={"items": [USER]}, headers=links)

    assert [user.id async for user in api(pages).users()] == [ID, ID]
    assert asked == [f"{URL}/users/", f"{URL}/users/?event_id=x%26y&limit=1&cursor=abc"]


@pytest.mark.parametrize("location", [f"/_aws/execute-api/bilhetagem/v1/reservations/{ID}", f"{URL}/reservations/{ID}"])
async def test_what_is_pending_is_asked_for_at_its_location(monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    asked = []
    decided: dict[str, Any] = dict.fromkeys(answers.Reservation.model_fields)
    decided |= {"id": ID, "user_id": ID, "ticket_id": ID, "quantity": 2, "status": "rejected", "reason": "sold_out"}

    def decides_late(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, str(request.url), request.headers.get("Prefer")))
        if len(asked) < 3:
            headers = {"Location": location} if request.method == "POST" else {}
            return httpx.Response(202, json={"id": str(ID), "status": "pending"}, headers=headers)
        return httpx.Response(200, content=json.dumps(decided, default=str))

    async def at_once(_: float) -> None:
        return

    monkeypatch.setattr("asyncio.sleep", at_once)
    assert (await api(decides_late).reserve(BODIES[ReservationBody])).reason == "sold_out"
    assert asked == [
        ("POST", f"{URL}/reservations/", "wait=20"),
        *[("GET", f"{URL}/reservations/{ID}", None)] * 2,
    ]


async def test_who_waits_too_long_is_told() -> None:
    with pytest.raises(StillPending, match="is not decided after 0 s"):
        await api(lambda _: httpx.Response(200, json={"id": str(ID), "status": "pending"})).order_becomes(ID, seconds=0)


async def test_operators_routes_are_asked_with_the_secret() -> None:
    def guarded(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        return httpx.Response(200, content=TICKET.model_dump_json())

    assert await api(guarded, "secret").check_in(ID) == TICKET


def test_what_the_package_shows_is_what_it_has() -> None:
    assert sorted(package.__all__) == package.__all__
    assert all(hasattr(package, name) for name in package.__all__)
