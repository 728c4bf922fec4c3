"""The ticket service as clients, gates and operators meet it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import update

from contracts.event import EventCancelled
from contracts.money import Money
from contracts.ticket import TicketTypeChanged, TicketTypeCreated
from services.ticket.adapters.qr import from_jwks, key_id
from services.ticket.adapters.s3 import Archive
from services.ticket.adapters.sql import tickets
from tests.integration.ticket.conftest import KEY, OPERATOR, Box, problem
from tests.integration.ticket.test_issuing import MOVED, WITHDRAWN
from tests.unit.ticket.tickets import (
    BUYER,
    CONCERT,
    FIRST,
    FLOOR,
    ORDER,
    RESERVATION,
    SECOND,
)

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what the database has no part in."""

PISTA: dict[str, Any] = {"event_id": str(CONCERT), "quantity": 100, "price": 150.00, "name": "Pista"}


# Ticket types


async def test_a_ticket_type_is_put_on_sale_and_told(box: Box) -> None:
    made = await box.http.post("/tickets/", json=PISTA)
    assert made.status_code == 201
    assert made.json() == PISTA | {
        "id": made.json()["id"],
        "max_per_user": None,
        "sales_start": None,
        "sales_end": None,
    }
    assert (await box.http.get(made.headers["location"])).json() == made.json()
    (told,) = await box.told()
    assert told == TicketTypeCreated(
        ticket_id=made.json()["id"], version=1, event_id=CONCERT, name="Pista", quantity=100, price=Money(15000)
    )


async def test_a_ticket_type_without_a_name_is_just_a_ticket(box: Box) -> None:
    made = await box.http.post("/tickets", json={"event_id": str(CONCERT), "quantity": 10, "price": 0})
    assert (made.status_code, made.json()["name"]) == (201, "Ingresso")


async def test_the_same_idempotency_key_makes_one_ticket_type(box: Box) -> None:
    headers = {"Idempotency-Key": "a"}
    first, again = [await box.http.post("/tickets/", json=PISTA, headers=headers) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await box.told()) == 1


@on_sqlite
@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": -1},
        {"quantity": 1.5},
        {"price": 150.001},
        {"price": -1},
        {"price": "150.00"},
        {"event_id": "concert"},
        {"name": "  "},
        {"max_per_user": 0},
        {"colour": "blue"},
        {"sales_start": "2027-03-02T12:00:00-03:00", "sales_end": "2027-03-01T12:00:00-03:00"},
        {"sales_start": "2027-03-02T12:00:00"},
    ],
    ids=lambda wrong: " ".join(f"{name}={value}" for name, value in wrong.items()),
)
async def test_a_ticket_type_that_makes_no_sense_is_refused(box: Box, wrong: dict[str, Any]) -> None:
    assert problem(await box.http.post("/tickets/", json=PISTA | wrong)) == (422, "invalid")


async def test_a_ticket_type_is_changed_whole_and_told_once(box: Box) -> None:
    path = (await box.http.post("/tickets/", json=PISTA)).headers["location"]
    await box.told()
    more = PISTA | {"quantity": 200, "max_per_user": 4}
    changed = await box.http.put(path, json=more)
    assert (changed.status_code, changed.json()["quantity"], changed.json()["max_per_user"]) == (200, 200, 4)
    again = await box.http.put(path + "/", json=more)
    assert again.json() == changed.json() == (await box.http.get(path)).json()
    (told,) = await box.told()
    assert isinstance(told, TicketTypeChanged)
    assert (told.version, told.quantity, told.max_per_user) == (2, 200, 4)


async def test_a_ticket_type_stays_with_its_event(box: Box) -> None:
    path = (await box.http.post("/tickets/", json=PISTA)).headers["location"]
    answer = await box.http.put(path, json=PISTA | {"event_id": str(uuid4())})
    assert problem(answer) == (409, "wrong_event")


async def test_ticket_types_are_listed_by_event_page_by_page(box: Box) -> None:
    for event_id, name in ((CONCERT, "A"), (FLOOR, "B"), (CONCERT, "C"), (CONCERT, "D")):
        box.clock.now += timedelta(seconds=1)
        await box.http.post("/tickets/", json=PISTA | {"event_id": str(event_id), "name": name})
    everything = await box.http.get("/tickets/")
    assert [one["name"] for one in everything.json()["items"]] == ["A", "B", "C", "D"]
    first = await box.http.get("/tickets/", params={"event_id": str(CONCERT), "limit": 2})
    assert [one["name"] for one in first.json()["items"]] == ["A", "C"]
    rest = await box.http.get("/tickets/" + first.links["next"]["url"])
    assert [one["name"] for one in rest.json()["items"]] == ["D"]
    assert rest.links == {}


@on_sqlite
@pytest.mark.parametrize("path", ["/tickets/{}", "/tickets/issued/{}", "/tickets/{}/pdf"])
@pytest.mark.parametrize("unknown", [str(UUID(int=99)), "no-uuid"])
async def test_an_unknown_id_is_not_found(box: Box, path: str, unknown: str) -> None:
    assert problem(await box.http.get(path.format(unknown))) == (404, "not_found")


# Issued tickets


async def test_an_orders_tickets_are_listed_and_shown(issued: Box) -> None:
    listed = await issued.http.get("/tickets/issued", params={"order_id": str(ORDER)})
    assert {one["id"] for one in listed.json()["items"]} == {str(FIRST), str(SECOND)}
    one = (await issued.http.get(f"/tickets/issued/{FIRST}/")).json()
    assert one in listed.json()["items"]
    assert one == {
        "id": str(FIRST),
        "order_id": str(ORDER),
        "reservation_id": str(RESERVATION),
        "event_id": str(CONCERT),
        "user_id": str(BUYER),
        "ticket_id": str(FLOOR),
        "name": "Pista",
        "price": 150.0,
        "number": 1,
        "total": 2,
        "status": "issued",
        "used_at": None,
        "pdf": f"/tickets/{FIRST}/pdf",
    }


async def test_an_order_that_is_not_confirmed_has_no_tickets(box: Box) -> None:
    listed = await box.http.get("/tickets/issued", params={"order_id": str(ORDER)})
    assert (listed.status_code, listed.json()) == (200, {"items": []})
    assert problem(await box.http.get("/tickets/issued")) == (422, "invalid")


async def test_a_pdf_is_served_with_a_name_and_an_etag(issued: Box) -> None:
    served = await issued.http.get(f"/tickets/{FIRST}/pdf")
    assert served.status_code == 200
    assert served.content in issued.stored().values()
    assert served.headers["content-type"] == "application/pdf"
    assert served.headers["content-length"] == str(len(served.content))
    assert served.headers["cache-control"] == "private, no-cache"
    assert served.headers["content-disposition"] == (
        'inline; filename="Ingresso Tributo a Milton 1 de 2.pdf"; '
        "filename*=UTF-8''Ingresso%20Tributo%20a%20Milton%201%20de%202.pdf"
    )


@on_sqlite
@pytest.mark.parametrize(
    ("title", "plain", "whole"),
    [
        ("Canção\u200d: São João/24", "Cancao Sao Joao 24", "Can%C3%A7%C3%A3o%E2%80%8D%20S%C3%A3o%20Jo%C3%A3o%2024"),
        ("音楽", "", "%E9%9F%B3%E6%A5%BD"),
        ('"; filename="evil.exe', "; filename= evil.exe", "%3B%20filename%3D%20evil.exe"),
    ],
)
async def test_any_title_makes_a_file_name(issued: Box, title: str, plain: str, whole: str) -> None:
    await issued.hear(MOVED.model_copy(update={"title": title}))
    served = await issued.http.get(f"/tickets/{FIRST}/pdf")
    spaced = f"{plain} " if plain else ""
    assert served.headers["content-disposition"] == (
        f"inline; filename=\"Ingresso {spaced}1 de 2.pdf\"; filename*=UTF-8''Ingresso%20{whole}%201%20de%202.pdf"
    )


async def test_a_pdf_that_the_client_has_is_not_sent_again_until_it_changes(issued: Box) -> None:
    path = f"/tickets/{FIRST}/pdf"
    etag = (await issued.http.get(path)).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = await issued.http.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    await issued.hear(MOVED)
    answer = await issued.http.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != etag


async def test_the_pdf_of_a_voided_ticket_is_gone(issued: Box) -> None:
    await issued.hear(WITHDRAWN)
    assert problem(await issued.http.get(f"/tickets/{FIRST}/pdf")) == (410, "voided")


async def test_a_pdf_that_the_bucket_lost_is_printed_again(issued: Box) -> None:
    before = await issued.http.get(f"/tickets/{FIRST}/pdf")
    issued.bucket.objects.all().delete()
    again = await issued.http.get(f"/tickets/{FIRST}/pdf")
    assert (again.status_code, again.content) == (200, before.content)


async def test_a_lost_pdf_that_cannot_be_stored_again_is_to_be_asked_for_later(
    issued: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")

    issued.bucket.objects.all().delete()
    monkeypatch.setattr(Archive, "put", refuse)
    answer = await issued.http.get(f"/tickets/{FIRST}/pdf")
    assert problem(answer) == (503, "unavailable")
    assert answer.headers["retry-after"]


# The gate


async def test_a_ticket_opens_the_gate_once(issued: Box) -> None:
    path = f"/tickets/issued/{FIRST}/check-in"
    entered = await issued.http.post(path, headers=OPERATOR)
    assert (entered.status_code, entered.json()["status"], entered.json()["used_at"]) == (
        200,
        "used",
        "2027-03-01T12:00:00Z",
    )
    issued.clock.now += timedelta(minutes=5)
    again = await issued.http.post(path, headers=OPERATOR)
    assert problem(again) == (409, "already_used")
    assert again.json()["used_at"] == "2027-03-01T12:00:00Z"
    assert (await issued.http.get(f"/tickets/issued/{FIRST}")).json()["status"] == "used"


async def test_a_gate_that_missed_the_answer_asks_again_with_its_key(issued: Box) -> None:
    path, headers = f"/tickets/issued/{FIRST}/check-in", OPERATOR | {"Idempotency-Key": "scan-1"}
    first, again = [await issued.http.post(path, headers=headers) for _ in range(2)]
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem(await issued.http.post(path, headers=OPERATOR | {"Idempotency-Key": "scan-2"})) == (
        409,
        "already_used",
    )


async def test_voided_tickets_and_called_off_events_stay_outside(issued: Box) -> None:
    await issued.hear(EventCancelled(**MOVED.model_dump()))
    called_off = await issued.http.post(f"/tickets/issued/{FIRST}/check-in", headers=OPERATOR)
    assert problem(called_off) == (409, "event_cancelled")
    await issued.hear(WITHDRAWN)
    voided = await issued.http.post(f"/tickets/issued/{FIRST}/check-in", headers=OPERATOR)
    assert problem(voided) == (409, "voided")


@on_sqlite
@pytest.mark.parametrize("path", [f"/tickets/issued/{FIRST}/check-in", "/tickets/from-order"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}])
async def test_operators_routes_ask_for_their_secret(issued: Box, path: str, headers: dict[str, str]) -> None:
    answer = await issued.http.post(path, headers=headers, json={"order_id": str(ORDER)})
    assert problem(answer) == (401, "unauthorized")


async def test_the_gate_does_not_know_an_unknown_ticket(box: Box) -> None:
    answer = await box.http.post(f"/tickets/issued/{FIRST}/check-in", headers=OPERATOR)
    assert problem(answer) == (404, "not_found")


@on_sqlite
async def test_the_public_keys_verify_what_is_signed(box: Box) -> None:
    keys = await box.http.get("/tickets/keys")
    assert from_jwks(keys.json()).keys() == {key_id(KEY.public_key())}


async def test_the_database_refuses_a_used_ticket_that_does_not_say_when(issued: Box) -> None:
    with pytest.raises(Exception, match="used_at"):
        async with issued.running.database.writing() as connection:
            await connection.execute(update(tickets).values(status="used"))


@on_sqlite
async def test_its_openapi_document_is_complete(box: Box) -> None:
    paths = (await box.http.get("/openapi.json")).json()["paths"]
    assert paths.keys() == {
        "/tickets/",
        "/tickets/keys",
        "/tickets/issued",
        "/tickets/issued/{id}",
        "/tickets/issued/{id}/check-in",
        "/tickets/from-order",
        "/tickets/{id}",
        "/tickets/{id}/pdf",
    }
    assert "409" in paths["/tickets/issued/{id}/check-in"]["post"]["responses"]
