from functools import partial
from uuid import UUID

import pytest

from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderCancelled, OrderItem, OrderPlaced, OrderProduct, OrderRejected
from contracts.product import ProductLine, ProductsAllocated, ProductsRefused
from services.chassis.handling import Ports
from services.chassis.kernel import Impossible
from services.product.domain import Allocation, Line, Product, Status
from services.product.handlers import on
from tests.unit import handling

CONCERT, PARKING, SHIRT, ORDER = UUID(int=1), UUID(int=11), UUID(int=12), UUID(int=21)
LINE = Line(SHIRT, "Camiseta", 2, 8990)

handle = partial(handling.handle, on, ports=Ports)


def parking(allocated: int = 0) -> Product:
    return Product(PARKING, None, "Estacionamento", 3000, 10, allocated, withdrawn=False)


def shirt(allocated: int = 0) -> Product:
    return Product(SHIRT, CONCERT, "Camiseta", 8990, 10, allocated, withdrawn=False)


def allocation(status: Status) -> Allocation:
    refused = status is Status.REFUSED
    return Allocation(ORDER, status, () if refused else (LINE,), "wrong_event" if refused else None)


def placed(*products: tuple[UUID, int]) -> OrderPlaced:
    return OrderPlaced(
        order_id=ORDER,
        user_id=UUID(int=31),
        event_id=CONCERT,
        items=(OrderItem(reservation_id=UUID(int=41)),),
        products=tuple(OrderProduct(product_id=product_id, quantity=quantity) for product_id, quantity in products),
    )


REJECTED = OrderRejected(order_id=ORDER, event_id=CONCERT, reason="expired")
CANCELLED = OrderCancelled(order_id=ORDER, event_id=CONCERT, reason="payment_declined")


def test_an_order_gets_its_products_and_their_prices() -> None:
    outcome = handle(placed((PARKING, 1), (SHIRT, 2)), rows=[parking(), shirt(allocated=5)])
    assert outcome.message == ProductsAllocated(
        order_id=ORDER,
        event_id=CONCERT,
        lines=(
            ProductLine(product_id=PARKING, name="Estacionamento", quantity=1, unit_price=Money(3000)),
            ProductLine(product_id=SHIRT, name="Camiseta", quantity=2, unit_price=Money(8990)),
        ),
    )
    assert outcome.row(Product, SHIRT) == shirt(allocated=7)
    assert outcome.row(Allocation, ORDER).status is Status.ALLOCATED


def test_a_product_named_twice_is_wanted_twice() -> None:
    outcome = handle(placed((SHIRT, 2), (SHIRT, 3)), rows=[shirt()])
    line = ProductLine(product_id=SHIRT, name="Camiseta", quantity=5, unit_price=Money(8990))
    assert outcome.message == ProductsAllocated(order_id=ORDER, event_id=CONCERT, lines=(line,))
    assert outcome.row(Product, SHIRT) == shirt(allocated=5)


def test_six_and_five_of_ten_are_too_many_even_if_named_apart() -> None:
    outcome = handle(placed((SHIRT, 6), (SHIRT, 5)), rows=[shirt()])
    assert outcome.message == ProductsRefused(order_id=ORDER, event_id=CONCERT, reason="products_sold_out")
    assert outcome.row(Product, SHIRT) == shirt()


def test_an_unknown_product_refuses_the_order_at_once() -> None:
    outcome = handle(placed((SHIRT, 1), (PARKING, 1)), rows=[shirt()])
    assert outcome.message == ProductsRefused(order_id=ORDER, event_id=CONCERT, reason="unknown_product")
    assert outcome.row(Allocation, ORDER) == Allocation(ORDER, Status.REFUSED, (), "unknown_product")
    assert outcome.row(Product, SHIRT) == shirt()


def test_an_order_without_products_is_not_answered() -> None:
    outcome = handle(placed(), rows=[])
    assert (outcome.messages, outcome.rows) == ([], {})


@pytest.mark.parametrize("status", Status)
def test_an_order_is_placed_only_once(status: Status) -> None:
    with pytest.raises(Impossible):
        handle(placed((SHIRT, 2)), rows=[allocation(status), shirt(allocated=2)])


@pytest.mark.parametrize("off", [REJECTED, CANCELLED])
@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (Status.ALLOCATED, Status.RETURNED, 3),
        (Status.RETURNED, Status.RETURNED, 5),
        (Status.REFUSED, Status.REFUSED, 5),
    ],
)
def test_stock_comes_back_once_when_an_order_is_off(off: Message, before: Status, after: Status, left: int) -> None:
    outcome = handle(off, rows=[allocation(before), shirt(allocated=5)])
    assert outcome.messages == []
    assert outcome.row(Allocation, ORDER).status is after
    assert outcome.row(Product, SHIRT) == shirt(allocated=left)


@pytest.mark.parametrize("off", [REJECTED, CANCELLED])
def test_an_order_never_heard_of_has_nothing_to_give_back(off: Message) -> None:
    outcome = handle(off, rows=[shirt(allocated=5)])
    assert (outcome.messages, outcome.row(Product, SHIRT)) == ([], shirt(allocated=5))


def test_stock_returns_to_a_product_that_is_sold_no_more() -> None:
    product = shirt(allocated=5)
    product.withdraw()
    outcome = handle(CANCELLED, rows=[allocation(Status.ALLOCATED), product])
    assert outcome.row(Product, SHIRT).allocated == 3
