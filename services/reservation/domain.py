"""Seats and who holds them. ``Attachment`` is the arbiter of *paid or expired*: confirmed or released, once, for good.

reservation: ``held → attached → confirmed``; ``rejected`` at birth; ``attached → held`` when its order is rejected;
``held | attached | confirmed → released`` for a reason.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.chassis.kernel import Refused


class Status(StrEnum):
    """Where a reservation stands."""

    HELD = "held"
    ATTACHED = "attached"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RELEASED = "released"


AT_REST = frozenset({Status.CONFIRMED, Status.REJECTED, Status.RELEASED})
"""Nobody waits for anything: sold, or not held any more."""


class Bond(StrEnum):
    """Where an order's attachment stands."""

    ATTACHED = "attached"
    CONFIRMED = "confirmed"
    DETACHED = "detached"
    RELEASED = "released"


@dataclass(slots=True)
class Sale:
    """What this service knows of an event: when it begins, and whether it is called off. Called off is for ever."""

    shared: ClassVar[bool] = True

    id: UUID
    version: int
    starts_at: datetime
    called_off: bool = False

    def learn(self, version: int, starts_at: datetime) -> None:
        """Take over a newer state; an older one is ignored."""
        if version > self.version:
            self.version, self.starts_at = version, starts_at

    def call_off(self, version: int) -> None:
        """Close the sale for ever."""
        self.version, self.called_off = max(version, self.version), True


@dataclass(slots=True)
class Stock:
    """The seats of one ticket type. Always ``0 <= held``, ``0 <= sold`` and ``held + sold <= quantity``.

    ``asked`` is the quantity that the organiser wants. ``quantity`` is that, or what is held and sold where that is
    more: seats that come free above ``asked`` are not sold again.
    """

    shared: ClassVar[bool] = True

    id: UUID
    version: int
    event_id: UUID
    name: str
    price_cents: int
    asked: int
    quantity: int
    held: int
    sold: int
    max_per_user: int | None
    sales_start: datetime | None
    sales_end: datetime | None

    @property
    def free(self) -> int:
        """Seats that can be held now."""
        return self.quantity - self.held - self.sold

    def resize(self, asked: int) -> None:
        """Offer another number of seats; never fewer than are held and sold."""
        self.asked = asked
        self.quantity = max(asked, self.held + self.sold)

    def refusal(self, quantity: int, *, share: int, sale: Sale, now: datetime) -> Refused | None:
        """Why a buyer who holds ``share`` of these seats already cannot have ``quantity`` more, None if they can."""
        opens, closes = self.sales_start or now, min(self.sales_end or sale.starts_at, sale.starts_at)
        if sale.called_off or not opens <= now < closes:
            return Refused("not_on_sale")
        if self.max_per_user is not None and share + quantity > self.max_per_user:
            return Refused("limit_exceeded")
        if quantity > self.free:
            return Refused("sold_out")
        return None

    def hold(self, quantity: int) -> None:
        """Free seats become held."""
        self.held += quantity

    def sell(self, quantity: int) -> None:
        """Held seats become sold."""
        self.held -= quantity
        self.sold += quantity

    def take_back(self, quantity: int, *, sold: bool) -> None:
        """Held or sold seats become free."""
        if sold:
            self.sold -= quantity
        else:
            self.held -= quantity
        self.resize(self.asked)


@dataclass(slots=True)
class Share:
    """How many seats of one ticket type one buyer holds or bought: what ``max_per_user`` limits."""

    shared: ClassVar[bool] = True

    id: str
    quantity: int = 0

    @staticmethod
    def key(ticket_id: UUID, user_id: UUID) -> str:
        """A buyer's share of a ticket type."""
        return f"{ticket_id}:{user_id}"


@dataclass(slots=True)
class Reservation:
    """Seats of one ticket type for one buyer, at the price of the moment they were held. Any order may name it."""

    shared: ClassVar[bool] = True

    id: UUID
    user_id: UUID
    ticket_id: UUID
    event_id: UUID | None
    ticket_name: str
    quantity: int
    unit_cents: int
    status: Status
    reason: str | None
    order_id: UUID | None
    expires_at: datetime | None
    created_at: datetime

    def attachable(self, user_id: UUID, event_id: UUID, now: datetime) -> Refused | None:
        """Why an order of this buyer, for this event, cannot have it; None if it can."""
        if self.user_id != user_id:
            return Refused("wrong_owner")
        match self.status:
            case Status.REJECTED:
                return Refused("not_held")
            case Status.RELEASED:
                return Refused("expired" if self.reason == "expired" else "not_held")
            case _ if self.event_id != event_id:
                return Refused("wrong_event")
            case Status.ATTACHED | Status.CONFIRMED:
                return Refused("already_attached")
            case Status.HELD if self.has_run_out(now):
                return Refused("expired")
        return None

    def has_run_out(self, now: datetime) -> bool:
        """Its time is up, by the clock."""
        return self.expires_at is not None and self.expires_at <= now

    def attach(self, order_id: UUID) -> None:
        """It belongs to an order."""
        self.status, self.order_id = Status.ATTACHED, order_id

    def detach(self) -> None:
        """Its order was rejected: it is a plain hold again, until it expires."""
        self.status, self.order_id = Status.HELD, None

    def confirm(self, stock: Stock) -> None:
        """It is sold."""
        self.status = Status.CONFIRMED
        stock.sell(self.quantity)

    def release(self, reason: str, stock: Stock, share: Share) -> None:
        """Its seats are free again."""
        stock.take_back(self.quantity, sold=self.status is Status.CONFIRMED)
        share.quantity -= self.quantity
        self.status, self.reason = Status.RELEASED, reason


@dataclass(slots=True)
class Attachment:
    """An order's hold on its reservations: they are confirmed together or not at all."""

    id: UUID
    event_id: UUID
    user_id: UUID
    reservation_ids: tuple[UUID, ...]
    status: Bond = Bond.ATTACHED

    def confirm(self) -> bool:
        """The order is paid. False when that is known already, or comes too late."""
        return self._become(Bond.CONFIRMED, Bond.ATTACHED)

    def expire(self) -> bool:
        """A reservation's time is up. False when the order was faster: it is paid, rejected or cancelled."""
        return self._become(Bond.RELEASED, Bond.ATTACHED)

    def detach(self) -> bool:
        """The order was rejected. False when its reservations are released already."""
        return self._become(Bond.DETACHED, Bond.ATTACHED)

    def release(self) -> bool:
        """The order was cancelled. False when its reservations are released already."""
        return self._become(Bond.RELEASED, Bond.ATTACHED, Bond.CONFIRMED)

    def _become(self, then: Bond, *now: Bond) -> bool:
        if self.status not in now:
            return False
        self.status = then
        return True
