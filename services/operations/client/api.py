"""The API as methods, in the words of those who use it."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from contracts.event import EventBody
from contracts.order import OrderBody
from contracts.product import ProductBody
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from services.operations.client.answers import (
    Availability,
    Event,
    IssuedTicket,
    Order,
    Payment,
    Pending,
    Product,
    Reservation,
    TicketType,
    User,
)
from services.operations.client.wire import Wire

WAIT_SECONDS = 20
"""How long an answer may be held (``Prefer: wait``): less than API Gateway's 29 s."""
PATIENCE_SECONDS = 60.0
ENDED = ("completed", "cancelled", "rejected", "refunded")
"""The statuses in which an order stays, but for a cancellation of a completed one."""


class Bilhetagem:
    """Every route of the API. All methods raise Refused, Unexpected, and httpx.TransportError.

    A method that takes ``seconds`` waits that long for a decision, and raises StillPending when there is none.
    """

    def __init__(self, client: httpx.AsyncClient, operators_secret: str | None = None) -> None:
        self._wire = Wire(client)
        self._operators = {"Authorization": f"Bearer {operators_secret}"} if operators_secret else {}

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, operators_secret: str | None = None) -> AsyncIterator["Bilhetagem"]:
        """A client of the API at this URL; operators' routes ask for the secret."""
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield cls(client, operators_secret)

    # Users

    async def register(self, body: UserBody) -> User:
        """Register a buyer."""
        return await self._wire.ask(User, "POST", "/users/", body)

    async def user(self, user_id: UUID) -> User:
        """A buyer."""
        return await self._wire.ask(User, "GET", f"/users/{user_id}")

    def users(self) -> AsyncIterator[User]:
        """All buyers."""
        return self._wire.pages(User, "/users/")

    async def update_user(self, user_id: UUID, body: UserBody) -> User:
        """Change a buyer's name or e-mail."""
        return await self._wire.ask(User, "PUT", f"/users/{user_id}", body)

    async def erase_user(self, user_id: UUID) -> None:
        """Erase a buyer's personal data."""
        await self._wire.send("DELETE", f"/users/{user_id}")

    # Events and products

    async def schedule(self, body: EventBody) -> Event:
        """Announce an event."""
        return await self._wire.ask(Event, "POST", "/events/", body)

    async def event(self, event_id: UUID) -> Event:
        """An event."""
        return await self._wire.ask(Event, "GET", f"/events/{event_id}")

    def events(self, status: str | None = None) -> AsyncIterator[Event]:
        """All events."""
        return self._wire.pages(Event, "/events/", {"status": status})

    async def change_event(self, event_id: UUID, body: EventBody) -> Event:
        """Change an event: its tickets are printed again."""
        return await self._wire.ask(Event, "PUT", f"/events/{event_id}", body)

    async def call_off(self, event_id: UUID) -> None:
        """Call an event off: every order of it is cancelled and paid back."""
        await self._wire.send("DELETE", f"/events/{event_id}")

    async def offer(self, body: ProductBody) -> Product:
        """Put a product on sale."""
        return await self._wire.ask(Product, "POST", "/products/", body)

    async def product(self, product_id: UUID) -> Product:
        """A product."""
        return await self._wire.ask(Product, "GET", f"/products/{product_id}")

    def products(self, event_id: UUID | None = None) -> AsyncIterator[Product]:
        """All products, or an event's."""
        return self._wire.pages(Product, "/products/", {"event_id": event_id})

    async def change_offer(self, product_id: UUID, body: ProductBody) -> Product:
        """Change a product."""
        return await self._wire.ask(Product, "PUT", f"/products/{product_id}", body)

    async def withdraw(self, product_id: UUID) -> None:
        """Take a product off sale."""
        await self._wire.send("DELETE", f"/products/{product_id}")

    # Tickets

    async def put_on_sale(self, body: TicketTypeBody) -> TicketType:
        """Put a ticket type on sale."""
        return await self._wire.ask(TicketType, "POST", "/tickets/", body)

    async def ticket_type(self, ticket_id: UUID) -> TicketType:
        """A ticket type."""
        return await self._wire.ask(TicketType, "GET", f"/tickets/{ticket_id}")

    def ticket_types(self, event_id: UUID) -> AsyncIterator[TicketType]:
        """An event's ticket types."""
        return self._wire.pages(TicketType, "/tickets/", {"event_id": event_id})

    async def change_ticket_type(self, ticket_id: UUID, body: TicketTypeBody) -> TicketType:
        """Change a ticket type."""
        return await self._wire.ask(TicketType, "PUT", f"/tickets/{ticket_id}", body)

    def issued(self, order_id: UUID) -> AsyncIterator[IssuedTicket]:
        """An order's tickets."""
        return self._wire.pages(IssuedTicket, "/tickets/issued", {"order_id": order_id})

    async def issued_ticket(self, ticket_id: UUID) -> IssuedTicket:
        """One ticket."""
        return await self._wire.ask(IssuedTicket, "GET", f"/tickets/issued/{ticket_id}")

    async def pdf(self, ticket: IssuedTicket) -> bytes:
        """A ticket's PDF."""
        return (await self._wire.send("GET", ticket.pdf)).content

    async def check_in(self, ticket_id: UUID) -> IssuedTicket:
        """Let the holder in, once. For operators."""
        path = f"/tickets/issued/{ticket_id}/check-in"
        return await self._wire.ask(IssuedTicket, "POST", path, headers=self._operators)

    async def take_up_again(self, order_id: UUID) -> None:
        """Issue an order's tickets after a failure, if they are not issued already. For operators."""
        await self._wire.send("POST", "/tickets/from-order", json={"order_id": str(order_id)}, headers=self._operators)

    async def public_keys(self) -> dict[str, Any]:
        """The keys that tickets' QR codes are verified with, as a JWK set."""
        keys: dict[str, Any] = (await self._wire.send("GET", "/tickets/keys")).json()
        return keys

    # The purchase

    async def availability(self, ticket_id: UUID, *, seconds: float = PATIENCE_SECONDS) -> Availability:
        """A ticket type's seats, as soon as it sells."""
        path = f"/reservations/availability/{ticket_id}"
        return await self._wire.settled(Availability, await self._wire.send("GET", path), lambda _: True, seconds)

    async def reserve(self, body: ReservationBody, *, seconds: float = PATIENCE_SECONDS) -> Reservation:
        """Ask for seats; what was decided: ``held``, or ``rejected`` with a reason."""
        answer = await self._wire.send("POST", "/reservations/", body, headers=_PREFER_WAIT)
        return await self._wire.settled(Reservation, answer, lambda _: True, seconds)

    async def reservation(self, reservation_id: UUID) -> Reservation | Pending:
        """A reservation."""
        return await self._wire.perhaps(Reservation, f"/reservations/{reservation_id}")

    def reservations(self, user_id: UUID) -> AsyncIterator[Reservation]:
        """A buyer's reservations."""
        return self._wire.pages(Reservation, f"/reservations/user/{user_id}")

    async def give_back(self, reservation_id: UUID) -> None:
        """Give up seats that are held and not ordered."""
        await self._wire.send("DELETE", f"/reservations/{reservation_id}")

    async def reservation_becomes(
        self, reservation_id: UUID, *statuses: str, seconds: float = PATIENCE_SECONDS
    ) -> Reservation:
        """A reservation, once it has one of these statuses."""
        return await self._becomes(Reservation, f"/reservations/{reservation_id}", statuses, seconds)

    async def place_order(self, body: OrderBody, *, seconds: float = PATIENCE_SECONDS) -> Order:
        """Order; what was decided: at its end, or ``awaiting_payment``."""
        answer = await self._wire.send("POST", "/orders/", body, headers=_PREFER_WAIT)
        return await self._wire.settled(Order, answer, lambda order: order.status != "placed", seconds)

    async def order(self, order_id: UUID) -> Order | Pending:
        """An order."""
        return await self._wire.perhaps(Order, f"/orders/{order_id}")

    def orders(self, *, user_id: UUID | None = None, event_id: UUID | None = None) -> AsyncIterator[Order]:
        """All orders, or a buyer's, or an event's."""
        return self._wire.pages(Order, "/orders/", {"user_id": user_id, "event_id": event_id})

    async def cancel(self, order_id: UUID) -> None:
        """Ask for an order to be undone."""
        await self._wire.send("DELETE", f"/orders/{order_id}")

    async def order_becomes(self, order_id: UUID, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Order:
        """An order, once it has one of these statuses; without any, once it has ended."""
        return await self._becomes(Order, f"/orders/{order_id}", statuses or ENDED, seconds)

    async def payment(self, order_id: UUID, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Payment:
        """An order's charge, once there is one, with one of these statuses where any are given."""
        path, headers = f"/payments/{order_id}", _PREFER_WAIT
        answer = await self._wire.send("GET", path, headers=headers)
        return await self._wire.settled(Payment, answer, lambda p: not statuses or p.status in statuses, seconds)

    def payments(self, order_id: UUID) -> AsyncIterator[Payment]:
        """An order's payments: one at most."""
        return self._wire.pages(Payment, "/payments", {"order_id": order_id})

    async def _becomes[Found: (Reservation, Order)](
        self, kind: type[Found], path: str, statuses: Collection[str], seconds: float
    ) -> Found:
        answer = await self._wire.send("GET", path)
        return await self._wire.settled(kind, answer, lambda found: found.status in statuses, seconds)


_PREFER_WAIT = {"Prefer": f"wait={WAIT_SECONDS}"}
