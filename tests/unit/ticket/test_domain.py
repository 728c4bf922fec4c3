from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.chassis.kernel import Refused
from services.ticket.domain import IssueStatus, Status, TicketType, ticket_id
from tests.unit.ticket.tickets import (
    CONCERT,
    FLOOR,
    GATES_OPEN_BEFORE,
    NOW,
    RESERVATION,
    STARTS_AT,
    event,
    holder,
    issue,
    ticket,
)


def test_a_reservations_tickets_have_the_same_ids_whenever_they_are_issued() -> None:
    assert ticket_id(RESERVATION, 1) == ticket_id(RESERVATION, 1)
    assert ticket_id(RESERVATION, 1) != ticket_id(RESERVATION, 2)
    assert ticket_id(RESERVATION, 1) != ticket_id(UUID(int=6), 1)


# At the gate


def test_a_ticket_lets_its_holder_in_once() -> None:
    good = ticket()
    assert good.check_in(event(), NOW) is None
    assert (good.status, good.used_at) == (Status.USED, NOW)
    assert good.check_in(event(), NOW + timedelta(minutes=1)) == Refused("already_used")
    assert good.used_at == NOW


def test_a_voided_ticket_lets_nobody_in() -> None:
    withdrawn = ticket(status=Status.VOIDED)
    assert withdrawn.check_in(event(), NOW) == Refused("voided")
    assert withdrawn == ticket(status=Status.VOIDED)


def test_nobody_enters_an_event_that_is_called_off() -> None:
    good = ticket()
    assert good.check_in(event(called_off=True), NOW) == Refused("event_cancelled")
    assert good == ticket()


def test_what_became_of_a_ticket_is_told_even_when_its_event_is_called_off() -> None:
    assert ticket(status=Status.USED).check_in(event(called_off=True), NOW) == Refused("already_used")
    assert ticket(status=Status.VOIDED).check_in(event(called_off=True), NOW) == Refused("voided")


def test_gates_open_some_hours_before_the_start_and_stay_open() -> None:
    opening = STARTS_AT - GATES_OPEN_BEFORE
    concert = event()
    assert not concert.gates_are_open(opening - timedelta(microseconds=1), GATES_OPEN_BEFORE)
    assert concert.gates_are_open(opening, GATES_OPEN_BEFORE)
    assert concert.gates_are_open(STARTS_AT + timedelta(days=1), GATES_OPEN_BEFORE)


def test_the_gates_of_a_called_off_event_stay_shut() -> None:
    assert not event(called_off=True).gates_are_open(STARTS_AT, GATES_OPEN_BEFORE)


# Voiding


@pytest.mark.parametrize("too_late", [False, True])
@pytest.mark.parametrize(
    ("status", "second"),
    [(IssueStatus.ISSUED, Status.ISSUED), (IssueStatus.ISSUED, Status.USED), (IssueStatus.VOIDED, Status.VOIDED)],
)
def test_an_orders_tickets_are_voided_all_or_none(status: IssueStatus, second: Status, too_late: bool) -> None:
    whole, tickets = issue(status), [ticket(1, Status.VOIDED if second is Status.VOIDED else Status.ISSUED)]
    tickets.append(ticket(2, second))
    before = [replace(one) for one in tickets]

    refused = whole.void(tickets, too_late=too_late)

    if status is IssueStatus.VOIDED:
        assert refused is None
        assert tickets == before
    elif second is Status.USED or too_late:
        assert refused == Refused("used" if second is Status.USED else "gates_open")
        assert tickets == before
        assert whole == issue()
    else:
        assert refused is None
        assert {one.status for one in tickets} == {Status.VOIDED}
        assert whole.status is IssueStatus.VOIDED


# Printing again


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    ("shown", "printed", "newer"),
    [
        ((1, 1), (2, 1), True),
        ((1, 1), (1, 2), True),
        ((1, 1), (2, 2), True),
        ((1, 1), (1, 1), False),
        ((2, 1), (1, 1), False),
        ((1, 2), (1, 1), False),
        ((2, 1), (1, 2), False),
    ],
)
def test_a_good_ticket_shows_its_newest_pdf(
    status: Status, shown: tuple[int, int], printed: tuple[int, int], newer: bool
) -> None:
    one = ticket(status=status, versions=shown)
    replaced = newer and status is Status.ISSUED
    assert one.reprint("new.pdf", *printed) is replaced
    if replaced:
        assert (one.pdf_key, one.event_version, one.holder_version) == ("new.pdf", *printed)
    else:
        assert one == ticket(status=status, versions=shown)


# The catalogue


def test_an_older_state_of_an_event_never_overwrites_a_newer_one() -> None:
    concert = event(version=2)
    assert not concert.learn(1, "Ensaio", "Garagem", NOW, "UTC")
    assert not concert.learn(2, "Ensaio", "Garagem", NOW, "UTC")
    assert concert == event(version=2)
    assert concert.learn(3, "Ensaio", "Garagem", NOW, "UTC")
    assert (concert.version, concert.title, concert.location, concert.date, concert.timezone) == (
        3,
        "Ensaio",
        "Garagem",
        NOW,
        "UTC",
    )


def test_a_called_off_event_stays_called_off() -> None:
    concert = event()
    concert.call_off()
    concert.learn(2, "Novo", "Novo", NOW, "UTC")
    assert concert.called_off


def test_an_older_name_never_overwrites_a_newer_one() -> None:
    ana = holder(version=2)
    assert not ana.learn(1, "Ana")
    assert ana == holder(version=2)
    assert ana.learn(3, "Ana Lima")
    assert ana == holder(version=3, name="Ana Lima")


def test_a_change_that_leaves_the_name_is_known_and_prints_nothing() -> None:
    ana = holder()
    assert not ana.learn(2, "Ana Souza")
    assert ana.version == 2


def test_an_erased_name_never_comes_back() -> None:
    ana = holder()
    assert ana.erase(2)
    assert ana == holder(version=2, name=None)
    assert not ana.erase(3)
    assert not ana.learn(4, "Ana Souza")
    assert ana == holder(version=2, name=None)


# Ticket types

PISTA = TicketType(FLOOR, 1, CONCERT, "Pista", 100, 15000, None, None, None)


def test_a_ticket_type_changes_whole() -> None:
    kind = replace(PISTA)
    asked = TicketType(FLOOR, 1, CONCERT, "Pista Premium", 50, 20000, 4, NOW, STARTS_AT)
    assert kind.change(asked) is True
    assert kind == replace(asked, version=2)


def test_the_same_again_is_no_change() -> None:
    kind = replace(PISTA, version=3)
    assert kind.change(PISTA) is False
    assert kind == replace(PISTA, version=3)


def test_a_ticket_type_stays_with_its_event() -> None:
    kind = replace(PISTA)
    assert kind.change(replace(PISTA, event_id=UUID(int=9))) == Refused("wrong_event")
    assert kind == PISTA
