"""Events, that is concerts, matches, plays. Every fact carries the whole state and its version."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.fields import Instant, Text, Version, Zone
from contracts.message import Body, Message


class EventBody(Body):
    """An event as its organiser announces it. ``timezone`` is where it takes place: tickets show its local time."""

    title: Annotated[Text, Field(examples=["Orquestra Sinfônica"])]
    location: Annotated[Text, Field(examples=["Sala São Paulo"])]
    date: Annotated[Instant, Field(examples=["2027-03-01T20:00:00-03:00"])]
    timezone: Zone = "America/Sao_Paulo"


class _EventState(EventBody, Message):
    event_id: UUID
    version: Version
    timezone: Zone


class EventScheduled(_EventState):
    """An event is announced: its ticket types may sell."""


class EventChanged(_EventState):
    """Title, place or time changed: tickets are printed again, sales close at the new time."""


class EventCancelled(_EventState):
    """An event is called off, for ever: sales close, every order of it is cancelled and paid back."""
