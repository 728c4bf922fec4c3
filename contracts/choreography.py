"""THE saga, on one screen: when this message arrives, this service reacts, and may emit these.

The table holds no state and no condition. Each service decides alone what it emits among the messages of its row, so
it stays choreography. Queues, publishing, grants, documents and diagrams are all derived from here, by ``routes.py``.
"""

from dataclasses import dataclass

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.message import Message
from contracts.order import (
    CancelOrder,
    CancelOrdersOf,
    OrderCancelled,
    OrderCompleted,
    OrderPlaced,
    OrderRejected,
    PaymentRequested,
    PlaceOrder,
)
from contracts.payment import (
    CancelCharge,
    PaymentApproved,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundCharge,
    SettlePayment,
    VoidPayment,
)
from contracts.product import ProductsAllocated, ProductsRefused
from contracts.reservation import (
    CancelReservation,
    ExpireReservation,
    HoldExpired,
    HoldReleased,
    ReservationExpired,
    ReservationRejected,
    ReservationsAttached,
    ReservationsConfirmed,
    ReservationsRefused,
    ReserveTickets,
    TicketsReserved,
)
from contracts.ticket import (
    RenderTickets,
    TicketsIssued,
    TicketsVoided,
    TicketTypeChanged,
    TicketTypeCreated,
    VoidRefused,
    VoidTickets,
)
from contracts.user import UserErased, UserRegistered, UserUpdated


@dataclass(frozen=True)
class Http:
    """A request that comes in through an ingress: method and path."""

    route: str


@dataclass(frozen=True)
class Timer:
    """A message to oneself that is due later."""

    message: type[Message]


@dataclass(frozen=True)
class Step:
    """When ``on`` arrives, ``by`` reacts, and may emit any of ``emits``. ``newcomer``: it waits in the lane of those
    who ask for something new, so that a flood of them never delays the purchases under way.
    """

    on: type[Message] | Http
    by: str
    emits: tuple[type[Message] | Timer, ...] = ()
    newcomer: bool = False


CHOREOGRAPHY: tuple[Step, ...] = (
    # A purchase: reserve, order, pay, confirm, issue
    Step(Http("POST /reservations/"), "reservation", (ReserveTickets,)),
    Step(
        ReserveTickets,
        "reservation",
        (TicketsReserved, ReservationRejected, Timer(ExpireReservation)),
        newcomer=True,
    ),
    Step(Http("POST /orders/"), "order", (PlaceOrder,)),
    Step(PlaceOrder, "order", (OrderPlaced, OrderRejected), newcomer=True),
    Step(OrderPlaced, "reservation", (ReservationsAttached, ReservationsRefused)),
    Step(OrderPlaced, "product", (ProductsAllocated, ProductsRefused)),
    Step(ReservationsAttached, "order", (PaymentRequested, OrderRejected)),
    Step(ReservationsRefused, "order", (OrderRejected,)),
    Step(ProductsAllocated, "order", (PaymentRequested, OrderRejected)),
    Step(ProductsRefused, "order", (OrderRejected,)),
    Step(PaymentRequested, "payment", (PaymentApproved, PaymentDeclined)),
    Step(Http("POST /payments/webhook"), "payment", (SettlePayment,)),
    Step(SettlePayment, "payment", (PaymentApproved, PaymentDeclined, RefundCharge)),
    Step(PaymentApproved, "reservation", (ReservationsConfirmed,)),
    Step(ReservationsConfirmed, "ticket", (TicketsIssued, RenderTickets)),
    Step(ReservationsConfirmed, "order"),
    Step(TicketsIssued, "order", (OrderCompleted, VoidTickets)),
    # Compensations: nobody can refuse one
    Step(Http("DELETE /reservations/{id}"), "reservation", (CancelReservation,)),
    Step(CancelReservation, "reservation", (HoldReleased,)),
    Step(ExpireReservation, "reservation", (HoldExpired, ReservationExpired)),
    Step(ReservationExpired, "order", (OrderCancelled,)),
    Step(PaymentDeclined, "order", (OrderCancelled,)),
    Step(OrderRejected, "reservation"),
    Step(OrderRejected, "product"),
    Step(OrderCancelled, "reservation"),
    Step(OrderCancelled, "product"),
    Step(OrderCancelled, "payment", (CancelCharge, RefundCharge)),
    Step(CancelCharge, "payment", (RefundCharge,)),
    Step(RefundCharge, "payment", (PaymentRefunded,)),
    Step(PaymentRefunded, "order"),
    # Cancelling: by the buyer, by an operator, or because the event is called off
    Step(Http("DELETE /orders/{id}"), "order", (CancelOrder,)),
    Step(CancelOrder, "order", (VoidPayment, VoidTickets)),
    Step(VoidPayment, "payment", (CancelCharge, PaymentVoided)),
    Step(PaymentVoided, "order", (OrderCancelled,)),
    Step(VoidTickets, "ticket", (TicketsVoided, VoidRefused)),
    Step(TicketsVoided, "order", (OrderCancelled,)),
    Step(VoidRefused, "order", (VoidTickets,)),
    Step(EventCancelled, "order", (CancelOrdersOf,)),
    Step(CancelOrdersOf, "order", (CancelOrder, CancelOrdersOf)),
    Step(EventCancelled, "reservation"),
    Step(EventCancelled, "ticket"),
    # The catalogue: facts with the whole state, by the CRUD of their owners
    Step(Http("POST /users/"), "user", (UserRegistered,)),
    Step(Http("PUT /users/{id}"), "user", (UserUpdated,)),
    Step(Http("DELETE /users/{id}"), "user", (UserErased,)),
    Step(UserRegistered, "ticket"),
    Step(UserRegistered, "order"),
    Step(UserUpdated, "ticket", (RenderTickets,)),
    Step(UserUpdated, "order"),
    Step(UserErased, "ticket", (RenderTickets,)),
    Step(UserErased, "order"),
    Step(Http("POST /events/"), "event", (EventScheduled,)),
    Step(Http("PUT /events/{id}"), "event", (EventChanged,)),
    Step(Http("DELETE /events/{id}"), "event", (EventCancelled,)),
    Step(EventScheduled, "ticket"),
    Step(EventScheduled, "reservation"),
    Step(EventChanged, "ticket", (RenderTickets,)),
    Step(EventChanged, "reservation"),
    Step(Http("POST /tickets/"), "ticket", (TicketTypeCreated,)),
    Step(Http("PUT /tickets/{id}"), "ticket", (TicketTypeChanged,)),
    Step(TicketTypeCreated, "reservation"),
    Step(TicketTypeChanged, "reservation"),
    Step(RenderTickets, "ticket", (RenderTickets,)),
    Step(Http("POST /tickets/from-order"), "ticket", (ReservationsConfirmed,)),
)
