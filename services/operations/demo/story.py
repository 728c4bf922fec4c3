"""The story that the demonstration plays: one buyer gets tickets, one payment is declined, one hold runs out."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.operations.demo.screen import Screen
from services.operations.demo.shop import Shop
from services.operations.errors import Trouble
from services.operations.verifying import read_printed
from services.ticket.adapters.qr import Claims, InvalidToken, PublicKeys, from_jwks, verify


@dataclass(frozen=True)
class Catalogue:
    """What is on sale: ids."""

    event: str
    pista: str
    camarote: str
    parking: str


@dataclass(frozen=True)
class Ending:
    """How the story ended: the tickets on disk, and what their QR codes say."""

    pdfs: tuple[Path, ...]
    claims: tuple[Claims, ...]


PISTA, CAMAROTE, PARKING = 180.00, 450.00, 60.00


async def play(shop: Shop, screen: Screen, folder: Path) -> Ending:
    """Play the story, and see that everything has become of it that should. Raises Trouble otherwise."""
    catalogue = await _put_on_sale(shop, screen)
    ana, bruno, clara = await asyncio.gather(
        *(shop.post("/users/", name=name, email=email) for name, email in (
            ("Ana Lúcia Gonçalves", "ana@example.com"),
            ("Bruno Nakamura", "bruno@example.com"),
            ("Clara d'Ávila", "clara@example.com"),
        ))
    )  # fmt: skip
    screen.tell("Three buyers register: Ana pays, Bruno's payment will be declined, Clara will not order in time.")
    async with asyncio.TaskGroup() as group:
        completed = group.create_task(_completes(shop, screen, catalogue, ana["id"]))
        group.create_task(_declined(shop, screen, catalogue, bruno["id"]))
        group.create_task(_expires(shop, screen, catalogue, clara["id"]))
    await _check_availability(shop, catalogue)
    return await _tickets(shop, screen, completed.result(), folder)


async def _put_on_sale(shop: Shop, screen: Screen) -> Catalogue:
    date = (datetime.now(UTC) + timedelta(days=90)).replace(hour=23, minute=0, second=0, microsecond=0)
    event = await shop.post(
        "/events/", title="Noite de Samba", location="Fundição Progresso, Rio", date=date.isoformat()
    )
    about = {"event_id": event["id"]}
    pista = await shop.post("/tickets/", **about, name="Pista", quantity=100, price=PISTA)
    camarote = await shop.post("/tickets/", **about, name="Camarote", quantity=10, price=CAMAROTE, max_per_user=4)
    parking = await shop.post("/products/", **about, name="Estacionamento", price=PARKING, stock=20)
    screen.tell(f"On sale: {event['title']}, {event['location']}; Pista R$ {PISTA:.2f}, Camarote R$ {CAMAROTE:.2f}.")
    return Catalogue(event["id"], pista["id"], camarote["id"], parking["id"])


async def _reserve(shop: Shop, screen: Screen, who: str, user: str, ticket: str, quantity: int) -> str:
    accepted = await shop.post("/reservations/", user_id=user, ticket_id=ticket, quantity=quantity)
    screen.follow(who, accepted["id"])
    held = await shop.wait_for(f"/reservations/{accepted['id']}", ("held", "rejected"))
    if held["status"] != "held":
        raise Trouble(f"{who}'s reservation should be held, but is {held['status']} ({held.get('reason')}).")
    screen.status(who, reservation="held")
    return str(held["id"])


async def _order(shop: Shop, screen: Screen, who: str, **body: Any) -> str:
    accepted = await shop.post("/orders/", **body)
    screen.follow(who, accepted["id"])
    screen.status(who, order="pending")
    return str(accepted["id"])


async def _completes(shop: Shop, screen: Screen, catalogue: Catalogue, user: str) -> str:
    reservations = await asyncio.gather(
        _reserve(shop, screen, "Ana", user, catalogue.pista, 2),
        _reserve(shop, screen, "Ana", user, catalogue.camarote, 1),
    )
    order = await _order(
        shop,
        screen,
        "Ana",
        user_id=user,
        event_id=catalogue.event,
        items=[{"reservation_id": reservation} for reservation in reservations],
        products=[{"product_id": catalogue.parking, "quantity": 1}],
        total_price=2 * PISTA + CAMAROTE + PARKING,
        payment={"method": "pix", "token": "approve"},
    )
    await _ends(shop, screen, "Ana", order, order_status="completed", payment="approved", reservation=reservations[0])
    return order


async def _declined(shop: Shop, screen: Screen, catalogue: Catalogue, user: str) -> None:
    reservation = await _reserve(shop, screen, "Bruno", user, catalogue.pista, 1)
    order = await _order(
        shop,
        screen,
        "Bruno",
        user_id=user,
        event_id=catalogue.event,
        items=[{"reservation_id": reservation}],
        total_price=PISTA,
        payment={"method": "pix", "token": "decline"},
    )
    await _ends(shop, screen, "Bruno", order, order_status="cancelled", payment="declined", reservation=reservation)


async def _expires(shop: Shop, screen: Screen, catalogue: Catalogue, user: str) -> None:
    reservation = await _reserve(shop, screen, "Clara", user, catalogue.pista, 2)
    released = await shop.wait_for(f"/reservations/{reservation}", ("released",))
    screen.status("Clara", reservation=f"released ({released.get('reason')})")


async def _ends(
    shop: Shop, screen: Screen, who: str, order: str, *, order_status: str, payment: str, reservation: str
) -> None:
    ended = ("completed", "cancelled", "rejected", "refunded")
    waiting = await shop.wait_for(f"/orders/{order}", ("awaiting_payment", *ended))
    screen.status(who, order=waiting["status"])
    found = await shop.wait_for(f"/orders/{order}", ended)
    screen.status(who, order=_with_reason(found))
    if found["status"] != order_status:
        raise Trouble(f"{who}'s order should be {order_status}, but is {_with_reason(found)}.")
    paid = await shop.wait_for(f"/payments/{order}", (payment,))
    seats = await shop.wait_for(f"/reservations/{reservation}", ("confirmed", "released"))
    screen.status(who, payment=paid["status"], reservation=_with_reason(seats))


def _with_reason(resource: dict[str, Any]) -> str:
    return f"{resource['status']} ({resource['reason']})" if resource.get("reason") else str(resource["status"])


async def _check_availability(shop: Shop, catalogue: Catalogue) -> None:
    seats = await shop.get(f"/reservations/availability/{catalogue.pista}")
    counted = {name: seats[name] for name in ("free", "held", "sold")}
    if counted != {"free": 98, "held": 0, "sold": 2}:
        raise Trouble(f"Of 100 Pista tickets 2 should be sold and 98 free, but it is {counted}.")


async def _tickets(shop: Shop, screen: Screen, order: str, folder: Path) -> Ending:
    issued = await shop.listing(f"/tickets/issued?order_id={order}")
    if len(issued) != 3:
        raise Trouble(f"Ana bought 3 tickets, but {len(issued)} are issued.")
    screen.status("Ana", tickets=f"{len(issued)} issued")
    pdfs = []
    for number, ticket in enumerate(issued, 1):
        pdf = await shop.download(f"/tickets/{ticket['id']}/pdf")
        path = folder / f"ingresso-{number}.pdf"
        path.write_bytes(pdf)
        pdfs.append(path)
    keys = from_jwks(await shop.get("/tickets/keys"))
    claims = tuple(_verified(pdf, keys) for pdf in pdfs)
    if {claim.ticket_id for claim in claims} != {UUID(ticket["id"]) for ticket in issued}:
        raise Trouble("The QR codes on the PDFs are not those of the tickets that were issued.")
    return Ending(tuple(pdfs), claims)


def _verified(pdf: Path, keys: PublicKeys) -> Claims:
    try:
        return verify(read_printed(pdf), keys)
    except InvalidToken as invalid:
        raise Trouble(f"The QR code on {pdf} is not valid: {invalid.reason}.") from None
