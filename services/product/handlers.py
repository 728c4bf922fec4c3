"""Products for orders: set aside when one is placed, given back when it is off."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from contracts.message import Message
from contracts.money import Money
from contracts.order import OrderCancelled, OrderPlaced, OrderRejected
from contracts.product import ProductLine, ProductsAllocated, ProductsRefused
from services.chassis.handling import Handlers, Ports
from services.chassis.kernel import Impossible
from services.chassis.rows import Key, Rows
from services.product.domain import Allocation, Line, Product, allocate

on = Handlers(Ports)


def _wanted(message: OrderPlaced) -> Counter[UUID]:
    """How many of each product: one that is named twice is wanted twice."""
    wanted: Counter[UUID] = Counter()
    for product in message.products:
        wanted[product.product_id] += product.quantity
    return wanted


def what_it_asks_for(message: OrderPlaced, rows: Rows) -> Iterable[Key]:
    """The order's allocation and its products; nothing for an order of tickets only."""
    if message.products:
        yield Key(Allocation, message.order_id)
    for product_id in _wanted(message):
        yield Key(Product, product_id)


def what_it_was_given(message: OrderRejected | OrderCancelled, rows: Rows) -> Iterable[Key]:
    """The order's allocation, and the products that are in it."""
    yield Key(Allocation, message.order_id)
    allocation = rows.peek(Allocation, message.order_id)
    for line in allocation.lines if allocation else ():
        yield Key(Product, line.product_id)


@on(OrderPlaced, touches=what_it_asks_for)
def set_aside(message: OrderPlaced, ports: Ports) -> Iterable[Message]:
    """All products of an order, or none. An order without products is not answered: nobody waits for it.

    A product that is not there will not come: it was created in this database, or never.
    """
    if not message.products:
        return
    if ports.rows.find(Allocation, message.order_id):
        raise Impossible(f"order {message.order_id} has its products already")
    wanted = _wanted(message)
    products = {product_id: ports.rows.find(Product, product_id) for product_id in wanted}
    allocation = allocate(message.order_id, message.event_id, wanted, products)
    ports.rows.add(allocation)
    if allocation.reason is None:
        yield ProductsAllocated(
            order_id=message.order_id, event_id=message.event_id, lines=tuple(_told(line) for line in allocation.lines)
        )
    else:
        yield ProductsRefused(order_id=message.order_id, event_id=message.event_id, reason=allocation.reason)


@on(OrderRejected, OrderCancelled, touches=what_it_was_given)
def give_back(message: OrderRejected | OrderCancelled, ports: Ports) -> Iterable[Message]:
    """Stock returns, once. An order that was never heard of has nothing to give back.

    It was rejected at birth, or has no products: an order speaks only after all whom it asked have answered, so this
    never overtakes the OrderPlaced that it undoes.
    """
    allocation = ports.rows.find(Allocation, message.order_id)
    for line in allocation.release() if allocation else ():
        ports.rows.get(Product, line.product_id).take_back(line.quantity)
    return ()


def _told(line: Line) -> ProductLine:
    return ProductLine(
        product_id=line.product_id, name=line.name, quantity=line.quantity, unit_price=Money(line.unit_cents)
    )
