"""Orders and holds that are undone: by their buyers, and because their event is called off."""

import asyncio

from tests.e2e.box_office import ENDED, BoxOffice
from tests.eventually import eventually


async def test_a_hold_is_given_back(office: BoxOffice) -> None:
    ticket, buyer = await office.put_on_sale(3), await office.buyer()
    hold = await office.reserve(buyer, ticket, 2)
    assert (await office.client.delete(f"/reservations/{hold}")).status_code == 202
    await office.becomes(f"/reservations/{hold}", status="released", reason="cancelled")
    assert await office.seats(ticket) == (3, 0, 0)
    rejected = await office.order(buyer, [hold], 200)
    await office.order_becomes(rejected, "rejected", "not_held")
    await office.at_rest()


async def test_a_reservation_of_an_order_is_given_back_by_cancelling_the_order(office: BoxOffice) -> None:
    ticket, buyer = await office.put_on_sale(3), await office.buyer()
    hold = await office.reserve(buyer, ticket)
    order = await office.order(buyer, [hold], 100, token="never-answer")
    await office.order_becomes(order, "awaiting_payment")
    refused = await office.client.delete(f"/reservations/{hold}")
    assert (refused.status_code, refused.json()["slug"]) == (409, "cancel_the_order")
    await office.cancel(order)
    await office.order_becomes(order, "cancelled", "cancelled")
    await office.at_rest()
    assert await office.seats(ticket) == (3, 0, 0)


async def test_an_order_is_cancelled_before_it_is_paid(office: BoxOffice) -> None:
    ticket, shirt, buyer = await office.put_on_sale(3), await office.stock_product(2), await office.buyer()
    hold = await office.reserve(buyer, ticket)
    order = await office.order(buyer, [hold], 120, products={shirt: 1}, token="never-answer")
    await office.order_becomes(order, "awaiting_payment")
    await office.cancel(order)
    cancelled = await office.order_becomes(order, "cancelled", "cancelled")
    assert cancelled["cancellation"] == "cancelled"
    await office.at_rest()
    assert await office.seats(ticket) == (3, 0, 0)
    assert (await office.get(f"/payments/{order}"))["status"] == "voided"


async def test_a_cancellation_right_behind_its_order_is_not_lost(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3))
    await office.cancel(order)
    ended = await eventually(
        lambda: office.get(f"/orders/{order}"), until=lambda seen: seen["status"] in ENDED - {"completed"}
    )
    assert ended["reason"] == "cancelled"
    await office.at_rest()


async def test_a_completed_order_is_cancelled_with_tickets_seats_products_and_money(office: BoxOffice) -> None:
    ticket, shirt, buyer = await office.put_on_sale(3), await office.stock_product(2), await office.buyer()
    order = await office.order(buyer, [await office.reserve(buyer, ticket, 2)], 220, products={shirt: 1})
    await office.order_becomes(order, "completed")
    for _ in range(3):
        await office.cancel(order)
    await office.order_becomes(order, "refunded", "cancelled")
    await office.at_rest()
    assert await office.seats(ticket) == (3, 0, 0)
    assert (await office.get(f"/products/{shirt}"))["available"] == 2
    for issued in await office.issued(order):
        assert issued["status"] == "voided"
        gone = await office.client.get(issued["pdf"])
        assert (gone.status_code, gone.json()["slug"]) == (410, "voided")
        refused = await office.check_in(issued["id"])
        assert (refused.status_code, refused.json()["slug"]) == (409, "voided")


async def test_what_cost_nothing_is_cancelled_without_a_refund(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3, 0), reais=0)
    await office.order_becomes(order, "completed")
    await office.cancel(order)
    await office.order_becomes(order, "cancelled", "cancelled")
    await office.at_rest()


async def test_an_order_with_a_used_ticket_stays(office: BoxOffice) -> None:
    order = await office.buy(await office.put_on_sale(3), 2)
    await office.order_becomes(order, "completed")
    first = (await office.issued(order))[0]["id"]
    assert (await office.client.post(f"/tickets/issued/{first}/check-in")).status_code == 401
    used = await office.check_in(first)
    assert (used.status_code, used.json()["status"]) == (200, "used")
    again = await office.check_in(first)
    assert (again.status_code, again.json()["slug"]) == (409, "already_used")
    assert again.json()["used_at"] == used.json()["used_at"]
    await office.cancel(order)
    await office.becomes(f"/orders/{order}", status="completed", cancellation_refused="used")
    await office.at_rest()


async def test_an_order_stays_when_the_gates_are_open(office: BoxOffice) -> None:
    await office.schedule(days=3 / 24)
    order = await office.buy(await office.put_on_sale(3))
    await office.order_becomes(order, "completed")
    await office.cancel(order)
    await office.becomes(f"/orders/{order}", status="completed", cancellation_refused="gates_open")
    # Called off it is another matter: a gate lets nobody in.
    await office.call_off()
    await office.order_becomes(order, "refunded", "event_cancelled")
    await office.at_rest()


async def test_a_called_off_event_gives_all_money_back_but_for_a_used_ticket(office: BoxOffice) -> None:
    ticket, latecomer = await office.put_on_sale(40), await office.buyer()
    early = await asyncio.gather(*(office.buy(ticket) for _ in range(6)))
    for order in early:
        await office.order_becomes(order, "completed")
    used = (await office.issued(early[0]))[0]["id"]
    assert (await office.check_in(used)).status_code == 200
    await office.cancel(early[1])
    hold = await office.reserve(latecomer, ticket)
    # Called off in the middle of these: some are orders already, some still in a queue, some not even reserved.
    rest = asyncio.gather(*(_order_for(office, buyer, ticket) for buyer in [await office.buyer() for _ in range(12)]))
    await asyncio.gather(office.call_off(), rest)
    after = await office.ask(latecomer, ticket)
    assert (after["status"], after["reason"]) == ("rejected", "not_on_sale")
    too_late = await office.order(latecomer, [hold], 100)
    await office.order_becomes(too_late, "rejected", "event_cancelled")
    for order in [*early[1:], *filter(None, rest.result())]:
        ended = await eventually(
            lambda order=order: office.get(f"/orders/{order}"),  # type: ignore[misc]
            until=lambda seen: seen["status"] in ENDED - {"completed"},
            seconds=120,
        )
        assert ended["reason"] in {"event_cancelled", "cancelled"}
    await office.at_rest()
    assert (await office.get(f"/orders/{early[0]}"))["status"] == "completed"
    assert await office.seats(ticket) == (39, 0, 1)


async def _order_for(office: BoxOffice, buyer: str, ticket: str) -> str | None:
    held = await office.ask(buyer, ticket)
    return await office.order(buyer, [held["id"]], 100) if held["status"] == "held" else None
