"""A purchase's diagram: a lane for each service, a row for each message, and what led to what."""

from itertools import pairwise

import pytest

from services.operations.console.swimlanes import OUTSIDE, Diagram, Row, Tone, diagram
from services.operations.purchases import Purchase
from tests.saga.test_waits import a_purchase, without


def row(of: Diagram, name: str) -> Row:
    return next(row for row in of.rows if row.message.name == name)


def lane(of: Diagram, name: str) -> float:
    return next(lane.at for lane in of.lanes if lane.name == name)


@pytest.fixture
async def purchase() -> Purchase:
    return await a_purchase()


async def test_lanes_are_those_of_who_took_part(purchase: Purchase) -> None:
    names = [lane.name for lane in diagram(purchase.timeline).lanes]

    assert names == [OUTSIDE, "reservation", "order", "product", "payment", "ticket"]


async def test_every_message_has_one_row_and_none_comes_before_its_cause(purchase: Purchase) -> None:
    rows = diagram(purchase.timeline).rows
    at = {row.message.id: number for number, row in enumerate(rows)}

    assert len(at) == len(rows) == len({message.id for message in purchase.timeline.told})
    assert all(one.message.time <= other.message.time for one, other in pairwise(rows))  # type: ignore[operator]
    for number, each in enumerate(rows):
        cause = each.message.envelope.get("causationid")
        assert cause is None or at[next(m.message.id for m in rows if str(m.message.id) == cause)] < number


async def test_an_arrow_goes_from_the_sender_to_each_listener(purchase: Purchase) -> None:
    drawn = diagram(purchase.timeline)
    placed = row(drawn, "OrderPlaced")

    assert placed.start == lane(drawn, "order")
    assert {arrow.to for arrow in placed.arrows} == {lane(drawn, "reservation"), lane(drawn, "product")}
    assert {arrow.to: arrow.leftwards for arrow in placed.arrows}[lane(drawn, "reservation")]
    assert row(drawn, "PlaceOrder").start == lane(drawn, OUTSIDE)
    assert all(arrow.turns for arrow in row(drawn, "ExpireReservation").arrows)
    assert row(drawn, "OrderCompleted").arrows == []


async def test_what_led_to_the_chosen_message_and_what_followed_stands_out(purchase: Purchase) -> None:
    chosen = row(diagram(purchase.timeline), "PaymentApproved").message.id
    related = {row.message.name for row in diagram(purchase.timeline, chosen).rows if row.related}

    assert {"SettlePayment", "PaymentApproved", "ReservationsConfirmed", "TicketsIssued"} <= related
    assert not {"ReserveTickets", "OrderPlaced", "ProductsAllocated"} & related


async def test_the_stretches_of_a_lane_join_a_cause_with_its_effect(purchase: Purchase) -> None:
    drawn = diagram(purchase.timeline)
    at = lane(drawn, "payment")
    numbers = {row.message.name: number for number, row in enumerate(drawn.rows)}
    begins, ends = numbers["SettlePayment"], numbers["PaymentApproved"]

    joined = [next(s for s in drawn.rows[n].stretches if s.at == at) for n in range(begins, ends + 1)]

    assert joined[0].lower
    assert joined[-1].upper
    assert all(stretch.upper and stretch.lower for stretch in joined[1:-1])


async def test_what_is_not_handled_is_told_in_words_and_drawn_as_waiting(purchase: Purchase) -> None:
    left = await without(purchase, "PaymentApproved", "reservation")
    approved = row(diagram(left.timeline), "PaymentApproved")

    assert [arrow.tone for arrow in approved.arrows] == [Tone.WAITS]
    assert [hearing.service for hearing in approved.open] == ["reservation"]
    assert row(diagram(left.timeline), "PlaceOrder").open == []
