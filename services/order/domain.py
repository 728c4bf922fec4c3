"""An order, from the first question to the last refund. It follows the word of those who decide: the reservation
service (paid or expired), the payment (paid or withdrawn) and the ticket service (used or withdrawn).

order: ``placed → awaiting_payment → confirmed → completed``; ``awaiting_payment → completed``; ``rejected`` at birth or
from ``placed``; ``awaiting_payment → cancelled``; ``completed → cancelling → cancelled | completed``; ``cancelled →
refunded`` when money had been taken.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self
from uuid import UUID

from services.chassis.kernel import Impossible, NotYet

type Withdrawal = Literal["cancelled", "event_cancelled"]
"""Who wants an order undone: its buyer, or, which is stronger, the event that is called off."""


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    REJECTED = "rejected"


ENDED = frozenset({Status.REJECTED, Status.CANCELLED, Status.REFUNDED})
"""Nothing is left to be undone. Every other order is live: a completed one has tickets that can be voided."""

AT_REST = ENDED | {Status.COMPLETED}
"""Nobody owes the buyer a decision."""


class Word(StrEnum):
    """What an order says. Which message that is, the handlers know."""

    PLACED = "placed"
    REJECTED = "rejected"
    PAYMENT_REQUESTED = "payment_requested"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    VOID_PAYMENT = "void_payment"
    VOID_TICKETS = "void_tickets"


type Words = tuple[Word, ...]

SILENT: Words = ()


@dataclass(slots=True)
class Buyer:
    """Whether a buyer is known, or known no more. Never their name: an order keeps the id only."""

    shared: ClassVar[bool] = True

    id: UUID
    version: int
    erased: bool

    def learn(self, version: int, *, erased: bool) -> None:
        """Take over a newer state; an older one is ignored."""
        if version > self.version:
            self.version, self.erased = version, erased


@dataclass(slots=True)
class EventMark:
    """Whether an event is called off. It exists as soon as anybody asks, so that placing an order and calling the event
    off lock the same row: of the two, one sees what the other has done.
    """

    shared: ClassVar[bool] = True

    id: UUID
    called_off: bool

    @classmethod
    def on_sight(cls, event_id: UUID) -> Self:
        """The mark of an event of which nothing has been heard."""
        return cls(event_id, called_off=False)

    def call_off(self) -> bool:
        """Called off, for ever. False when that is known already."""
        news = not self.called_off
        self.called_off = True
        return news


@dataclass(frozen=True, slots=True)
class Item:
    """A reservation that the buyer wants to buy, with what they believe of it."""

    reservation_id: UUID
    ticket_id: UUID | None
    quantity: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A product that the buyer wants with the tickets."""

    product_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Seats:
    """A reservation that belongs to the order, at the price it was held at."""

    reservation_id: UUID
    ticket_id: UUID
    name: str
    quantity: int
    unit_cents: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A product that is set aside for the order, at its price of that moment."""

    product_id: UUID
    name: str
    quantity: int
    unit_cents: int


@dataclass(slots=True)
class Order:
    """What a buyer orders for one event.

    ``total_cents`` is what the buyer agreed to. ``seats`` and ``extras`` are None while their answer is awaited, and
    empty when there are none. ``pay_before`` is when the reservations end, less a margin for the payment to arrive.
    ``withdrawal`` and ``expired`` are remembered while someone else still has to speak. ``kept`` is why the last
    cancellation was refused by the gate.

    Every method that changes the status returns what the order says to that, ``SILENT`` for nothing. It raises
    Impossible when the status and the news cannot meet, for someone has then decided twice.
    """

    id: UUID
    user_id: UUID
    event_id: UUID
    items: tuple[Item, ...]
    wishes: tuple[Wish, ...]
    total_cents: int
    payment_method: str
    payment_token: str | None
    created_at: datetime
    status: Status = Status.PLACED
    reason: str | None = None
    seats: tuple[Seats, ...] | None = None
    extras: tuple[Extra, ...] | None = None
    refusal: str | None = None
    pay_before: datetime | None = None
    withdrawal: Withdrawal | None = None
    expired: bool = False
    kept: str | None = None
    refunded_at: datetime | None = None

    @property
    def expected_cents(self) -> int | None:
        """Its price by the answers; None while one is awaited, or when one is a refusal."""
        if self.refusal or self.seats is None or self.extras is None:
            return None
        lines: tuple[Seats | Extra, ...] = (*self.seats, *self.extras)
        return sum(line.quantity * line.unit_cents for line in lines)

    # The answers

    def place(self, refusal: str | None) -> Words:
        """It is new: ask for its seats and products, unless there is a reason not to."""
        if refusal:
            return self._reject(refusal)
        if not self.wishes:
            self.extras = ()
        return (Word.PLACED,)

    def attach(self, seats: tuple[Seats, ...], pay_before: datetime, now: datetime) -> Words:
        """The seats belong to it."""
        self._check_awaited("seats", self.seats)
        self.seats, self.pay_before = seats, pay_before
        return self._conclude(now)

    def refuse_seats(self, reason: str, now: datetime) -> Words:
        """It cannot have the seats. This outranks a refusal of its products, whichever of them is heard first."""
        self._check_awaited("seats", self.seats)
        self.seats, self.refusal = (), reason
        return self._conclude(now)

    def allocate(self, extras: tuple[Extra, ...], now: datetime) -> Words:
        """The products are set aside for it."""
        self._check_awaited("products", self.extras)
        self.extras = extras
        return self._conclude(now)

    def refuse_products(self, reason: str, now: datetime) -> Words:
        """It cannot have the products."""
        self._check_awaited("products", self.extras)
        self.extras, self.refusal = (), self.refusal or reason
        return self._conclude(now)

    def _check_awaited(self, what: str, answer: object) -> None:
        if self.status is not Status.PLACED or answer is not None:
            raise self._impossible(f"be answered about {what}")

    def _conclude(self, now: datetime) -> Words:
        # It speaks only after all whom it asked have answered, so that a compensation never overtakes what it undoes.
        if self.seats is None or self.extras is None:
            return SILENT
        if reason := self.withdrawal or self.refusal or self._objection(now):
            return self._reject(reason)
        self.status = Status.AWAITING_PAYMENT
        return (Word.PAYMENT_REQUESTED,)

    def _objection(self, now: datetime) -> str | None:
        if self.expired or (self.pay_before is not None and now > self.pay_before):
            return "expired"
        return None if self.expected_cents == self.total_cents else "total_mismatch"

    # The way to the tickets

    def confirm(self) -> Words:
        """Its seats are sold. No news when its tickets were faster, or an issue is taken up again."""
        match self.status:
            case Status.AWAITING_PAYMENT:
                self.status = Status.CONFIRMED
            case Status.PLACED | Status.REJECTED:
                raise self._impossible("be confirmed")
            case _:
                pass
        return SILENT

    def complete(self) -> Words:
        """Its tickets are issued; they are voided at once when someone wants it undone."""
        if self.status not in {Status.AWAITING_PAYMENT, Status.CONFIRMED}:
            raise self._impossible("be completed")
        if self.withdrawal:
            self.status = Status.CANCELLING
            return (Word.COMPLETED, Word.VOID_TICKETS)
        self.status = Status.COMPLETED
        return (Word.COMPLETED,)

    # The ways back

    def withdraw(self, reason: Withdrawal) -> Words:
        """Someone wants it undone. The first one is heard; a second one only makes the reason stronger."""
        if self.status in ENDED:
            return SILENT
        first = self.withdrawal is None
        if first or reason == "event_cancelled":
            self.withdrawal = reason
        match self.status:
            case Status.AWAITING_PAYMENT if first:
                return (Word.VOID_PAYMENT,)
            case Status.COMPLETED:
                self.status, self.kept = Status.CANCELLING, None
                return (Word.VOID_TICKETS,)
            case _:
                return SILENT

    def expire(self) -> Words:
        """Its reservations ran out before they were paid."""
        match self.status:
            case Status.PLACED:
                self.expired = True
                return SILENT
            case Status.AWAITING_PAYMENT:
                return self._cancel("expired")
            case Status.REJECTED | Status.CANCELLED | Status.REFUNDED:
                return SILENT
            case _:
                raise self._impossible("expire")

    def decline(self) -> Words:
        """Nobody will pay."""
        match self.status:
            case Status.AWAITING_PAYMENT:
                return self._cancel("payment_declined")
            case Status.CANCELLED | Status.REFUNDED:
                return SILENT
            case _:
                raise self._impossible("have its payment declined")

    def payment_voided(self) -> Words:
        """Its payment is withdrawn, as was asked."""
        match self.status:
            case Status.AWAITING_PAYMENT if self.withdrawal:
                return self._cancel(self.withdrawal)
            case Status.CANCELLED | Status.REFUNDED:
                return SILENT
            case _:
                raise self._impossible("have its payment voided")

    def tickets_voided(self) -> Words:
        """Its tickets open no gate any more, as was asked."""
        if self.status is not Status.CANCELLING or self.withdrawal is None:
            raise self._impossible("have its tickets voided")
        return self._cancel(self.withdrawal)

    def keep(self, reason: Literal["used", "gates_open"]) -> Words:
        """Its tickets stay valid. Open gates stop a buyer only: an event called off meanwhile asks again."""
        if self.status is not Status.CANCELLING:
            raise self._impossible("keep its tickets")
        if self.withdrawal == "event_cancelled" and reason == "gates_open":
            return (Word.VOID_TICKETS,)
        self.status, self.withdrawal, self.kept = Status.COMPLETED, None, reason
        return SILENT

    def refund(self, at: datetime) -> Words:
        """The money is back with the buyer. Raises NotYet when this overtook the word that the payment is off."""
        match self.status:
            case Status.CANCELLED:
                self.status, self.refunded_at = Status.REFUNDED, at
            case Status.AWAITING_PAYMENT:
                raise NotYet(f"the payment of order {self.id} is refunded: that it was declined or voided comes first")
            case _:
                raise self._impossible("be refunded")
        return SILENT

    def _cancel(self, reason: str) -> Words:
        self.status, self.reason = Status.CANCELLED, reason
        return (Word.CANCELLED,)

    def _reject(self, reason: str) -> Words:
        self.status, self.reason = Status.REJECTED, reason
        return (Word.REJECTED,)

    def _impossible(self, what: str) -> Impossible:
        return Impossible(f"order {self.id} is {self.status} and cannot {what}")
