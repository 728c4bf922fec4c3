"""Every message that the order service hears, and its answer."""

from collections.abc import Iterable, Iterator

from contracts.event import EventCancelled
from contracts.message import Message
from contracts.money import MAX_CENTS, Money
from contracts.order import (
    CancelOrder,
    CancelOrdersOf,
    OrderCancelled,
    OrderCompleted,
    OrderItem,
    OrderPlaced,
    OrderProduct,
    OrderRejected,
    PaymentRequested,
    PlaceOrder,
)
from contracts.payment import PaymentDeclined, PaymentRefunded, PaymentVoided, VoidPayment
from contracts.product import ProductsAllocated, ProductsRefused
from contracts.reservation import (
    ReservationExpired,
    ReservationsAttached,
    ReservationsConfirmed,
    ReservationsRefused,
)
from contracts.ticket import TicketsIssued, TicketsVoided, VoidRefused, VoidTickets
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.handling import PATIENCE, Handlers
from services.chassis.ids import minted_at
from services.chassis.kernel import Impossible
from services.chassis.rows import Key, Rows
from services.order.domain import Buyer, EventMark, Extra, Item, Order, Seats, Wish, Word, Words
from services.order.ports import LivePage, Ports

on = Handlers(Ports)

type OfOneOrder = (
    ReservationsAttached
    | ReservationsRefused
    | ProductsAllocated
    | ProductsRefused
    | ReservationsConfirmed
    | TicketsIssued
    | ReservationExpired
    | PaymentDeclined
    | PaymentVoided
    | PaymentRefunded
    | CancelOrder
    | TicketsVoided
    | VoidRefused
)


def its_order(message: OfOneOrder, _: Rows) -> Iterator[Key]:
    """The order."""
    yield Key(Order, message.order_id)


# Placing, and the answers


def a_new_order(message: PlaceOrder, _: Rows) -> Iterator[Key]:
    """The order, whether its buyer is known, and whether its event is called off."""
    yield Key(Order, message.order_id)
    yield Key(Buyer, message.user_id)
    yield Key(EventMark, message.event_id)


@on(PlaceOrder, touches=a_new_order)
def place(message: PlaceOrder, ports: Ports) -> Iterator[Message]:
    """Ask for the order's seats and products, or reject it at birth."""
    if ports.rows.find(Order, message.order_id):
        raise Impossible(f"order {message.order_id} is placed already")
    refusal = _refusal(message, ports)
    order = Order(
        id=message.order_id,
        user_id=message.user_id,
        event_id=message.event_id,
        items=tuple(Item(item.reservation_id, item.ticket_id, item.quantity) for item in message.items),
        wishes=tuple(Wish(product.product_id, product.quantity) for product in message.products),
        total_cents=message.total_price.cents,
        payment_method=message.payment.method,
        payment_token=message.payment.token,
        created_at=ports.now,
    )
    ports.rows.add(order)
    yield from _spoken(order, order.place(refusal))


def _refusal(message: PlaceOrder, ports: Ports) -> str | None:
    if ports.rows.get(EventMark, message.event_id).called_off:
        return "event_cancelled"
    buyer = ports.rows.find(Buyer, message.user_id)
    if buyer is None:
        ports.wait_for(f"buyer {message.user_id}", until=ports.sent + PATIENCE)
        return "unknown_user"
    return "unknown_user" if buyer.erased else None


@on(ReservationsAttached, touches=its_order)
def attach(message: ReservationsAttached, ports: Ports) -> Iterator[Message]:
    """The order has its seats."""
    order = ports.rows.get(Order, message.order_id)
    seats = tuple(
        Seats(line.reservation_id, line.ticket_id, line.ticket_name, line.quantity, line.unit_price.cents)
        for line in message.lines
    )
    yield from _spoken(order, order.attach(seats, message.expires_at - ports.payment_margin, ports.now))


@on(ReservationsRefused, touches=its_order)
def refuse_seats(message: ReservationsRefused, ports: Ports) -> Iterator[Message]:
    """The order cannot have its seats."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.refuse_seats(message.reason, ports.now))


@on(ProductsAllocated, touches=its_order)
def allocate(message: ProductsAllocated, ports: Ports) -> Iterator[Message]:
    """The order has its products."""
    order = ports.rows.get(Order, message.order_id)
    extras = tuple(Extra(line.product_id, line.name, line.quantity, line.unit_price.cents) for line in message.lines)
    yield from _spoken(order, order.allocate(extras, ports.now))


@on(ProductsRefused, touches=its_order)
def refuse_products(message: ProductsRefused, ports: Ports) -> Iterator[Message]:
    """The order cannot have its products."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.refuse_products(message.reason, ports.now))


# The way to the tickets


@on(ReservationsConfirmed, touches=its_order)
def confirm(message: ReservationsConfirmed, ports: Ports) -> Iterator[Message]:
    """The order's seats are sold."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.confirm())


@on(TicketsIssued, touches=its_order)
def complete(message: TicketsIssued, ports: Ports) -> Iterator[Message]:
    """The buyer has the tickets."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.complete())


# The ways back


@on(CancelOrder, touches=its_order)
def cancel(message: CancelOrder, ports: Ports) -> Iterator[Message]:
    """Undo the order, as far as it has come. One that may still be in its queue is waited for."""
    order = ports.rows.find(Order, message.order_id)
    if order is None:
        minted = minted_at(message.order_id)
        if minted is not None:
            ports.wait_for(f"order {message.order_id}", until=minted + ports.pending_horizon)
        return
    yield from _spoken(order, order.withdraw(message.reason))


@on(ReservationExpired, touches=its_order)
def expire(message: ReservationExpired, ports: Ports) -> Iterator[Message]:
    """The order's time to pay is over."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.expire())


@on(PaymentDeclined, touches=its_order)
def decline(message: PaymentDeclined, ports: Ports) -> Iterator[Message]:
    """Nobody will pay."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.decline())


@on(PaymentVoided, touches=its_order)
def payment_voided(message: PaymentVoided, ports: Ports) -> Iterator[Message]:
    """Nobody can pay any more: the cancellation that asked for this is through."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.payment_voided())


@on(TicketsVoided, touches=its_order)
def tickets_voided(message: TicketsVoided, ports: Ports) -> Iterator[Message]:
    """Nobody gets in any more: the cancellation that asked for this is through."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.tickets_voided())


@on(VoidRefused, touches=its_order)
def keep(message: VoidRefused, ports: Ports) -> Iterator[Message]:
    """The cancellation came too late, unless it has grown stronger meanwhile."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.keep(message.reason))


@on(PaymentRefunded, touches=its_order)
def refund(message: PaymentRefunded, ports: Ports) -> Iterator[Message]:
    """The buyer has the money back."""
    order = ports.rows.get(Order, message.order_id)
    yield from _spoken(order, order.refund(ports.now))


# An event that is called off


def its_mark(message: EventCancelled, _: Rows) -> Iterator[Key]:
    """The event's mark."""
    yield Key(EventMark, message.event_id)


@on(EventCancelled, touches=its_mark)
def call_off(message: EventCancelled, ports: Ports) -> Iterator[Message]:
    """Reject every order for it from now on, and cancel those that are there."""
    if ports.rows.get(EventMark, message.event_id).call_off():
        yield CancelOrdersOf(event_id=message.event_id)


def no_row(_: CancelOrdersOf, __: Rows) -> Iterable[Key]:
    """Nothing: each order of the page gets a message of its own."""
    return ()


@on(CancelOrdersOf, touches=no_row, effect=LivePage)
def cancel_page(message: CancelOrdersOf, ports: Ports) -> Iterator[Message]:
    """Cancel the orders that were found, and go on with the next page."""
    page = ports.effect
    assert isinstance(page, LivePage)
    for order_id in page.order_ids:
        yield CancelOrder(order_id=order_id, reason="event_cancelled", caller="event")
    if page.more:
        yield CancelOrdersOf(event_id=message.event_id, after=page.order_ids[-1])


# Buyers


def the_buyer(message: UserRegistered | UserUpdated | UserErased, _: Rows) -> Iterator[Key]:
    """What is known of the buyer."""
    yield Key(Buyer, message.user_id)


@on(UserRegistered, UserUpdated, UserErased, touches=the_buyer)
def learn(message: UserRegistered | UserUpdated | UserErased, ports: Ports) -> Iterable[Message]:
    """Know the buyer, or that they are to be forgotten. Live orders of theirs go on."""
    erased = isinstance(message, UserErased)
    buyer = ports.rows.find(Buyer, message.user_id)
    if buyer is None:
        ports.rows.add(Buyer(message.user_id, message.version, erased))
    else:
        buyer.learn(message.version, erased=erased)
    return ()


# What an order says, as messages


def _spoken(order: Order, words: Words) -> Iterator[Message]:
    for word in words:
        yield _message(order, word)


def _message(order: Order, word: Word) -> Message:
    about = {"order_id": order.id, "event_id": order.event_id}
    match word:
        case Word.PLACED:
            return _placed(order)
        case Word.REJECTED:
            return OrderRejected.model_validate(about | {"reason": order.reason} | _totals(order))
        case Word.PAYMENT_REQUESTED:
            payment = {"method": order.payment_method, "token": order.payment_token}
            asked = {"amount": Money(order.total_cents), "expires_at": order.pay_before, "payment": payment}
            return PaymentRequested.model_validate(about | asked)
        case Word.COMPLETED:
            return OrderCompleted(order_id=order.id, event_id=order.event_id, user_id=order.user_id)
        case Word.CANCELLED:
            return OrderCancelled.model_validate(about | {"reason": order.reason})
        case Word.VOID_PAYMENT:
            return VoidPayment(order_id=order.id, event_id=order.event_id)
        case Word.VOID_TICKETS:
            return VoidTickets.model_validate(about | {"reason": order.withdrawal})


def _placed(order: Order) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.id,
        user_id=order.user_id,
        event_id=order.event_id,
        items=tuple(
            OrderItem(reservation_id=item.reservation_id, ticket_id=item.ticket_id, quantity=item.quantity)
            for item in order.items
        ),
        products=tuple(OrderProduct(product_id=wish.product_id, quantity=wish.quantity) for wish in order.wishes),
    )


def _totals(order: Order) -> dict[str, Money]:
    if order.reason != "total_mismatch" or order.expected_cents is None:
        return {}
    totals = {"total_price": Money(order.total_cents)}
    # Many seats at the highest price cost more than money on the wire may be, and no listener could read that.
    if order.expected_cents <= MAX_CENTS:
        totals["expected_total"] = Money(order.expected_cents)
    return totals
