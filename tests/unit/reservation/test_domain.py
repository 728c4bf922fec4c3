"""Stock, shares, and the one arbiter of paid or expired."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.kernel import Refused
from services.reservation.domain import Attachment, Bond, Reservation, Sale, Share, Status, Stock
from tests.unit.handling import NOW

BUYER, EVENT, TICKET, ORDER = uuid4(), uuid4(), uuid4(), uuid4()


def a_sale(**changes: object) -> Sale:
    return Sale(**{"id": EVENT, "version": 1, "starts_at": NOW + timedelta(days=30)} | changes)  # type: ignore[arg-type]


def some_stock(**changes: object) -> Stock:
    fields = {
        "id": TICKET,
        "version": 1,
        "event_id": EVENT,
        "name": "Pista",
        "price_cents": 150_00,
        "asked": 10,
        "quantity": 10,
        "held": 0,
        "sold": 0,
        "max_per_user": None,
        "sales_start": None,
        "sales_end": None,
    }
    return Stock(**fields | changes)  # type: ignore[arg-type]


def a_reservation(**changes: object) -> Reservation:
    fields = {
        "id": uuid4(),
        "user_id": BUYER,
        "ticket_id": TICKET,
        "event_id": EVENT,
        "ticket_name": "Pista",
        "quantity": 2,
        "unit_cents": 150_00,
        "status": Status.HELD,
        "reason": None,
        "order_id": None,
        "expires_at": NOW + timedelta(minutes=10),
        "created_at": NOW,
    }
    return Reservation(**fields | changes)  # type: ignore[arg-type]


def test_seats_are_refused_when_fewer_are_free() -> None:
    stock = some_stock(held=5, sold=4)
    assert stock.refusal(2, share=0, sale=a_sale(), now=NOW) == Refused("sold_out")
    assert stock.refusal(1, share=0, sale=a_sale(), now=NOW) is None


def test_a_buyer_gets_no_more_than_the_limit_over_all_reservations() -> None:
    stock = some_stock(max_per_user=4)
    assert stock.refusal(2, share=2, sale=a_sale(), now=NOW) is None
    assert stock.refusal(2, share=3, sale=a_sale(), now=NOW) == Refused("limit_exceeded")


@pytest.mark.parametrize(
    ("stock", "sale"),
    [
        (some_stock(sales_start=NOW + timedelta(seconds=1)), a_sale()),
        (some_stock(sales_end=NOW), a_sale()),
        (some_stock(), a_sale(starts_at=NOW)),
        (some_stock(sales_end=NOW + timedelta(days=9)), a_sale(starts_at=NOW - timedelta(hours=1))),
        (some_stock(), a_sale(called_off=True)),
    ],
    ids=["not open yet", "closed", "event begins", "event has begun before sales end", "called off"],
)
def test_seats_sell_only_inside_the_window_of_their_type_and_event(stock: Stock, sale: Sale) -> None:
    assert stock.refusal(1, share=0, sale=sale, now=NOW) == Refused("not_on_sale")


def test_a_smaller_offer_never_falls_below_what_is_held_and_sold() -> None:
    stock = some_stock(held=3, sold=4)
    stock.resize(5)
    assert (stock.quantity, stock.free) == (7, 0)


def test_seats_that_come_free_above_a_smaller_offer_are_not_sold_again() -> None:
    stock = some_stock(held=3, sold=4)
    stock.resize(5)
    stock.take_back(3, sold=False)
    assert (stock.quantity, stock.free) == (5, 1)


def test_a_called_off_event_stays_called_off_whatever_version_comes_later() -> None:
    sale = a_sale()
    sale.call_off(5)
    sale.learn(6, NOW + timedelta(days=60))
    assert sale.called_off


def test_an_older_version_of_an_event_changes_nothing() -> None:
    sale = a_sale(version=3)
    sale.learn(2, NOW)
    assert sale == a_sale(version=3)


@pytest.mark.parametrize(
    ("reservation", "answer"),
    [
        (a_reservation(), None),
        (a_reservation(user_id=uuid4()), "wrong_owner"),
        (a_reservation(event_id=uuid4()), "wrong_event"),
        (a_reservation(expires_at=NOW), "expired"),
        (a_reservation(status=Status.REJECTED, reason="sold_out", event_id=None), "not_held"),
        (a_reservation(status=Status.RELEASED, reason="cancelled"), "not_held"),
        (a_reservation(status=Status.RELEASED, reason="order_cancelled"), "not_held"),
        (a_reservation(status=Status.RELEASED, reason="expired"), "expired"),
        (a_reservation(status=Status.ATTACHED, order_id=uuid4()), "already_attached"),
        (a_reservation(status=Status.CONFIRMED, order_id=uuid4()), "already_attached"),
    ],
)
def test_what_an_order_hears_of_a_reservation(reservation: Reservation, answer: str | None) -> None:
    refusal = reservation.attachable(BUYER, EVENT, NOW)
    assert (refusal.reason if refusal else None) == answer


# Every (state, message) pair of an attachment: what it becomes, None where the message is ignored.
ANSWERS = {
    (Bond.ATTACHED, "confirm"): Bond.CONFIRMED,
    (Bond.ATTACHED, "expire"): Bond.RELEASED,
    (Bond.ATTACHED, "detach"): Bond.DETACHED,
    (Bond.ATTACHED, "release"): Bond.RELEASED,
    (Bond.CONFIRMED, "confirm"): None,
    (Bond.CONFIRMED, "expire"): None,
    (Bond.CONFIRMED, "detach"): None,
    (Bond.CONFIRMED, "release"): Bond.RELEASED,
    (Bond.DETACHED, "confirm"): None,
    (Bond.DETACHED, "expire"): None,
    (Bond.DETACHED, "detach"): None,
    (Bond.DETACHED, "release"): None,
    (Bond.RELEASED, "confirm"): None,
    (Bond.RELEASED, "expire"): None,
    (Bond.RELEASED, "detach"): None,
    (Bond.RELEASED, "release"): None,
}


@pytest.mark.parametrize("status", Bond)
@pytest.mark.parametrize("word", ["confirm", "expire", "detach", "release"])
def test_an_attachment_answers_every_word_in_every_state(status: Bond, word: str) -> None:
    attachment = Attachment(ORDER, EVENT, BUYER, (uuid4(),), status)
    expected = ANSWERS[status, word]
    assert getattr(attachment, word)() is (expected is not None)
    assert attachment.status is (expected or status)


@given(st.lists(st.sampled_from(["hold", "sell", "drop", "return", "resize"]), max_size=60), st.data())
def test_stock_never_sells_a_seat_twice_whatever_happens(steps: list[str], data: st.DataObject) -> None:
    stock = some_stock()
    held: list[Reservation] = []
    sold: list[Reservation] = []
    shares: dict[UUID, Share] = {}
    for step in steps:
        amount = data.draw(st.integers(1, 4))
        if step == "hold" and stock.refusal(amount, share=0, sale=a_sale(), now=NOW) is None:
            stock.hold(amount)
            reservation = a_reservation(quantity=amount)
            shares[reservation.id] = Share(str(reservation.id), amount)
            held.append(reservation)
        elif step == "sell" and held:
            held[-1].confirm(stock)
            sold.append(held.pop())
        elif step == "drop" and held:
            reservation = held.pop()
            reservation.release("expired", stock, shares[reservation.id])
        elif step == "return" and sold:
            reservation = sold.pop()
            reservation.release("order_cancelled", stock, shares[reservation.id])
        elif step == "resize":
            stock.resize(amount)
        assert (stock.held, stock.sold) == (sum(r.quantity for r in held), sum(r.quantity for r in sold))
        assert stock.held + stock.sold <= stock.quantity
    live = sum(reservation.quantity for reservation in held + sold)
    assert sum(share.quantity for share in shares.values()) == live
