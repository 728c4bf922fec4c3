"""Paths on which a purchase is undone: cancelled by its buyer, or called off with its event."""

from datetime import timedelta

import pytest

from tests.saga.box_office import BoxOffice
from tests.saga.paths import Path, among, under_many_schedules

PATHS: list[Path] = []
path = among(PATHS)


@pytest.mark.parametrize("story", PATHS, ids=lambda story: story.__name__)
async def test_path(story: Path) -> None:
    await under_many_schedules(story)


# Cancelled


@path
async def a_cancellation_before_payment_voids_the_charge(office: BoxOffice) -> None:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    order = office.order(buyer, [office.reserve(buyer, ticket)], 120, products=[(shirt, 1)], token="never-answer")
    office.later(timedelta(seconds=office.world.chance.randint(0, 60)), lambda: office.cancel(order))
    await office.world.come_to_rest()
    assert office.status(order) in [("cancelled", "cancelled"), ("rejected", "cancelled")]


@path
async def a_cancellation_that_overtakes_its_order_is_waited_for(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100)
    office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order)[0] in {"cancelled", "rejected", "refunded"}


@path
async def a_cancellation_races_the_payment_and_the_payments_row_decides(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket, 2)], 200)
    office.later(timedelta(milliseconds=office.world.chance.randint(0, 8000)), lambda: office.cancel(order))
    await office.world.come_to_rest()
    assert office.status(order) in [
        ("rejected", "cancelled"),
        ("cancelled", "cancelled"),
        ("refunded", "cancelled"),
    ]
    assert "issued" not in office.tickets(order)


@path
async def a_completed_order_is_cancelled_with_tickets_seats_products_and_money(office: BoxOffice) -> None:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    order = office.order(buyer, [office.reserve(buyer, ticket, 2)], 220, products=[(shirt, 1)])
    await office.world.come_to_rest()
    for _ in range(3):
        office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order) == ("refunded", "cancelled")
    assert office.tickets(order) == ["voided", "voided"]
    assert office.seats(ticket) == (0, 0)
    assert office.money(order) == (220, 220)


@path
async def a_refund_that_fails_three_times_is_asked_for_again(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="refund-fails-three-times")
    await office.world.come_to_rest()
    office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order) == ("refunded", "cancelled")
    assert office.money(order) == (100, 100)


@path
async def a_used_ticket_cannot_be_given_back(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket, 2)], 200)
    await office.world.come_to_rest()
    office.check_in(order)
    office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)
    assert office.tickets(order) == ["issued", "used"]
    assert office.money(order) == (200, 0)


@path
async def a_buyer_cannot_withdraw_once_gates_are_open(office: BoxOffice) -> None:
    office.event = office.schedule(in_=timedelta(hours=3))
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100)
    await office.world.come_to_rest()
    office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)


# Called off


@path
async def a_called_off_event_gives_all_money_back_but_for_tickets_that_were_used(office: BoxOffice) -> None:
    ticket, other = office.put_on_sale(200), office.buyer()
    buyers = [office.buyer() for _ in range(8)]
    orders = [office.order(buyer, [office.reserve(buyer, ticket)], 100) for buyer in buyers[:4]]
    await office.world.come_to_rest()
    office.check_in(orders[0])
    office.cancel(orders[1])
    orders += [office.order(buyer, [office.reserve(buyer, ticket)], 100) for buyer in buyers[4:]]
    hold = office.reserve(other, ticket)
    office.later(timedelta(milliseconds=office.world.chance.randint(0, 3000)), office.call_off)
    await office.world.come_to_rest()
    late = office.reserve(other, ticket)
    too_late = office.order(other, [hold], 100)
    await office.world.come_to_rest()
    assert office.status(orders[0]) == ("completed", None)
    assert {office.status(order)[0] for order in orders[1:]} <= {"refunded", "cancelled", "rejected"}
    assert office.reservation(late) == ("rejected", "not_on_sale")
    assert office.status(too_late) == ("rejected", "event_cancelled")
    assert office.seats(ticket) == (0, 1)


@path
async def a_called_off_event_overrides_open_gates(office: BoxOffice) -> None:
    office.event = office.schedule(in_=timedelta(hours=3))
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100)
    await office.world.come_to_rest()
    office.cancel(order)
    office.call_off()
    await office.world.come_to_rest()
    # Whoever is heard first gives the reason; that the gates are open is no reason to keep the money.
    assert office.status(order) in [("refunded", "event_cancelled"), ("refunded", "cancelled")]


@path
async def more_orders_than_fit_on_a_page_are_called_off(office: BoxOffice) -> None:
    if office.world.chance.random() > 0.2:
        return  # heavy: ten of the fifty schedules are enough
    ticket = office.put_on_sale(200)
    orders = []
    for _ in range(120):
        buyer = office.buyer()
        orders.append(office.order(buyer, [office.reserve(buyer, ticket)], 100))
    office.later(timedelta(milliseconds=office.world.chance.randint(0, 20_000)), office.call_off)
    await office.world.come_to_rest()
    assert {office.status(order)[0] for order in orders} <= {"refunded", "cancelled", "rejected"}
    assert office.seats(ticket) == (0, 0)
