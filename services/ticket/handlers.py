"""Every message that the ticket service hears, and its answer."""

from collections.abc import Iterator

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.reservation import ReservationsConfirmed, SeatLine
from contracts.ticket import (
    IssuedTicket,
    RenderTickets,
    TicketsIssued,
    TicketsVoided,
    VoidRefused,
    VoidTickets,
)
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.handling import Emitted, Handlers, nothing
from services.chassis.rows import Key, Rows
from services.ticket.domain import EventFacts, Holder, Issue, Status, Ticket, ticket_id
from services.ticket.ports import Ports, Printed, Reprints

on = Handlers(Ports)


# Issuing and voiding


def its_tickets(message: ReservationsConfirmed, rows: Rows) -> Iterator[Key]:
    """The order's issue, the tickets that it will have, and what they show."""
    yield Key(Issue, message.order_id)
    for line in message.lines:
        for number in range(1, line.quantity + 1):
            yield Key(Ticket, ticket_id(line.reservation_id, number))
    yield Key(Holder, message.user_id)
    yield Key(EventFacts, message.event_id)


@on(ReservationsConfirmed, touches=its_tickets, effect=Printed)
def issue(message: ReservationsConfirmed, ports: Ports) -> Iterator[Emitted]:
    """Issue the order's tickets, whose PDFs are stored. What has changed since they were printed is printed again."""
    printed = ports.effect
    assert isinstance(printed, Printed)
    event = ports.rows.get(EventFacts, message.event_id)
    holder = ports.rows.get(Holder, message.user_id)
    if ports.rows.find(Issue, message.order_id):
        return
    tickets = [
        _issued(message, line, number, printed) for line in message.lines for number in range(1, line.quantity + 1)
    ]
    ports.rows.add(Issue(message.order_id, message.event_id, tuple(ticket.id for ticket in tickets)))
    for ticket in tickets:
        ports.rows.add(ticket)
    yield TicketsIssued(
        order_id=message.order_id,
        event_id=message.event_id,
        tickets=tuple(
            IssuedTicket(ticket_id=ticket.id, reservation_id=ticket.reservation_id, number=ticket.number)
            for ticket in tickets
        ),
    )
    if event.version != printed.event_version:
        yield RenderTickets(event_id=event.id)
    if holder.version != printed.holder_version:
        yield RenderTickets(user_id=holder.id)


def _issued(message: ReservationsConfirmed, line: SeatLine, number: int, printed: Printed) -> Ticket:
    identity = ticket_id(line.reservation_id, number)
    return Ticket(
        id=identity,
        order_id=message.order_id,
        reservation_id=line.reservation_id,
        event_id=message.event_id,
        user_id=message.user_id,
        type_id=line.ticket_id,
        type_name=line.ticket_name,
        price_cents=line.unit_price.cents,
        number=number,
        total=line.quantity,
        status=Status.ISSUED,
        used_at=None,
        pdf_key=printed.pdf_keys[identity],
        event_version=printed.event_version,
        holder_version=printed.holder_version,
    )


def the_whole_issue(message: VoidTickets, rows: Rows) -> Iterator[Key]:
    """The order's issue, all its tickets, and when its event begins."""
    yield Key(Issue, message.order_id)
    if issued := rows.peek(Issue, message.order_id):
        for identity in issued.ticket_ids:
            yield Key(Ticket, identity)
    yield Key(EventFacts, message.event_id)


@on(VoidTickets, touches=the_whole_issue)
def void(message: VoidTickets, ports: Ports) -> Iterator[Emitted]:
    """Void the order's tickets, all or none. Once gates are open a buyer cannot withdraw, a called-off event can."""
    issued = ports.rows.get(Issue, message.order_id)
    event = ports.rows.get(EventFacts, message.event_id)
    tickets = [ports.rows.get(Ticket, identity) for identity in issued.ticket_ids]
    withdrawn = message.reason == "cancelled"
    refused = issued.void(tickets, too_late=withdrawn and event.gates_are_open(ports.now, ports.gates_open_before))
    if refused is None:
        yield TicketsVoided(order_id=message.order_id, event_id=message.event_id)
    else:
        yield VoidRefused.model_validate(
            {"order_id": message.order_id, "event_id": message.event_id, "reason": refused.reason}
        )


# Printing again


def printed_again(page: Reprints) -> Iterator[Key]:
    """The tickets of the page."""
    for reprint in page.tickets:
        yield Key(Ticket, reprint.ticket_id)


@on(RenderTickets, touches=nothing, finds=printed_again, effect=Reprints)
def replace(message: RenderTickets, ports: Ports) -> Iterator[Emitted]:
    """Let tickets that are still good show their new PDFs, and go on with the next page."""
    page = ports.effect
    assert isinstance(page, Reprints)
    for reprint in page.tickets:
        ports.rows.get(Ticket, reprint.ticket_id).reprint(
            reprint.pdf_key, reprint.event_version, reprint.holder_version
        )
    if page.more:
        yield message.model_copy(update={"after": page.tickets[-1].ticket_id})


# The catalogue


def its_facts(message: EventScheduled | EventChanged | EventCancelled, rows: Rows) -> Iterator[Key]:
    """The event."""
    yield Key(EventFacts, message.event_id)


@on(EventScheduled, EventChanged, touches=its_facts)
def learn_of_event(message: EventScheduled | EventChanged, ports: Ports) -> Iterator[Emitted]:
    """Know what an event's tickets show, and print them again where that changed."""
    event = ports.rows.find(EventFacts, message.event_id)
    if event is None:
        ports.rows.add(_facts(message))
    elif _learn(event, message) and isinstance(message, EventChanged):
        yield RenderTickets(event_id=event.id)


@on(EventCancelled, touches=its_facts)
def call_off(message: EventCancelled, ports: Ports) -> Iterator[Emitted]:
    """Let nobody in any more. Tickets are voided by their orders' cancellation."""
    event = ports.rows.find(EventFacts, message.event_id)
    if event is None:
        event = _facts(message)
        ports.rows.add(event)
    _learn(event, message)
    event.call_off()
    yield from ()


def _facts(message: EventScheduled | EventChanged | EventCancelled) -> EventFacts:
    return EventFacts(
        message.event_id, message.version, message.title, message.location, message.date, message.timezone
    )


def _learn(event: EventFacts, message: EventScheduled | EventChanged | EventCancelled) -> bool:
    return event.learn(message.version, message.title, message.location, message.date, message.timezone)


def the_holder(message: UserRegistered | UserUpdated | UserErased, rows: Rows) -> Iterator[Key]:
    """The buyer."""
    yield Key(Holder, message.user_id)


@on(UserRegistered, UserUpdated, touches=the_holder)
def learn_of_holder(message: UserRegistered | UserUpdated, ports: Ports) -> Iterator[Emitted]:
    """Know a buyer's name, and print their tickets again where it changed."""
    holder = ports.rows.find(Holder, message.user_id)
    if holder is None:
        ports.rows.add(Holder(message.user_id, message.version, message.name))
    elif holder.learn(message.version, message.name) and isinstance(message, UserUpdated):
        yield RenderTickets(user_id=holder.id)


@on(UserErased, touches=the_holder)
def forget(message: UserErased, ports: Ports) -> Iterator[Emitted]:
    """Forget a buyer's name, on every ticket."""
    holder = ports.rows.find(Holder, message.user_id)
    if holder is None:
        ports.rows.add(Holder(message.user_id, message.version, None, erased=True))
    elif holder.erase(message.version):
        yield RenderTickets(user_id=holder.id)
