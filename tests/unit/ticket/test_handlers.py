from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from contracts.event import EventCancelled, EventChanged, EventScheduled
from contracts.message import Message
from contracts.routes import reactions
from contracts.ticket import IssuedTicket, RenderTickets, TicketsIssued, TicketsVoided, VoidRefused, VoidTickets
from contracts.user import UserErased, UserRegistered, UserUpdated
from services.chassis.kernel import NotYet
from services.ticket.domain import EventFacts, Holder, Issue, IssueStatus, Status, Ticket
from services.ticket.handlers import on
from services.ticket.ports import Ports, Printed, Reprint, Reprints
from tests.unit import handling
from tests.unit.ticket.tickets import (
    BUYER,
    CONCERT,
    CONFIRMED,
    FIRST,
    GATES_OPEN_BEFORE,
    NOW,
    ORDER,
    RESERVATION,
    SECOND,
    STARTS_AT,
    event,
    holder,
    issue,
    ticket,
)

handle = partial(handling.handle, on, ports=partial(Ports, gates_open_before=GATES_OPEN_BEFORE), now=NOW)

PRINTED = Printed(event_version=1, holder_version=1, pdf_keys={FIRST: "1-v1.1.pdf", SECOND: "2-v1.1.pdf"})
ISSUED = TicketsIssued(
    order_id=ORDER,
    event_id=CONCERT,
    tickets=(
        IssuedTicket(ticket_id=FIRST, reservation_id=RESERVATION, number=1),
        IssuedTicket(ticket_id=SECOND, reservation_id=RESERVATION, number=2),
    ),
)
WITHDRAWN = VoidTickets(order_id=ORDER, event_id=CONCERT, reason="cancelled")
CALLED_OFF = VoidTickets(order_id=ORDER, event_id=CONCERT, reason="event_cancelled")
VOIDED = TicketsVoided(order_id=ORDER, event_id=CONCERT)


def scheduled(version: int = 1) -> EventScheduled:
    return EventScheduled(**_state(version))


def changed(version: int) -> EventChanged:
    return EventChanged(**_state(version))


def cancelled(version: int) -> EventCancelled:
    return EventCancelled(**_state(version))


def _state(version: int) -> dict[str, Any]:
    known = event(version)
    return {
        "event_id": known.id,
        "version": version,
        "title": known.title,
        "location": known.location,
        "date": known.date,
        "timezone": known.timezone,
    }


def test_it_answers_every_message_that_the_choreography_sends_it() -> None:
    assert on.messages == reactions("ticket").keys()


# Issuing


def test_a_confirmed_order_gets_a_ticket_for_every_seat() -> None:
    outcome = handle(CONFIRMED, rows=[event(), holder()], effect=PRINTED)
    assert outcome.messages == [ISSUED]
    assert outcome.row(Ticket, FIRST) == ticket(1)
    assert outcome.row(Ticket, SECOND) == ticket(2)
    assert outcome.row(Issue, ORDER) == issue()


def test_tickets_are_printed_again_when_their_event_changed_after_they_were_printed() -> None:
    outcome = handle(CONFIRMED, rows=[event(version=2), holder()], effect=PRINTED)
    assert outcome.messages == [ISSUED, RenderTickets(event_id=CONCERT)]
    assert outcome.row(Ticket, FIRST).event_version == 1


def test_tickets_are_printed_again_when_their_holder_was_erased_after_they_were_printed() -> None:
    outcome = handle(CONFIRMED, rows=[event(), holder(version=2, name=None)], effect=PRINTED)
    assert outcome.messages == [ISSUED, RenderTickets(user_id=BUYER)]


def test_an_erased_holders_tickets_are_issued_all_the_same() -> None:
    printed = PRINTED.model_copy(update={"holder_version": 2})
    outcome = handle(CONFIRMED, rows=[event(), holder(version=2, name=None)], effect=printed)
    assert outcome.messages == [ISSUED]
    assert outcome.row(Ticket, SECOND).holder_version == 2


def test_an_order_of_a_called_off_event_is_issued_for_its_cancellation_waits_for_the_tickets() -> None:
    assert handle(CONFIRMED, rows=[event(called_off=True), holder()], effect=PRINTED).messages == [ISSUED]


@pytest.mark.parametrize("status", IssueStatus)
def test_an_order_is_issued_once(status: IssueStatus) -> None:
    before = [ticket(number, Status.VOIDED if status is IssueStatus.VOIDED else Status.USED) for number in (1, 2)]
    outcome = handle(CONFIRMED, rows=[event(), holder(), issue(status), *before], effect=PRINTED)
    assert outcome.messages == []
    assert outcome.row(Issue, ORDER) == issue(status)
    assert outcome.row(Ticket, FIRST).status is before[0].status


# Voiding


@pytest.mark.parametrize("message", [WITHDRAWN, CALLED_OFF])
def test_tickets_that_are_not_issued_yet_are_waited_for(message: VoidTickets) -> None:
    with pytest.raises(NotYet, match="Issue"):
        handle(message, rows=[event(), holder()], sent=NOW - timedelta(days=30))


def test_a_withdrawn_orders_tickets_are_voided() -> None:
    outcome = handle(WITHDRAWN, rows=[event(), issue(), ticket(1), ticket(2)])
    assert outcome.message == VOIDED
    assert {outcome.row(Ticket, one).status for one in (FIRST, SECOND)} == {Status.VOIDED}
    assert outcome.row(Issue, ORDER).status is IssueStatus.VOIDED


@pytest.mark.parametrize("message", [WITHDRAWN, CALLED_OFF])
def test_voided_tickets_are_told_to_be_voided_again(message: VoidTickets) -> None:
    rows = [event(), issue(IssueStatus.VOIDED), ticket(1, Status.VOIDED), ticket(2, Status.VOIDED)]
    assert handle(message, rows=rows, now=STARTS_AT).message == VOIDED


@pytest.mark.parametrize("message", [WITHDRAWN, CALLED_OFF])
def test_one_used_ticket_keeps_the_whole_order(message: VoidTickets) -> None:
    outcome = handle(message, rows=[event(), issue(), ticket(1), ticket(2, Status.USED)], now=STARTS_AT)
    assert outcome.message == VoidRefused(order_id=ORDER, event_id=CONCERT, reason="used")
    assert outcome.row(Ticket, FIRST) == ticket(1)


def test_a_buyer_cannot_withdraw_once_the_gates_are_open() -> None:
    rows = [event(), issue(), ticket(1), ticket(2)]
    outcome = handle(WITHDRAWN, rows=rows, now=STARTS_AT - GATES_OPEN_BEFORE)
    assert outcome.message == VoidRefused(order_id=ORDER, event_id=CONCERT, reason="gates_open")
    assert outcome.row(Issue, ORDER) == issue()


def test_a_called_off_event_voids_tickets_at_open_gates() -> None:
    rows = [event(), issue(), ticket(1), ticket(2)]
    assert handle(CALLED_OFF, rows=rows, now=STARTS_AT).message == VOIDED


# Printing again


def page(*versions: tuple[int, int], more: bool = False) -> Reprints:
    return Reprints(
        tickets=tuple(
            Reprint(ticket_id=identity, pdf_key="new.pdf", event_version=shown[0], holder_version=shown[1])
            for identity, shown in zip((FIRST, SECOND), versions, strict=False)
        ),
        more=more,
    )


def test_a_page_of_tickets_shows_its_new_pdfs_and_used_ones_stay_as_they_are() -> None:
    outcome = handle(
        RenderTickets(event_id=CONCERT), rows=[ticket(1), ticket(2, Status.USED)], effect=page((2, 1), (2, 1))
    )
    assert outcome.messages == []
    assert outcome.row(Ticket, FIRST).pdf_key == "new.pdf"
    assert outcome.row(Ticket, SECOND) == ticket(2, Status.USED)


@pytest.mark.parametrize("message", [RenderTickets(event_id=CONCERT), RenderTickets(user_id=BUYER)])
def test_a_full_page_is_followed_by_the_next(message: RenderTickets) -> None:
    outcome = handle(message, rows=[ticket(1), ticket(2)], effect=page((2, 1), (2, 1), more=True))
    assert outcome.message == message.model_copy(update={"after": SECOND})


def test_nothing_to_print_again_ends_it() -> None:
    assert handle(RenderTickets(event_id=CONCERT), rows=[], effect=page()).messages == []


# The catalogue


@pytest.mark.parametrize("message", [scheduled(), changed(2)])
def test_an_event_is_known_from_the_first_word_of_it(message: EventScheduled | EventChanged) -> None:
    outcome = handle(message, rows=[])
    assert outcome.messages == []
    assert outcome.row(EventFacts, CONCERT) == event(message.version)


@pytest.mark.parametrize(
    ("message", "emitted"),
    [
        (scheduled(1), []),
        (changed(2), []),
        (changed(3), [RenderTickets(event_id=CONCERT)]),
        (cancelled(3), []),
    ],
)
@pytest.mark.parametrize("called_off", [False, True])
def test_what_a_known_event_makes_of_every_word(message: Message, emitted: list[Message], called_off: bool) -> None:
    outcome = handle(message, rows=[event(2, called_off=called_off)])
    assert outcome.messages == emitted
    newest = max(2, message.version)  # type: ignore[attr-defined]
    ended = called_off or isinstance(message, EventCancelled)
    assert outcome.row(EventFacts, CONCERT) == event(newest, called_off=ended)


def test_a_cancellation_that_overtakes_all_else_is_remembered() -> None:
    first = handle(cancelled(2), rows=[])
    assert first.row(EventFacts, CONCERT) == event(2, called_off=True)
    assert handle(scheduled(1), rows=[first.row(EventFacts, CONCERT)]).row(EventFacts, CONCERT).called_off


def test_an_older_cancellation_still_counts() -> None:
    assert handle(cancelled(1), rows=[event(2)]).row(EventFacts, CONCERT) == event(2, called_off=True)


REGISTERED = UserRegistered(user_id=BUYER, version=1, name="Ana Souza")
ERASED = UserErased(user_id=BUYER, version=3)


def renamed(version: int, name: str = "Ana Lima") -> UserUpdated:
    return UserUpdated(user_id=BUYER, version=version, name=name)


@pytest.mark.parametrize(
    ("message", "known"),
    [(REGISTERED, holder()), (renamed(2), holder(2, "Ana Lima")), (ERASED, holder(3, None))],
)
def test_a_buyer_is_known_from_the_first_word_of_them(message: Message, known: Holder) -> None:
    outcome = handle(message, rows=[])
    assert outcome.messages == []
    assert outcome.row(Holder, BUYER) == known


PRINT_AGAIN = [RenderTickets(user_id=BUYER)]


@pytest.mark.parametrize(
    ("before", "message", "emitted", "after"),
    [
        (holder(2), REGISTERED, [], holder(2)),
        (holder(2), renamed(1), [], holder(2)),
        (holder(2), renamed(3), PRINT_AGAIN, holder(3, "Ana Lima")),
        (holder(2), renamed(3, "Ana Souza"), [], holder(3)),
        (holder(2), ERASED, PRINT_AGAIN, holder(3, None)),
        (holder(3, None), REGISTERED, [], holder(3, None)),
        (holder(3, None), renamed(4), [], holder(3, None)),
        (holder(3, None), ERASED, [], holder(3, None)),
    ],
)
def test_what_a_known_buyer_makes_of_every_word(
    before: Holder, message: Message, emitted: list[Message], after: Holder
) -> None:
    outcome = handle(message, rows=[before])
    assert outcome.messages == emitted
    assert outcome.row(Holder, BUYER) == after
