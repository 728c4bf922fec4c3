"""What each message is about, what it is looked up by, which tenant it counts for, and which fields are personal."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.fields import Personal
from contracts.message import Envelope, Message
from contracts.ticket import RenderTickets
from contracts.user import UserRegistered, UserUpdated
from tests.unit.contracts.made_up import MESSAGES, envelopes_of, messages_of

AT = datetime(2027, 3, 1, tzinfo=UTC)

ABOUT = """
    message                subject      correlation  partition
    UserRegistered         user         user         user
    UserUpdated            user         user         user
    UserErased             user         user         user
    EventScheduled         event        event        event
    EventChanged           event        event        event
    EventCancelled         event        event        event
    TicketTypeCreated      ticket       ticket       event
    TicketTypeChanged      ticket       ticket       event
    ReserveTickets         reservation  reservation  ticket
    CancelReservation      reservation  reservation  reservation
    ExpireReservation      reservation  reservation  reservation
    TicketsReserved        reservation  reservation  event
    ReservationRejected    reservation  reservation  ticket
    HoldReleased           reservation  reservation  ticket
    HoldExpired            reservation  reservation  ticket
    ReservationExpired     reservation  order        event
    ReservationsAttached   order        order        event
    ReservationsRefused    order        order        event
    ReservationsConfirmed  order        order        event
    ProductsAllocated      order        order        event
    ProductsRefused        order        order        event
    PlaceOrder             order        order        event
    OrderPlaced            order        order        event
    OrderRejected          order        order        event
    OrderCancelled         order        order        event
    OrderCompleted         order        order        event
    CancelOrder            order        order        order
    CancelOrdersOf         event        event        event
    PaymentRequested       order        order        event
    SettlePayment          order        order        order
    VoidPayment            order        order        event
    CancelCharge           order        order        event
    RefundCharge           order        order        event
    PaymentApproved        order        order        event
    PaymentDeclined        order        order        event
    PaymentVoided          order        order        event
    PaymentRefunded        order        order        event
    TicketsIssued          order        order        event
    VoidTickets            order        order        event
    TicketsVoided          order        order        event
    VoidRefused            order        order        event
    RenderTickets          event        event        event
"""
ROWS = {name: about for name, *about in (line.split() for line in ABOUT.strip().splitlines()[1:])}


def test_the_table_has_every_message() -> None:
    assert ROWS.keys() == {message.__name__ for message in MESSAGES}


@pytest.mark.parametrize("message", [m for m in MESSAGES if m is not RenderTickets], ids=lambda m: m.__name__)
@given(data=st.data())
@settings(max_examples=10)
def test_a_message_is_known_by_these(message: type[Message], data: st.DataObject) -> None:
    told = data.draw(messages_of(message))

    found = [told.subject, told.correlation, told.partition]

    assert found == [str(getattr(told, f"{about}_id")) for about in ROWS[message.__name__]]


def test_tickets_are_printed_again_for_an_event_or_for_a_buyer() -> None:
    event, user = UUID(int=1), UUID(int=2)

    of_event, of_user = RenderTickets(event_id=event), RenderTickets(user_id=user)

    assert {of_event.subject, of_event.correlation, of_event.partition} == {str(event)}
    assert {of_user.subject, of_user.correlation, of_user.partition} == {str(user)}
    with pytest.raises(ValueError, match="Tickets are an event's or a buyer's"):
        RenderTickets()


def personal_fields(model: type[BaseModel]) -> set[str]:
    return {name for name, field in model.model_fields.items() if any(mark is Personal for mark in field.metadata)}


def parts_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    def inside(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
            yield from parts_of(annotation)
        for part in get_args(annotation):
            yield from inside(part)

    for field in model.model_fields.values():
        yield from inside(field.annotation)


def test_only_two_messages_carry_personal_data_and_it_is_the_name() -> None:
    carrying = {message: fields for message in MESSAGES if (fields := personal_fields(message))}

    assert carrying == {UserRegistered: {"name"}, UserUpdated: {"name"}}


def test_no_part_of_a_message_hides_personal_data_from_the_journal() -> None:
    parts = {part for message in MESSAGES for part in parts_of(message)}

    assert len(parts) >= 5, "the search finds parts"
    assert {part for part in parts if personal_fields(part)} == set()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@given(data=st.data())
@settings(max_examples=10)
def test_a_journal_gets_all_but_the_personal_fields(message: type[Message], data: st.DataObject) -> None:
    envelope = data.draw(envelopes_of(message))

    journalled = envelope.attributes(personal=False)["data"]

    assert journalled == envelope.message.without_personal_data()
    assert journalled.keys() == message.model_fields.keys() - personal_fields(message)


def test_what_a_journal_keeps_of_a_buyer_can_still_be_told_apart() -> None:
    user = UUID(int=7)
    envelope = Envelope.request(
        UserRegistered(user_id=user, version=1, name="Ana Souza"), by="user", at=AT, message_id=UUID(int=8)
    )

    assert "Ana" not in str(envelope.attributes(personal=False))
    assert envelope.attributes(personal=False)["subject"] == str(user)
