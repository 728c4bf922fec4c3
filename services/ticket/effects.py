"""What the ticket service does outside: prints PDFs before the transaction that issues or replaces them."""

from contracts.reservation import ReservationsConfirmed
from contracts.ticket import RenderTickets
from services.chassis.kernel import NotYet
from services.ticket.domain import ticket_id
from services.ticket.ports import Catalogue, Press, Printed, Reprint, Reprints, Sheet

PAGE = 20
"""Tickets printed again at once: well within the time for which a message is invisible, heartbeats or not."""


async def print_order(message: ReservationsConfirmed, catalogue: Catalogue, press: Press) -> Printed:
    """Print every ticket of the order, as the catalogue knows its event and holder now.

    Raises NotYet, without a deadline, until both are known: both surely come, since an order is placed by a known
    buyer, and a ticket type sells only once its event is known.
    """
    event = await catalogue.event(message.event_id)
    if event is None:
        raise NotYet(f"event {message.event_id} is not known yet")
    holder = await catalogue.holder(message.user_id)
    if holder is None:
        raise NotYet(f"ticket holder {message.user_id} is not known yet")
    sheets = [
        Sheet(
            id=ticket_id(line.reservation_id, number),
            order_id=message.order_id,
            type_name=line.ticket_name,
            price_cents=line.unit_price.cents,
            number=number,
            total=line.quantity,
            event=event,
            holder=holder,
        )
        for line in message.lines
        for number in range(1, line.quantity + 1)
    ]
    keys = await press(sheets)
    return Printed(
        event_version=event.version,
        holder_version=holder.version,
        pdf_keys={sheet.id: key for sheet, key in zip(sheets, keys, strict=True)},
    )


async def print_again(message: RenderTickets, catalogue: Catalogue, press: Press) -> Reprints:
    """Print the next page of tickets whose PDF is out of date."""
    sheets = await catalogue.outdated(
        event_id=message.event_id, user_id=message.user_id, after=message.after, limit=PAGE
    )
    keys = await press(sheets)
    return Reprints(
        tickets=tuple(
            Reprint(
                ticket_id=sheet.id,
                pdf_key=key,
                event_version=sheet.event.version,
                holder_version=sheet.holder.version,
            )
            for sheet, key in zip(sheets, keys, strict=True)
        ),
        more=len(sheets) == PAGE,
    )
