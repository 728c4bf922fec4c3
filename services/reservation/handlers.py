"""Every message that the reservation service hears, and its answer."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.money import Money
from contracts.order import OrderCancelled, OrderItem, OrderPlaced, OrderRejected
from contracts.payment import PaymentApproved
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
    SeatLine,
    TicketsReserved,
)
from contracts.ticket import TicketTypeChanged, TicketTypeCreated
from services.chassis.handling import PATIENCE, Emitted, Handlers, Later
from services.chassis.ids import minted_at
from services.chassis.kernel import Refused
from services.chassis.rows import Key, Rows
from services.reservation.domain import Attachment, Reservation, Sale, Share, Status, Stock
from services.reservation.ports import Ports

on = Handlers(Ports)


# Holding


def seats_wanted(message: ReserveTickets, rows: Rows) -> Iterator[Key]:
    """The new reservation, the stock, the buyer's share of it, and whether its event is on."""
    yield Key(Reservation, message.reservation_id)
    yield Key(Stock, message.ticket_id)
    yield Key(Share, Share.key(message.ticket_id, message.user_id))
    if stock := rows.peek(Stock, message.ticket_id):
        yield Key(Sale, stock.event_id)


@on(ReserveTickets, touches=seats_wanted)
def reserve(message: ReserveTickets, ports: Ports) -> Iterator[Emitted]:
    """Hold the seats, or say why not."""
    answer = _decide(message, ports)
    if isinstance(answer, Refused):
        ports.rows.add(_rejected(message, answer.reason, ports))
        yield ReservationRejected.model_validate(
            {"reservation_id": message.reservation_id, "ticket_id": message.ticket_id, "reason": answer.reason}
        )
        return
    stock, share = answer
    stock.hold(message.quantity)
    share.quantity += message.quantity
    expires_at = ports.now + ports.hold_for
    ports.rows.add(_held(message, stock, expires_at, ports))
    yield TicketsReserved(
        reservation_id=message.reservation_id,
        user_id=message.user_id,
        ticket_id=stock.id,
        event_id=stock.event_id,
        quantity=message.quantity,
        unit_price=Money(stock.price_cents),
        expires_at=expires_at,
    )
    yield Later(ExpireReservation(reservation_id=message.reservation_id), due=expires_at)


def _decide(message: ReserveTickets, ports: Ports) -> tuple[Stock, Share] | Refused:
    rows = ports.rows
    stock = rows.find(Stock, message.ticket_id)
    if stock is None:
        ports.wait_for(f"ticket type {message.ticket_id}", until=ports.sent + PATIENCE)
        return Refused("unknown_ticket")
    sale = rows.find(Sale, stock.event_id)
    if sale is None:
        ports.wait_for(f"event {stock.event_id}", until=ports.sent + PATIENCE)
        return Refused("not_on_sale")
    share_id = Share.key(stock.id, message.user_id)
    share = rows.find(Share, share_id)
    refusal = stock.refusal(message.quantity, share=share.quantity if share else 0, sale=sale, now=ports.now)
    if refusal:
        return refusal
    if share is None:
        share = Share(share_id)
        rows.add(share)
    return stock, share


def _rejected(message: ReserveTickets, reason: str, ports: Ports) -> Reservation:
    return Reservation(
        id=message.reservation_id,
        user_id=message.user_id,
        ticket_id=message.ticket_id,
        event_id=None,
        ticket_name="",
        quantity=message.quantity,
        unit_cents=0,
        status=Status.REJECTED,
        reason=reason,
        order_id=None,
        expires_at=None,
        created_at=ports.now,
    )


def _held(message: ReserveTickets, stock: Stock, expires_at: datetime, ports: Ports) -> Reservation:
    return Reservation(
        id=message.reservation_id,
        user_id=message.user_id,
        ticket_id=stock.id,
        event_id=stock.event_id,
        ticket_name=stock.name,
        quantity=message.quantity,
        unit_cents=stock.price_cents,
        status=Status.HELD,
        reason=None,
        order_id=None,
        expires_at=expires_at,
        created_at=ports.now,
    )


def one_hold(message: CancelReservation, rows: Rows) -> Iterator[Key]:
    """A reservation and what it takes from."""
    yield Key(Reservation, message.reservation_id)
    if hold := rows.peek(Reservation, message.reservation_id):
        yield Key(Stock, hold.ticket_id)
        yield Key(Share, Share.key(hold.ticket_id, hold.user_id))


@on(CancelReservation, touches=one_hold)
def cancel(message: CancelReservation, ports: Ports) -> Iterator[Emitted]:
    """Release a plain hold. One that belongs to an order stays: cancelling the order releases it."""
    hold = ports.rows.find(Reservation, message.reservation_id)
    if hold is None:
        minted = minted_at(message.reservation_id)
        if minted is not None:
            ports.wait_for(f"reservation {message.reservation_id}", until=minted + ports.pending_horizon)
        return
    if hold.status is Status.HELD:
        _release(hold, "cancelled", ports)
        yield HoldReleased(reservation_id=hold.id, ticket_id=hold.ticket_id)


# Expiring


def looked_at(message: ExpireReservation) -> Iterator[Key]:
    """The reservation tells which order it belongs to, whose attachment is locked before it."""
    yield Key(Reservation, message.reservation_id)


def one_hold_or_its_whole_order(message: ExpireReservation, rows: Rows) -> Iterator[Key]:
    """The reservation, and everything of its order if it has one."""
    hold = rows.peek(Reservation, message.reservation_id)
    if hold and hold.order_id:
        yield from _whole_order(hold.order_id, rows)
    yield Key(Reservation, message.reservation_id)
    if hold:
        yield Key(Stock, hold.ticket_id)
        yield Key(Share, Share.key(hold.ticket_id, hold.user_id))


@on(ExpireReservation, touches=one_hold_or_its_whole_order, looks=looked_at)
def expire(message: ExpireReservation, ports: Ports) -> Iterator[Emitted]:
    """Release a hold whose time is up; with it, all the reservations of its order."""
    hold = ports.rows.get(Reservation, message.reservation_id)
    if hold.status not in {Status.HELD, Status.ATTACHED}:
        return
    if hold.expires_at:
        ports.wait_for(f"{hold.expires_at.astimezone(UTC).isoformat()}, when the hold ends", until=hold.expires_at)
    if hold.order_id is None:
        _release(hold, "expired", ports)
        yield HoldExpired(reservation_id=hold.id, ticket_id=hold.ticket_id)
        return
    attachment = ports.rows.get(Attachment, hold.order_id)
    if attachment.expire():
        _release_all(attachment, "expired", ports)
        yield ReservationExpired(reservation_id=hold.id, order_id=attachment.id, event_id=attachment.event_id)


# Belonging to an order


def wanted_by_order(message: OrderPlaced, rows: Rows) -> Iterator[Key]:
    """The order's attachment, the reservations it names, and whether its event is on."""
    yield Key(Attachment, message.order_id)
    for item in message.items:
        yield Key(Reservation, item.reservation_id)
    yield Key(Sale, message.event_id)


@on(OrderPlaced, touches=wanted_by_order)
def attach(message: OrderPlaced, ports: Ports) -> Iterator[Emitted]:
    """Attach every reservation of the order, or none."""
    refusal = _refusal(message, ports)
    if refusal:
        yield ReservationsRefused.model_validate(
            {"order_id": message.order_id, "event_id": message.event_id, "reason": refusal.reason}
        )
        return
    holds = [ports.rows.get(Reservation, item.reservation_id) for item in message.items]
    for hold in holds:
        hold.attach(message.order_id)
    ports.rows.add(Attachment(message.order_id, message.event_id, message.user_id, tuple(hold.id for hold in holds)))
    yield ReservationsAttached(
        order_id=message.order_id,
        event_id=message.event_id,
        lines=tuple(map(_line, holds)),
        expires_at=min(hold.expires_at for hold in holds if hold.expires_at),
    )


def _refusal(message: OrderPlaced, ports: Ports) -> Refused | None:
    sale = ports.rows.find(Sale, message.event_id)
    if sale and sale.called_off:
        return Refused("event_cancelled")
    answers = {item: _refusal_of_item(item, message, ports) for item in message.items}
    for refusal in answers.values():
        if refusal and refusal.reason not in {"unknown_reservation", "already_attached"}:
            return refusal
    # What is unknown may be in its queue still, and what is attached may belong to an order that is being rejected.
    for item, refusal in answers.items():
        if refusal:
            what = f"reservation {item.reservation_id}, {refusal.reason.replace('_', ' ')}"
            ports.wait_for(what, until=ports.sent + PATIENCE)
            return refusal
    return None


def _refusal_of_item(item: OrderItem, message: OrderPlaced, ports: Ports) -> Refused | None:
    hold = ports.rows.find(Reservation, item.reservation_id)
    if hold is None:
        return Refused("unknown_reservation")
    if refusal := hold.attachable(message.user_id, message.event_id, ports.now):
        return refusal
    if item.ticket_id not in {None, hold.ticket_id} or item.quantity not in {None, hold.quantity}:
        return Refused("items_mismatch")
    return None


def its_whole_order(message: PaymentApproved | OrderRejected | OrderCancelled, rows: Rows) -> Iterable[Key]:
    """The order's attachment, its reservations and what they take from."""
    return _whole_order(message.order_id, rows)


@on(PaymentApproved, touches=its_whole_order)
def confirm(message: PaymentApproved, ports: Ports) -> Iterator[Emitted]:
    """Sell the seats. After they have expired nothing: the order is being cancelled, and the money goes back."""
    attachment = ports.rows.get(Attachment, message.order_id)
    if not attachment.confirm():
        return
    holds = [ports.rows.get(Reservation, reservation_id) for reservation_id in attachment.reservation_ids]
    for hold in holds:
        hold.confirm(ports.rows.get(Stock, hold.ticket_id))
    yield ReservationsConfirmed(
        order_id=attachment.id,
        event_id=attachment.event_id,
        user_id=attachment.user_id,
        lines=tuple(map(_line, holds)),
    )


@on(OrderRejected, touches=its_whole_order)
def detach(message: OrderRejected, ports: Ports) -> Iterable[Emitted]:
    """Its reservations are plain holds again. An order that was rejected at birth has none."""
    attachment = ports.rows.find(Attachment, message.order_id)
    if attachment and attachment.detach():
        for reservation_id in attachment.reservation_ids:
            ports.rows.get(Reservation, reservation_id).detach()
    return ()


@on(OrderCancelled, touches=its_whole_order)
def release(message: OrderCancelled, ports: Ports) -> Iterable[Emitted]:
    """Free the order's seats, unless they have expired already."""
    attachment = ports.rows.get(Attachment, message.order_id)
    if attachment.release():
        _release_all(attachment, "order_cancelled", ports)
    return ()


def _whole_order(order_id: UUID, rows: Rows) -> Iterator[Key]:
    yield Key(Attachment, order_id)
    if attachment := rows.peek(Attachment, order_id):
        for reservation_id in attachment.reservation_ids:
            yield Key(Reservation, reservation_id)
            if hold := rows.peek(Reservation, reservation_id):
                yield Key(Stock, hold.ticket_id)
                yield Key(Share, Share.key(hold.ticket_id, hold.user_id))


def _release_all(attachment: Attachment, reason: str, ports: Ports) -> None:
    for reservation_id in attachment.reservation_ids:
        _release(ports.rows.get(Reservation, reservation_id), reason, ports)


def _release(hold: Reservation, reason: str, ports: Ports) -> None:
    stock = ports.rows.get(Stock, hold.ticket_id)
    share = ports.rows.get(Share, Share.key(hold.ticket_id, hold.user_id))
    hold.release(reason, stock, share)


def _line(hold: Reservation) -> SeatLine:
    return SeatLine(
        reservation_id=hold.id,
        ticket_id=hold.ticket_id,
        ticket_name=hold.ticket_name,
        quantity=hold.quantity,
        unit_price=Money(hold.unit_cents),
    )


# The catalogue


def the_stock(message: TicketTypeCreated | TicketTypeChanged, _: Rows) -> Iterator[Key]:
    """The stock of the ticket type."""
    yield Key(Stock, message.ticket_id)


@on(TicketTypeCreated, TicketTypeChanged, touches=the_stock)
def offer(message: TicketTypeCreated | TicketTypeChanged, ports: Ports) -> Iterable[Emitted]:
    """Offer the seats as the organiser wants. An older version than the known one changes nothing."""
    stock = ports.rows.find(Stock, message.ticket_id)
    if stock is None:
        stock = Stock(message.ticket_id, 0, message.event_id, message.name, 0, 0, 0, 0, 0, None, None, None)
        ports.rows.add(stock)
    if message.version > stock.version:
        stock.version = message.version
        stock.name = message.name
        stock.price_cents = message.price.cents
        stock.max_per_user = message.max_per_user
        stock.sales_start, stock.sales_end = message.sales_start, message.sales_end
        stock.resize(message.quantity)
    return ()


def the_sale(message: EventScheduled | EventChanged | EventCancelled, _: Rows) -> Iterator[Key]:
    """What is known of the event."""
    yield Key(Sale, message.event_id)


@on(EventScheduled, EventChanged, EventCancelled, touches=the_sale)
def learn(message: EventScheduled | EventChanged | EventCancelled, ports: Ports) -> Iterable[Emitted]:
    """Open the event's sale, move its end, or close it for ever."""
    sale = ports.rows.find(Sale, message.event_id)
    if sale is None:
        sale = Sale(message.event_id, message.version, message.date)
        ports.rows.add(sale)
    sale.learn(message.version, message.date)
    if isinstance(message, EventCancelled):
        sale.call_off(message.version)
    return ()
