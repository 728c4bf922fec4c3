from dataclasses import replace
from uuid import UUID

import pytest

from services.chassis.kernel import Refused
from services.product.domain import Allocation, Line, Offer, Product, RefusalReason, Status, allocate

CONCERT, MATCH = UUID(int=1), UUID(int=2)
PARKING, SHIRT = UUID(int=11), UUID(int=12)
ORDER = UUID(int=21)


def parking(*, stock: int = 10, allocated: int = 0, withdrawn: bool = False) -> Product:
    return Product(PARKING, None, "Estacionamento", 3000, stock, allocated, withdrawn)


def shirt(*, stock: int = 10, allocated: int = 0, withdrawn: bool = False) -> Product:
    return Product(SHIRT, CONCERT, "Camiseta", 8990, stock, allocated, withdrawn)


def test_an_order_gets_all_it_wants_at_the_price_of_the_moment() -> None:
    products = {PARKING: parking(), SHIRT: shirt(allocated=7)}
    allocation = allocate(ORDER, CONCERT, {PARKING: 1, SHIRT: 3}, products)
    lines = (Line(PARKING, "Estacionamento", 1, 3000), Line(SHIRT, "Camiseta", 3, 8990))
    assert allocation == Allocation(ORDER, Status.ALLOCATED, lines, None)
    assert products == {PARKING: parking(allocated=1), SHIRT: shirt(allocated=10)}


@pytest.mark.parametrize(
    ("product", "event_id", "quantity", "reason"),
    [
        (None, CONCERT, 1, "unknown_product"),
        (shirt(withdrawn=True), CONCERT, 1, "unknown_product"),
        (shirt(), MATCH, 1, "wrong_event"),
        (shirt(allocated=8), CONCERT, 3, "products_sold_out"),
        (shirt(stock=0), CONCERT, 1, "products_sold_out"),
        (shirt(withdrawn=True, stock=0), MATCH, 1, "unknown_product"),
        (shirt(stock=0), MATCH, 1, "wrong_event"),
    ],
)
def test_one_product_that_refuses_leaves_all_the_others(
    product: Product | None, event_id: UUID, quantity: int, reason: RefusalReason
) -> None:
    before = product and replace(product)
    products = {PARKING: parking(), SHIRT: product}
    allocation = allocate(ORDER, event_id, {PARKING: 1, SHIRT: quantity}, products)
    assert allocation == Allocation(ORDER, Status.REFUSED, (), reason)
    assert products == {PARKING: parking(), SHIRT: before}


def test_the_first_product_that_refuses_says_why() -> None:
    wanted = {PARKING: 11, SHIRT: 1}
    assert allocate(ORDER, CONCERT, wanted, {PARKING: parking(), SHIRT: None}).reason == "products_sold_out"


def test_a_product_without_an_event_goes_with_every_event() -> None:
    assert parking().refusal(1, CONCERT) is None
    assert parking().refusal(1, MATCH) is None


def test_an_allocation_is_released_once() -> None:
    line = Line(SHIRT, "Camiseta", 3, 8990)
    allocation = Allocation(ORDER, Status.ALLOCATED, (line,), None)
    assert allocation.release() == (line,)
    assert allocation.status is Status.RETURNED
    assert allocation.release() == ()
    assert allocation.status is Status.RETURNED


def test_a_refused_allocation_has_nothing_to_release() -> None:
    allocation = Allocation(ORDER, Status.REFUSED, (), "wrong_event")
    assert allocation.release() == ()
    assert allocation.status is Status.REFUSED


def test_a_new_offer_replaces_the_old_one_and_keeps_what_is_allocated() -> None:
    product = shirt(allocated=4)
    assert product.change(Offer(None, "Camiseta preta", 9990, 4)) is None
    assert product == Product(SHIRT, None, "Camiseta preta", 9990, 4, 4, withdrawn=False)
    assert product.available == 0


def test_stock_does_not_fall_below_what_orders_have() -> None:
    product = shirt(allocated=4)
    assert product.change(Offer(CONCERT, "Camiseta", 8990, 3)) == Refused("below_allocated")
    assert product == shirt(allocated=4)


def test_a_withdrawn_product_is_sold_no_more() -> None:
    product = shirt(allocated=4)
    product.withdraw()
    assert product == shirt(allocated=4, withdrawn=True)
    assert product.available == 0
    assert product.change(Offer(CONCERT, "Camiseta", 8990, 20)) == Refused("withdrawn")


def test_what_comes_back_can_be_sold_again() -> None:
    product = shirt(allocated=4)
    product.take_back(3)
    assert (product.allocated, product.available) == (1, 9)
