"""Events, that is concerts, matches, plays. Every fact carries the whole state and its version."""

from uuid import UUID

from contracts.fields import Instant, Text, Version, Zone
from contracts.message import Message


class _EventState(Message):
    event_id: UUID
    version: Version
    title: Text
    location: Text
    date: Instant
    timezone: Zone


class EventScheduled(_EventState):
    """An event is announced: its ticket types may sell."""


class EventChanged(_EventState):
    """Title, place or time changed: tickets are printed again, sales close at the new time."""


class EventCancelled(_EventState):
    """An event is called off, for ever: sales close, every order of it is cancelled and paid back."""
