"""What must hold when a world is at rest (the design's invariants, by their numbers)."""

from collections import Counter, defaultdict
from uuid import UUID

from services.order.domain import Order
from services.order.domain import Status as OrderStatus
from services.payment.domain import Payment
from services.payment.domain import Status as PaymentStatus
from services.product.domain import Allocation, Product
from services.product.domain import Status as AllocationStatus
from services.reservation.domain import Attachment, Bond, Reservation, Share, Status, Stock
from services.ticket.domain import EventFacts, Ticket
from services.ticket.domain import Status as TicketStatus
from tests.saga.box_office import BoxOffice

AT_REST = {
    OrderStatus.COMPLETED,
    OrderStatus.CANCELLED,
    OrderStatus.REFUNDED,
    OrderStatus.REJECTED,
}


def check(office: BoxOffice) -> None:
    """Every invariant. Raises AssertionError, with the one that is broken."""
    seats_add_up(office)
    tickets_are_covered(office)
    money_adds_up(office)
    every_command_has_ended(office)
    products_add_up(office)
    one_order_one_set_of_tickets(office)
    called_off_events_are_at_rest(office)


def seats_add_up(office: BoxOffice) -> None:
    """1 and 5: no seat is sold twice; held and sold equal the sums over the reservations."""
    store = office.world.stores["reservation"]
    held: Counter[UUID] = Counter()
    sold: Counter[UUID] = Counter()
    shares: Counter[str] = Counter()
    for reservation in store.of(Reservation):
        if reservation.status in {Status.HELD, Status.ATTACHED}:
            held[reservation.ticket_id] += reservation.quantity
        elif reservation.status is Status.CONFIRMED:
            sold[reservation.ticket_id] += reservation.quantity
        else:
            continue
        shares[Share.key(reservation.ticket_id, reservation.user_id)] += reservation.quantity
    for stock in store.of(Stock):
        assert (stock.held, stock.sold) == (held[stock.id], sold[stock.id]), stock
        assert stock.held >= 0
        assert stock.sold >= 0
        assert stock.held + stock.sold <= stock.quantity, stock
    for share in store.of(Share):
        assert share.quantity == shares[share.id], share


def tickets_are_covered(office: BoxOffice) -> None:
    """2: a ticket that is not void has a confirmed reservation, and that an approved payment."""
    stores = office.world.stores
    confirmed = {r.id for r in stores["reservation"].of(Reservation) if r.status is Status.CONFIRMED}
    approved = {p.id for p in stores["payment"].of(Payment) if p.status is PaymentStatus.APPROVED}
    for ticket in stores["ticket"].of(Ticket):
        if ticket.status is not TicketStatus.VOIDED:
            assert ticket.reservation_id in confirmed, ticket
            assert ticket.order_id in approved, ticket


def money_adds_up(office: BoxOffice) -> None:
    """3: what came in and did not go back is the sum of the completed orders."""
    kept = {o: account.paid - account.refunded for o, account in office.bank.accounts.items()}
    for order in office.world.stores["order"].of(Order):
        expected = order.total_cents if order.status is OrderStatus.COMPLETED else 0
        assert kept.get(order.id, 0) == expected, order
        if order.status is OrderStatus.REFUNDED:
            assert office.bank.accounts[order.id].refunded == order.total_cents
        if order.status is OrderStatus.COMPLETED:
            assert order.expected_cents == order.total_cents


def every_command_has_ended(office: BoxOffice) -> None:
    """4 and 9: nothing is half done, and nothing was buried."""
    assert office.world.buried == []
    for order in office.world.stores["order"].of(Order):
        assert order.status in AT_REST, order
    for attachment in office.world.stores["reservation"].of(Attachment):
        assert attachment.status is not Bond.ATTACHED, attachment
    for payment in office.world.stores["payment"].of(Payment):
        assert payment.status not in {PaymentStatus.REQUESTED, PaymentStatus.REFUNDING}, payment


def products_add_up(office: BoxOffice) -> None:
    """5: what is allocated equals the sum over the allocations."""
    store = office.world.stores["product"]
    allocated: Counter[UUID] = Counter()
    for allocation in store.of(Allocation):
        if allocation.status is AllocationStatus.ALLOCATED:
            for line in allocation.lines:
                allocated[line.product_id] += line.quantity
    for product in store.of(Product):
        assert product.allocated == allocated[product.id] <= product.stock, product


def one_order_one_set_of_tickets(office: BoxOffice) -> None:
    """6: as many tickets as seats, each with a PDF that was printed."""
    stores = office.world.stores
    tickets = defaultdict(list)
    for ticket in stores["ticket"].of(Ticket):
        tickets[ticket.order_id].append(ticket)
        assert office.press.printed[ticket.pdf_key].id == ticket.id
    for order in stores["order"].of(Order):
        if order.status is OrderStatus.COMPLETED:
            assert len(tickets[order.id]) == sum(line.quantity for line in order.seats or ())


def called_off_events_are_at_rest(office: BoxOffice) -> None:
    """8: no order of a called-off event is completed, unless one of its tickets was used."""
    stores = office.world.stores
    called_off = {event.id for event in stores["ticket"].of(EventFacts) if event.called_off}
    used = {t.order_id for t in stores["ticket"].of(Ticket) if t.status is TicketStatus.USED}
    for order in stores["order"].of(Order):
        if order.event_id in called_off and order.status is OrderStatus.COMPLETED:
            assert order.id in used, order
