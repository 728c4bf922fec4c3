"""A box office in the simulated world: what buyers and organisers do, in their words."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.money import Money
from contracts.order import (
    CancelOrder,
    CancelOrdersOf,
    OrderItem,
    OrderProduct,
    PaymentChoice,
    PaymentRequested,
    PlaceOrder,
)
from contracts.payment import CancelCharge, RefundCharge
from contracts.reservation import CancelReservation, ReservationsConfirmed, ReserveTickets
from contracts.ticket import RenderTickets, TicketTypeCreated
from contracts.user import UserErased, UserRegistered
from services.chassis.handling import Ports as ProductPorts
from services.chassis.memory import MemoryStore
from services.chassis.rows import Key
from services.order import effects as order_effects
from services.order import handlers as order_handlers
from services.order.adapters.sql import KINDS as ORDER_KINDS
from services.order.domain import ENDED, Order
from services.order.ports import Ports as OrderPorts
from services.payment import effects as payment_effects
from services.payment import handlers as payment_handlers
from services.payment.adapters.sql import KINDS as PAYMENT_KINDS
from services.payment.ports import Ports as PaymentPorts
from services.product import handlers as product_handlers
from services.product.adapters.sql import KINDS as PRODUCT_KINDS
from services.product.domain import Product
from services.reservation import handlers as reservation_handlers
from services.reservation.adapters.sql import KINDS as RESERVATION_KINDS
from services.reservation.domain import Reservation, Stock
from services.reservation.ports import Ports as ReservationPorts
from services.ticket import effects as ticket_effects
from services.ticket import handlers as ticket_handlers
from services.ticket.adapters.sql import KINDS as TICKET_KINDS
from services.ticket.domain import EventFacts, Holder, Ticket
from services.ticket.domain import Status as TicketStatus
from services.ticket.ports import Ports as TicketPorts
from services.ticket.ports import Sheet
from tests.saga.bank import Bank
from tests.saga.world import START, Logic, World

HOLD = timedelta(minutes=10)
HORIZON = timedelta(hours=1)
GATES = timedelta(hours=4)


class Catalogue:
    """Fulfils the ticket service's port ``Catalogue`` over its store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def event(self, event_id: UUID) -> EventFacts | None:
        found: EventFacts | None = self._store.rows.get(Key(EventFacts, event_id))
        return found

    async def holder(self, user_id: UUID) -> Holder | None:
        found: Holder | None = self._store.rows.get(Key(Holder, user_id))
        return found

    async def outdated(
        self, *, event_id: UUID | None, user_id: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Sheet]:
        sheets = []
        for ticket in sorted(self._store.of(Ticket), key=lambda ticket: ticket.id):
            event, holder = await self.event(ticket.event_id), await self.holder(ticket.user_id)
            assert event
            assert holder
            meant = ticket.user_id == user_id if user_id else ticket.event_id == event_id
            old = ticket.event_version < event.version or ticket.holder_version < holder.version
            good = ticket.status is TicketStatus.ISSUED or (user_id is not None and holder.erased)
            if meant and old and good and (after is None or ticket.id > after):
                sheets.append(sheet_of(ticket, event, holder))
        return sheets[:limit]


def sheet_of(ticket: Ticket, event: EventFacts, holder: Holder) -> Sheet:
    return Sheet(
        ticket.id,
        ticket.order_id,
        ticket.type_name,
        ticket.price_cents,
        ticket.number,
        ticket.total,
        event,
        holder,
    )


class Press:
    """Fulfils the ticket service's port ``Press``: remembers what was printed."""

    def __init__(self) -> None:
        self.printed: dict[str, Sheet] = {}

    async def __call__(self, sheets: Sequence[Sheet]) -> Sequence[str]:
        keys = [f"{sheet.id}-v{sheet.event.version}.{sheet.holder.version}.pdf" for sheet in sheets]
        self.printed |= dict(zip(keys, sheets, strict=True))
        return keys


class LiveOrders:
    """Fulfils the order service's port ``LiveOrders`` over its store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def live(self, event_id: UUID, after: UUID | None, limit: int) -> Sequence[UUID]:
        orders = (order for order in self._store.of(Order) if order.event_id == event_id)
        ids = (order.id for order in orders if order.status not in ENDED)
        return sorted(order_id for order_id in ids if after is None or order_id > after)[:limit]


class BoxOffice:
    """A world with its bank and press, one event on sale and a few shorthands."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.bank = Bank(self.world)
        self.press = Press()
        stores = {name: MemoryStore() for name in ("product", "ticket", "reservation", "order", "payment")}
        self.world.stores.update(stores)
        printing: dict[str, Any] = {"catalogue": Catalogue(stores["ticket"]), "press": self.press}
        self.world.run_by(
            {
                "product": Logic(product_handlers.on, tuple(PRODUCT_KINDS), ProductPorts),
                "ticket": Logic(
                    ticket_handlers.on,
                    tuple(TICKET_KINDS),
                    partial(TicketPorts, gates_open_before=GATES),
                    {
                        ReservationsConfirmed: partial(ticket_effects.print_order, **printing),
                        RenderTickets: partial(ticket_effects.print_again, **printing),
                    },
                ),
                "reservation": Logic(
                    reservation_handlers.on,
                    tuple(RESERVATION_KINDS),
                    partial(ReservationPorts, hold_for=HOLD, pending_horizon=HORIZON),
                ),
                "order": Logic(
                    order_handlers.on,
                    tuple(ORDER_KINDS),
                    partial(OrderPorts, payment_margin=timedelta(seconds=10), pending_horizon=HORIZON),
                    {CancelOrdersOf: partial(order_effects.live_page, orders=LiveOrders(stores["order"]))},
                ),
                "payment": Logic(
                    payment_handlers.on,
                    tuple(PAYMENT_KINDS),
                    partial(PaymentPorts, pending_horizon=HORIZON),
                    {
                        PaymentRequested: partial(payment_effects.create_charge, gateway=self.bank),
                        CancelCharge: partial(payment_effects.cancel_charge, gateway=self.bank),
                        RefundCharge: partial(payment_effects.refund, gateway=self.bank),
                    },
                ),
            }
        )
        self.event = self.schedule()

    # Organisers

    def schedule(self, *, in_: timedelta = timedelta(days=30)) -> UUID:
        """Announce an event."""
        event_id = self.world.mint()
        self.world.send(EventScheduled.model_validate(self._facts(event_id, 1, in_)), by="event")
        return event_id

    def move(self, to: timedelta) -> None:
        """Move the event."""
        self.world.send(EventChanged.model_validate(self._facts(self.event, 2, to)), by="event")

    def call_off(self) -> None:
        """Call the event off."""
        self.world.send(EventCancelled.model_validate(self._facts(self.event, 3, timedelta(days=30))), by="event")

    def _facts(self, event_id: UUID, version: int, in_: timedelta) -> dict[str, Any]:
        facts = {"title": "Show", "location": "Rio", "date": START + in_, "timezone": "America/Sao_Paulo"}
        return {"event_id": event_id, "version": version} | facts

    def put_on_sale(self, quantity: int, reais: int = 100, **changes: Any) -> UUID:
        """Put a ticket type on sale."""
        ticket_id = self.world.mint()
        fields = {
            "version": 1,
            "event_id": self.event,
            "name": "Pista",
            "quantity": quantity,
            "price": Money(reais * 100),
        }
        self.world.send(TicketTypeCreated.model_validate({"ticket_id": ticket_id} | fields | changes), by="ticket")
        return ticket_id

    def stock_product(self, stock: int, reais: int = 20, event_id: UUID | None = None) -> UUID:
        """Put a product on sale."""
        row = Product(self.world.mint(), event_id, "Camiseta", reais * 100, stock, 0, withdrawn=False)
        self.world.stores["product"].rows[Key(Product, row.id)] = row
        return row.id

    # Buyers

    def buyer(self) -> UUID:
        """Register a buyer."""
        user_id = self.world.mint()
        self.world.send(UserRegistered(user_id=user_id, version=1, name="Ana"), by="user")
        return user_id

    def erase(self, user_id: UUID) -> None:
        """Forget a buyer."""
        self.world.send(UserErased(user_id=user_id, version=2), by="user")

    def reserve(self, user_id: UUID, ticket_id: UUID, quantity: int = 1) -> UUID:
        """Ask for seats."""
        reservation_id = self.world.mint()
        message = ReserveTickets(
            reservation_id=reservation_id, user_id=user_id, ticket_id=ticket_id, quantity=quantity, caller="buyer"
        )
        self.world.send(message, by="reservation", message_id=message.id_when(reservation_id))
        return reservation_id

    def give_back(self, reservation_id: UUID) -> None:
        """Give a hold back."""
        self.world.send(CancelReservation(reservation_id=reservation_id, caller="buyer"), by="reservation")

    def order(
        self,
        user_id: UUID,
        reservations: Sequence[UUID],
        reais: int,
        *,
        token: str | None = None,
        products: Sequence[tuple[UUID, int]] = (),
        items: Sequence[OrderItem] = (),
        event_id: UUID | None = None,
    ) -> UUID:
        """Order reservations, at what the buyer believes the price to be."""
        order_id = self.world.mint()
        message = PlaceOrder(
            order_id=order_id,
            caller="buyer",
            user_id=user_id,
            event_id=event_id or self.event,
            items=tuple(items) or tuple(OrderItem(reservation_id=reservation) for reservation in reservations),
            products=tuple(OrderProduct(product_id=product, quantity=quantity) for product, quantity in products),
            total_price=Money(reais * 100),
            payment=PaymentChoice(token=token),
        )
        self.world.send(message, by="order", message_id=message.id_when(order_id))
        return order_id

    def cancel(self, order_id: UUID) -> None:
        """Ask for an order to be undone."""
        self.world.send(CancelOrder(order_id=order_id, reason="cancelled", caller="buyer"), by="order")

    def later(self, after: timedelta, act: Callable[[], object]) -> None:
        """Do something after some time."""
        self.world.at(self.world.now + after, lambda: (act(), None)[1])

    def check_in(self, order_id: UUID) -> None:
        """One of the order's tickets passes the gate."""
        tickets = self.world.stores["ticket"]
        ticket = min((t for t in tickets.of(Ticket) if t.order_id == order_id), key=lambda t: t.id)
        event: EventFacts = tickets.rows[Key(EventFacts, ticket.event_id)]
        assert ticket.check_in(event, self.world.now) is None

    # What became of it

    def status(self, order_id: UUID) -> tuple[str, str | None]:
        """Where an order stands, and why."""
        order: Order = self.world.stores["order"].rows[Key(Order, order_id)]
        return order.status.value, order.reason

    def reservation(self, reservation_id: UUID) -> tuple[str, str | None]:
        """Where a reservation stands, and why."""
        row: Reservation = self.world.stores["reservation"].rows[Key(Reservation, reservation_id)]
        return row.status.value, row.reason

    def seats(self, ticket_id: UUID) -> tuple[int, int]:
        """Seats held and sold."""
        row: Stock = self.world.stores["reservation"].rows[Key(Stock, ticket_id)]
        return row.held, row.sold

    def tickets(self, order_id: UUID) -> list[str]:
        """The states of an order's issued tickets."""
        found = [t for t in self.world.stores["ticket"].of(Ticket) if t.order_id == order_id]
        return sorted(ticket.status.value for ticket in found)

    def money(self, order_id: UUID) -> tuple[int, int]:
        """Reais that came in, and that went back."""
        account = self.bank.accounts.get(order_id)
        return (account.paid // 100, account.refunded // 100) if account else (0, 0)

    def sheets(self, order_id: UUID) -> list[Sheet]:
        """What an order's PDFs show."""
        found = [t for t in self.world.stores["ticket"].of(Ticket) if t.order_id == order_id]
        return [self.press.printed[ticket.pdf_key] for ticket in found]
