"""What each owner of catalogue rows tells anew."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts.event import EventCancelled, EventChanged
from contracts.message import Message
from contracts.ticket import TicketTypeChanged
from contracts.user import UserErased, UserUpdated
from services.event.domain import Event
from services.event.domain import Status as EventStatus
from services.operations.registry import SERVICES
from services.ticket.domain import TicketType
from services.user.domain import User

_DATE = datetime(2027, 3, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("service", "row", "fact"),
    [
        ("user", User(uuid4(), 3, "Ana", "ana@example.com"), UserUpdated),
        ("user", User(uuid4(), 4, None, None), UserErased),
        ("event", Event(uuid4(), 2, "Show", "Rio", _DATE, "America/Sao_Paulo", EventStatus.SCHEDULED), EventChanged),
        ("event", Event(uuid4(), 3, "Show", "Rio", _DATE, "America/Sao_Paulo", EventStatus.CANCELLED), EventCancelled),
        ("ticket", TicketType(uuid4(), 5, uuid4(), "Pista", 10, 10_000, None, None, None), TicketTypeChanged),
    ],
)
def test_an_owner_tells_what_is_true_now_at_the_version_it_has(
    service: str, row: User | Event | TicketType, fact: type[Message]
) -> None:
    told = SERVICES[service].facts[type(row)](row)
    assert type(told) is fact
    assert (told.subject, told.model_dump()["version"]) == (str(row.id), row.version)
