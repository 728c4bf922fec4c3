"""The story that the demonstration plays: one buyer gets tickets, one payment is declined, one hold runs out."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from contracts.event import EventBody
from contracts.money import Money
from contracts.order import OrderBody, OrderItem, OrderProduct, PaymentChoice
from contracts.product import ProductBody
from contracts.reservation import ReservationBody
from contracts.ticket import TicketTypeBody
from contracts.user import UserBody
from services.operations.client import Bilhetagem, Order, Reservation
from services.operations.demo.screen import Screen
from services.operations.errors import Trouble
from services.operations.verifying import read_printed
from services.ticket.adapters.qr import Claims, InvalidToken, PublicKeys, from_jwks, verify


@dataclass(frozen=True)
class Catalogue:
    """What is on sale: ids."""

    event: UUID
    pista: UUID
    camarote: UUID
    parking: UUID


@dataclass(frozen=True)
class Ending:
    """How the story ended: the tickets on disk, and what their QR codes say."""

    pdfs: tuple[Path, ...]
    claims: tuple[Claims, ...]


PISTA, CAMAROTE, PARKING = Money(180_00), Money(450_00), Money(60_00)
APPROVES, DECLINES = "approve", "decline"
"""What the mock gateway plays, by the payment's token."""


async def play(shop: Bilhetagem, screen: Screen, folder: Path) -> Ending:
    """Play the story, and see that everything has become of it that should. Raises Trouble otherwise."""
    catalogue = await _put_on_sale(shop, screen)
    ana, bruno, clara = await asyncio.gather(
        *(shop.register(UserBody(name=name, email=email)) for name, email in (
            ("Ana Lúcia Gonçalves", "ana@example.com"),
            ("Bruno Nakamura", "bruno@example.com"),
            ("Clara d'Ávila", "clara@example.com"),
        ))
    )  # fmt: skip
    screen.tell("Three buyers register: Ana pays, Bruno's payment will be declined, Clara will not order in time.")
    async with asyncio.TaskGroup() as group:
        completed = group.create_task(_completes(shop, screen, catalogue, ana.id))
        group.create_task(_declined(shop, screen, catalogue, bruno.id))
        group.create_task(_expires(shop, screen, catalogue, clara.id))
    await _check_availability(shop, catalogue)
    return await _tickets(shop, screen, completed.result(), folder)


async def _put_on_sale(shop: Bilhetagem, screen: Screen) -> Catalogue:
    date = (datetime.now(UTC) + timedelta(days=90)).replace(hour=23, minute=0, second=0, microsecond=0)
    event = await shop.schedule(EventBody(title="Noite de Samba", location="Fundição Progresso, Rio", date=date))
    pista, camarote, parking = await asyncio.gather(
        shop.put_on_sale(TicketTypeBody(event_id=event.id, name="Pista", quantity=100, price=PISTA)),
        shop.put_on_sale(
            TicketTypeBody(event_id=event.id, name="Camarote", quantity=10, price=CAMAROTE, max_per_user=4)
        ),
        shop.offer(ProductBody(event_id=event.id, name="Estacionamento", price=PARKING, stock=20)),
    )
    screen.tell(f"On sale: {event.title}, {event.location}; Pista R$ {PISTA}, Camarote R$ {CAMAROTE}.")
    return Catalogue(event.id, pista.id, camarote.id, parking.id)


async def _reserve(shop: Bilhetagem, screen: Screen, who: str, user: UUID, ticket: UUID, quantity: int) -> Reservation:
    decided = await shop.reserve(ReservationBody(user_id=user, ticket_id=ticket, quantity=quantity))
    screen.follow(who, str(decided.id))
    if decided.status != "held":
        raise Trouble(f"{who}'s reservation should be held, but is {_with_reason(decided)}.")
    screen.status(who, reservation="held")
    return decided


async def _completes(shop: Bilhetagem, screen: Screen, catalogue: Catalogue, user: UUID) -> Order:
    reservations = await asyncio.gather(
        _reserve(shop, screen, "Ana", user, catalogue.pista, 2),
        _reserve(shop, screen, "Ana", user, catalogue.camarote, 1),
    )
    body = OrderBody(
        user_id=user,
        event_id=catalogue.event,
        items=tuple(OrderItem(reservation_id=reservation.id) for reservation in reservations),
        products=(OrderProduct(product_id=catalogue.parking, quantity=1),),
        total_price=PISTA * 2 + CAMAROTE + PARKING,
        payment=PaymentChoice(token=APPROVES),
    )
    return await _ends(shop, screen, "Ana", body, order_status="completed", payment="approved")


async def _declined(shop: Bilhetagem, screen: Screen, catalogue: Catalogue, user: UUID) -> None:
    reservation = await _reserve(shop, screen, "Bruno", user, catalogue.pista, 1)
    body = OrderBody(
        user_id=user,
        event_id=catalogue.event,
        items=(OrderItem(reservation_id=reservation.id),),
        total_price=PISTA,
        payment=PaymentChoice(token=DECLINES),
    )
    await _ends(shop, screen, "Bruno", body, order_status="cancelled", payment="declined")


async def _expires(shop: Bilhetagem, screen: Screen, catalogue: Catalogue, user: UUID) -> None:
    reservation = await _reserve(shop, screen, "Clara", user, catalogue.pista, 2)
    released = await shop.reservation_becomes(reservation.id, "released")
    screen.status("Clara", reservation=f"released ({released.reason})")


async def _ends(
    shop: Bilhetagem, screen: Screen, who: str, body: OrderBody, *, order_status: str, payment: str
) -> Order:
    screen.status(who, order="pending")
    placed = await shop.place_order(body)
    screen.follow(who, str(placed.id))
    screen.status(who, order=placed.status)
    ended = await shop.order_becomes(placed.id)
    screen.status(who, order=_with_reason(ended))
    if ended.status != order_status:
        raise Trouble(f"{who}'s order should be {order_status}, but is {_with_reason(ended)}.")
    paid = await shop.payment(ended.id, payment)
    seats = await shop.reservation_becomes(body.items[0].reservation_id, "confirmed", "released")
    screen.status(who, payment=paid.status, reservation=_with_reason(seats))
    return ended


def _with_reason(resource: Order | Reservation) -> str:
    return f"{resource.status} ({resource.reason})" if resource.reason else resource.status


async def _check_availability(shop: Bilhetagem, catalogue: Catalogue) -> None:
    seats = await shop.availability(catalogue.pista)
    if (seats.free, seats.held, seats.sold) != (98, 0, 2):
        raise Trouble(f"Of 100 Pista tickets 2 should be sold and 98 free, but it is {seats}.")


async def _tickets(shop: Bilhetagem, screen: Screen, order: Order, folder: Path) -> Ending:
    issued = [ticket async for ticket in shop.issued(order.id)]
    if len(issued) != 3:
        raise Trouble(f"Ana bought 3 tickets, but {len(issued)} are issued.")
    screen.status("Ana", tickets=f"{len(issued)} issued")
    pdfs = []
    for number, ticket in enumerate(issued, 1):
        path = folder / f"ingresso-{number}.pdf"
        path.write_bytes(await shop.pdf(ticket))
        pdfs.append(path)
    keys = from_jwks(await shop.public_keys())
    claims = tuple(_verified(pdf, keys) for pdf in pdfs)
    if {claim.ticket_id for claim in claims} != {ticket.id for ticket in issued}:
        raise Trouble("The QR codes on the PDFs are not those of the tickets that were issued.")
    return Ending(tuple(pdfs), claims)


def _verified(pdf: Path, keys: PublicKeys) -> Claims:
    try:
        return verify(read_printed(pdf), keys)
    except InvalidToken as invalid:
        raise Trouble(f"The QR code on {pdf} is not valid: {invalid.reason}.") from None
