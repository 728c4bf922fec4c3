"""Orders as tests need them: two seats at 150.00 and two shirts at 89.90."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from contracts.money import Money
from contracts.product import ProductLine
from contracts.reservation import SeatLine
from services.chassis.ids import uuid7
from services.order.domain import Extra, Item, Order, Seats, Status, Wish
from tests.unit.handling import NOW

BUYER, EVENT, RESERVATION, TICKET, SHIRT = uuid4(), uuid4(), uuid4(), uuid4(), uuid4()
ORDER = uuid7(NOW - timedelta(seconds=2), 7)
MARGIN = timedelta(seconds=10)
ENDS = NOW + timedelta(minutes=10)

SEATS = Seats(RESERVATION, TICKET, "Pista", 2, 150_00)
SHIRTS = Extra(SHIRT, "Camiseta", 2, 89_90)
TOTAL = 479_80

SEAT_LINE = SeatLine(
    reservation_id=RESERVATION, ticket_id=TICKET, ticket_name="Pista", quantity=2, unit_price=Money(150_00)
)
SHIRT_LINE = ProductLine(product_id=SHIRT, name="Camiseta", quantity=2, unit_price=Money(89_90))


def an_order(**changes: Any) -> Order:
    """An order of which nothing is answered yet."""
    fields: dict[str, Any] = {
        "id": ORDER,
        "user_id": BUYER,
        "event_id": EVENT,
        "items": (Item(RESERVATION, None, None),),
        "wishes": (Wish(SHIRT, 2),),
        "total_cents": TOTAL,
        "payment_method": "pix",
        "payment_token": None,
        "created_at": NOW,
    }
    return Order(**fields | changes)


def an_answered_order(status: Status, **changes: Any) -> Order:
    """An order that has its seats and products."""
    answers = {"status": status, "seats": (SEATS,), "extras": (SHIRTS,), "pay_before": ENDS - MARGIN}
    return an_order(**answers | changes)
