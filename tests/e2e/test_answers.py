"""How the API answers: why not, once only, later, and as seldom as a client wants to ask."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.e2e.box_office import BoxOffice, minted

# Why not


async def test_seats_are_refused_with_a_reason(office: BoxOffice) -> None:
    few, limited = await office.put_on_sale(1), await office.put_on_sale(9, max_per_user=2)
    later = await office.put_on_sale(9, sales_start=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    buyer = await office.buyer()
    await office.reserve(buyer, limited, 2)
    for ticket, quantity, reason in ((few, 2, "sold_out"), (limited, 1, "limit_exceeded"), (later, 1, "not_on_sale")):
        decided = await office.ask(buyer, ticket, quantity)
        assert (decided["status"], decided["reason"]) == ("rejected", reason)
    await office.at_rest()


async def test_an_order_is_rejected_with_a_reason_before_money_moves(office: BoxOffice) -> None:
    ticket, few = await office.put_on_sale(20), await office.stock_product(1)
    buyer, other = await office.buyer(), await office.buyer()
    here = office.event
    elsewhere = await office.schedule()
    office.event = here
    elsewheres = await office.stock_product(5, event_id=elsewhere)
    rejected = (await office.ask(buyer, ticket, 21))["id"]
    theirs = await office.reserve(other, ticket)
    a, b, c, d, e, f = [await office.reserve(buyer, ticket) for _ in range(6)]
    expected = {
        await office.order(buyer, [theirs], 100): "wrong_owner",
        await office.order(buyer, [a], 100, event_id=elsewhere): "wrong_event",
        await office.order(buyer, [rejected], 2100): "not_held",
        await office.order(buyer, [], 100, items=[{"reservation_id": b, "quantity": 7}]): "items_mismatch",
        await office.order(buyer, [c], 120, products={str(uuid4()): 1}): "unknown_product",
        await office.order(buyer, [d], 140, products={few: 2}): "products_sold_out",
        await office.order(buyer, [e], 120, products={elsewheres: 1}): "wrong_event",
        await office.order(buyer, [f], 99): "total_mismatch",
    }
    for order, reason in expected.items():
        seen = await office.order_becomes(order, "rejected", reason)
        if reason == "total_mismatch":
            assert (seen["total_price"], seen["expected_total"]) == (99, 100)
    await office.at_rest()
    # A rejected order lets go of what it had: the buyer's next one gets it.
    again = await office.reserve(buyer, ticket)
    await office.order_becomes(await office.order(buyer, [again], 99), "rejected", "total_mismatch")
    await office.order_becomes(await office.order(buyer, [again], 100), "completed")
    await office.at_rest()


# Once only


async def test_a_repeated_post_makes_one_resource(office: BoxOffice) -> None:
    ticket, buyer, key = await office.put_on_sale(5), await office.buyer(), {"Idempotency-Key": str(uuid4())}
    body = {"user_id": buyer, "ticket_id": ticket, "quantity": 2}
    answers = await asyncio.gather(
        *(office.client.post("/reservations/", json=body, headers=key | {"Prefer": "wait=20"}) for _ in range(5))
    )
    (reservation,) = {answer.json()["id"] for answer in answers}
    office.reservations.append(reservation)
    assert await office.seats(ticket) == (3, 2, 0)
    other = await office.client.post("/reservations/", json=body | {"quantity": 1}, headers=key)
    assert (other.status_code, other.json()["slug"]) == (422, "idempotency_key_reused")

    wanted = {"user_id": buyer, "event_id": office.event, "total_price": 200}
    wanted |= {"items": [{"reservation_id": reservation}], "payment": {"token": "approve"}}
    placed = [await office.client.post("/orders/", json=wanted, headers=key) for _ in range(3)]
    (order,) = {answer.json()["id"] for answer in placed}
    office.orders.append(order)
    await office.order_becomes(order, "completed")
    again = await office.client.post("/orders/", json=wanted, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, order)
    await office.at_rest()

    person = {"name": "Rui", "email": f"{uuid4()}@example.com"}
    made = [await office.client.post("/users/", json=person, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()


# Later


async def test_prefer_wait_holds_the_answer_until_there_is_an_outcome(office: BoxOffice) -> None:
    ticket, buyer, wait = await office.put_on_sale(1), await office.buyer(), {"Prefer": "wait=20"}
    body = {"user_id": buyer, "ticket_id": ticket, "quantity": 1}
    held = await office.client.post("/reservations/", json=body, headers=wait)
    assert (held.status_code, held.json()["status"]) == (201, "held")
    assert held.headers["preference-applied"] == "wait=20"
    assert held.headers["location"] == f"/reservations/{held.json()['id']}"
    rejected = await office.client.post("/reservations/", json=body, headers=wait)
    assert (rejected.status_code, rejected.json()["reason"]) == (200, "sold_out")

    wanted = {"user_id": buyer, "event_id": office.event, "total_price": 100, "payment": {"token": "never-answer"}}
    wanted |= {"items": [{"reservation_id": held.json()["id"]}]}
    order = await office.client.post("/orders/", json=wanted, headers=wait)
    assert (order.status_code, order.json()["status"]) == (201, "awaiting_payment")
    charge = await office.client.get(order.json()["payment_url"], headers=wait)
    assert (charge.json()["status"], charge.json()["amount"]) == ("requested", 100)
    assert charge.json()["code"].startswith("000201")
    mismatched = await office.client.post("/orders/", json=wanted | {"items": [{"reservation_id": minted()}]})
    assert (mismatched.status_code, mismatched.json()["status"]) == (202, "pending")
    await office.cancel(order.json()["id"])
    await office.order_becomes(order.json()["id"], "cancelled", "cancelled")


@pytest.mark.parametrize("path", ["/reservations", "/orders", "/payments", "/reservations/availability"])
async def test_an_id_that_may_be_on_its_way_is_pending_any_other_is_not_found(office: BoxOffice, path: str) -> None:
    young = await office.client.get(f"{path}/{minted()}")
    assert (young.status_code, young.json()["status"]) == (200, "pending")
    assert young.headers["retry-after"]
    for strange in (minted(timedelta(hours=2)), minted(-timedelta(minutes=5)), str(uuid4()), "1"):
        assert (await office.client.get(f"{path}/{strange}")).status_code == 404


# What operators may ask


async def test_an_issue_is_taken_up_again_only_where_it_was_confirmed(office: BoxOffice) -> None:
    ticket = await office.put_on_sale(5)
    order = await office.buy(ticket, 2)
    await office.order_becomes(order, "completed")
    payload = await office.get(f"/orders/{order}")
    anyone = await office.client.post("/tickets/from-order", json=payload)
    assert (anyone.status_code, anyone.json()["slug"]) == (401, "unauthorized")
    issued = await office.client.post("/tickets/from-order", json=payload, headers=office.operators)
    assert issued.status_code == 200
    assert len(issued.json()["items"]) == 2
    other = await office.client.post(
        "/tickets/from-order", json=payload | {"user_id": str(uuid4())}, headers=office.operators
    )
    assert (other.status_code, other.json()["slug"]) == (409, "order_mismatch")
    unpaid = await office.buy(ticket, token="never-answer")
    await office.order_becomes(unpaid, "awaiting_payment")
    never = await office.client.post(
        "/tickets/from-order", json=await office.get(f"/orders/{unpaid}"), headers=office.operators
    )
    assert (never.status_code, never.json()["slug"]) == (409, "not_confirmed")
    await office.cancel(unpaid)
    await office.at_rest()


# Paths


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
async def test_both_spellings_of_a_path_are_the_same(office: BoxOffice, slash: str) -> None:
    for path in ("/users", "/events", "/products", "/tickets", "/orders", f"/events/{office.event}"):
        assert (await office.client.get(path + slash)).status_code == 200
    made = await office.client.post(f"/users{slash}", json={"name": "Eva", "email": f"{uuid4()}@example.com"})
    assert made.status_code == 201


async def test_lists_are_read_page_by_page(office: BoxOffice) -> None:
    types = [await office.put_on_sale(1) for _ in range(5)]
    path, seen = f"/tickets/?event_id={office.event}&limit=2", list[str]()
    while path:
        answer = await office.client.get(path)
        seen += [each["id"] for each in answer.json()["items"]]
        path = str(answer.url.join(answer.links["next"]["url"])) if "next" in answer.links else ""
    assert seen == types
