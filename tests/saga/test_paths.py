"""Paths from a reservation to tickets, or to why there are none: each story under many schedules."""

from datetime import timedelta
from uuid import UUID

import pytest

from contracts.order import OrderItem
from tests.saga.box_office import HOLD, BoxOffice
from tests.saga.paths import Path, among, under_many_schedules

PATHS: list[Path] = []
path = among(PATHS)


@pytest.mark.parametrize("story", PATHS, ids=lambda story: story.__name__)
async def test_path(story: Path) -> None:
    await under_many_schedules(story)


# Purchases


@path
async def a_purchase_ends_with_tickets(office: BoxOffice) -> None:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    first, second = office.reserve(buyer, ticket, 2), office.reserve(buyer, ticket, 1)
    order = office.order(buyer, [first, second], 340, products=[(shirt, 2)])
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)
    assert office.tickets(order) == ["issued"] * 3
    assert office.seats(ticket) == (0, 3)
    assert office.money(order) == (340, 0)


@path
async def a_purchase_for_nothing_needs_no_charge(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10, reais=0), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 0)
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)
    assert order not in office.bank.accounts


@path
async def a_purchase_for_nothing_is_cancelled_without_a_refund(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10, reais=0), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 0)
    await office.world.come_to_rest()
    office.cancel(order)
    await office.world.come_to_rest()
    assert office.status(order) == ("cancelled", "cancelled")
    assert office.tickets(order) == ["voided"]


@path
async def a_gateway_that_fails_twice_is_asked_again(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="fail-twice-then-approve")
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)
    assert office.money(order) == (100, 0)


@path
async def a_webhook_may_come_before_its_charge_is_stored(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="webhook-before-answer")
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)


@path
async def a_webhook_may_come_twice(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="duplicate-webhook")
    await office.world.come_to_rest()
    assert office.status(order) == ("completed", None)
    assert office.money(order) == (100, 0)


@path
async def approved_then_declined_stays_approved_unless_the_words_overtake_each_other(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="approve-then-decline")
    await office.world.come_to_rest()
    assert office.status(order)[0] in {"completed", "refunded"}


# Declined, expired, late


@path
async def a_declined_order_gives_everything_back(office: BoxOffice) -> None:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    order = office.order(buyer, [office.reserve(buyer, ticket)], 120, products=[(shirt, 1)], token="decline")
    await office.world.come_to_rest()
    assert office.status(order) == ("cancelled", "payment_declined")
    assert office.seats(ticket) == (0, 0)


@path
async def a_charge_that_the_gateway_refuses_cancels_the_order(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="refuse")
    await office.world.come_to_rest()
    assert office.status(order) == ("cancelled", "payment_declined")


@path
async def declined_then_approved_is_money_after_a_decision_and_goes_back(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="decline-then-approve")
    await office.world.come_to_rest()
    # Webhooks overtake each other too: an approval that is handled first stands.
    assert office.status(order) in [("refunded", "payment_declined"), ("completed", None)]


@path
async def a_hold_that_nobody_orders_expires(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket, 4)
    await office.world.come_to_rest()
    assert office.reservation(reservation) == ("released", "expired")
    assert office.seats(ticket) == (0, 0)


@path
async def a_hold_is_given_back_and_its_timer_finds_nothing(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket, 4)
    office.give_back(reservation)
    await office.world.come_to_rest()
    assert office.reservation(reservation) in [("released", "cancelled"), ("released", "expired")]


@path
async def an_order_that_is_never_paid_expires(office: BoxOffice) -> None:
    ticket, buyer, shirt = office.put_on_sale(10), office.buyer(), office.stock_product(5)
    order = office.order(buyer, [office.reserve(buyer, ticket)], 120, products=[(shirt, 1)], token="never-answer")
    await office.world.come_to_rest()
    assert office.status(order) == ("cancelled", "expired")
    assert office.seats(ticket) == (0, 0)


@path
async def a_payment_after_expiry_is_refunded(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket)], 100, token="approve-late")
    await office.world.come_to_rest()
    assert office.status(order) == ("refunded", "expired")
    assert office.money(order) == (100, 100)


@path
async def a_payment_at_the_moment_of_expiry_ends_in_tickets_or_in_money_back(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket)
    order: list[UUID] = []
    wait = HOLD - timedelta(seconds=office.world.chance.randint(5, 20))
    office.later(wait, lambda: order.append(office.order(buyer, [reservation], 100)))
    await office.world.come_to_rest()
    assert office.status(order[0]) in [
        ("completed", None),
        ("rejected", "expired"),
        ("cancelled", "expired"),
        ("refunded", "expired"),
    ]


@path
async def one_expired_reservation_of_several_takes_the_others_with_it(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    early, late = office.reserve(buyer, ticket, 1), list[UUID]()
    office.later(HOLD / 2, lambda: late.append(office.reserve(buyer, ticket, 2)))
    orders: list[UUID] = []
    office.later(
        HOLD / 2 + timedelta(seconds=30),
        lambda: orders.append(office.order(buyer, [early, late[0]], 300, token="never-answer")),
    )
    await office.world.come_to_rest()
    assert office.status(orders[0]) == ("cancelled", "expired")
    assert office.reservation(late[0]) == ("released", "expired")
    assert office.seats(ticket) == (0, 0)


# Rejected


@path
async def every_reason_to_reject_an_order_is_told_before_money_moves(office: BoxOffice) -> None:
    ticket, sold_out = office.put_on_sale(10), office.put_on_sale(0)
    buyer, other = office.buyer(), office.buyer()
    stranger, elsewhere = office.world.mint(), office.schedule()
    few, none = office.stock_product(1), office.world.mint()
    elsewheres = office.stock_product(5, event_id=elsewhere)
    given_back, refused = office.reserve(buyer, ticket), office.reserve(buyer, sold_out)
    office.world.now += timedelta(seconds=1)
    await office.world.come_to_rest()  # the holds above have expired
    a, b, c, d, e, f, g, h = (office.reserve(buyer, ticket) for _ in range(8))
    theirs = office.reserve(other, ticket)
    mismatched = OrderItem(reservation_id=h, quantity=7)
    expected = {
        office.order(stranger, [a], 100): "unknown_user",
        office.order(buyer, [theirs], 100): "wrong_owner",
        office.order(buyer, [b], 100, event_id=elsewhere): "wrong_event",
        office.order(buyer, [office.world.mint()], 100): "unknown_reservation",
        office.order(buyer, [refused], 100): "not_held",
        office.order(buyer, [given_back], 100): "expired",
        office.order(buyer, [], 100, items=[mismatched]): "items_mismatch",
        office.order(buyer, [c], 120, products=[(none, 1)]): "unknown_product",
        office.order(buyer, [d], 140, products=[(few, 2)]): "products_sold_out",
        office.order(buyer, [e], 120, products=[(elsewheres, 1)]): "wrong_event",
        office.order(buyer, [f], 99): "total_mismatch",
    }
    await office.world.come_to_rest()
    assert {order: office.status(order) for order in expected} == {
        order: ("rejected", reason) for order, reason in expected.items()
    }
    assert office.bank.accounts == {}
    assert office.reservation(g) == ("released", "expired")


@path
async def a_reservation_can_be_ordered_once_only(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket)
    orders = [office.order(buyer, [reservation], 100) for _ in range(3)]
    await office.world.come_to_rest()
    outcomes = sorted(office.status(order)[0] for order in orders)
    assert outcomes == ["completed", "rejected", "rejected"]


@path
async def the_next_order_gets_the_seats_of_a_rejected_one(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    reservation = office.reserve(buyer, ticket)
    wrong = office.order(buyer, [reservation], 99)
    right = office.order(buyer, [reservation], 100)
    await office.world.come_to_rest()
    assert office.status(wrong)[0] == "rejected"
    # The two orders may change places, and the right one then has what the wrong one asks for.
    assert office.status(right) == ("completed", None)


# The catalogue, meanwhile


@path
async def a_rush_for_the_last_seats_sells_each_of_them_once(office: BoxOffice) -> None:
    ticket = office.put_on_sale(5)
    orders = []
    for _ in range(15):
        buyer = office.buyer()
        orders.append(office.order(buyer, [office.reserve(buyer, ticket)], 100))
    await office.world.come_to_rest()
    assert sorted(office.status(order)[0] for order in orders) == ["completed"] * 5 + ["rejected"] * 10
    assert office.seats(ticket) == (0, 5)


@path
async def an_event_that_moves_and_a_buyer_who_is_forgotten_are_printed_again(office: BoxOffice) -> None:
    ticket, buyer = office.put_on_sale(10), office.buyer()
    order = office.order(buyer, [office.reserve(buyer, ticket, 2)], 200)
    office.later(timedelta(milliseconds=office.world.chance.randint(0, 9000)), lambda: office.move(timedelta(days=40)))
    office.later(timedelta(milliseconds=office.world.chance.randint(0, 9000)), lambda: office.erase(buyer))
    await office.world.come_to_rest()
    if office.status(order) == ("completed", None):
        sheets = office.sheets(order)
        assert [(sheet.event.version, sheet.holder.name) for sheet in sheets] == [(2, None)] * 2
    else:
        assert office.status(order) == ("rejected", "unknown_user")
