"""Rows and messages of one order that the tests of the ticket service share: two seats in one reservation."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts.money import Money
from contracts.reservation import ReservationsConfirmed, SeatLine
from services.ticket.domain import EventFacts, Holder, Issue, IssueStatus, Status, Ticket, ticket_id

CONCERT, BUYER, FLOOR = UUID(int=1), UUID(int=2), UUID(int=3)
ORDER, RESERVATION = UUID(int=4), UUID(int=5)
FIRST, SECOND = ticket_id(RESERVATION, 1), ticket_id(RESERVATION, 2)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
STARTS_AT = NOW + timedelta(days=10)
GATES_OPEN_BEFORE = timedelta(hours=4)


def event(version: int = 1, *, called_off: bool = False, date: datetime = STARTS_AT) -> EventFacts:
    return EventFacts(CONCERT, version, "Tributo a Milton", "Circo Voador", date, "America/Sao_Paulo", called_off)


def holder(version: int = 1, name: str | None = "Ana Souza") -> Holder:
    return Holder(BUYER, version, name, erased=name is None)


def ticket(number: int = 1, status: Status = Status.ISSUED, versions: tuple[int, int] = (1, 1)) -> Ticket:
    return Ticket(
        id=ticket_id(RESERVATION, number),
        order_id=ORDER,
        reservation_id=RESERVATION,
        event_id=CONCERT,
        user_id=BUYER,
        type_id=FLOOR,
        type_name="Pista",
        price_cents=15000,
        number=number,
        total=2,
        status=status,
        used_at=NOW if status is Status.USED else None,
        pdf_key=f"{number}-v{versions[0]}.{versions[1]}.pdf",
        event_version=versions[0],
        holder_version=versions[1],
    )


def issue(status: IssueStatus = IssueStatus.ISSUED) -> Issue:
    return Issue(ORDER, CONCERT, (FIRST, SECOND), status)


CONFIRMED = ReservationsConfirmed(
    order_id=ORDER,
    event_id=CONCERT,
    user_id=BUYER,
    lines=(
        SeatLine(reservation_id=RESERVATION, ticket_id=FLOOR, ticket_name="Pista", quantity=2, unit_price=Money(15000)),
    ),
)
