"""The routes of ``/events``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict

from contracts.event import EventBody, EventCancelled, EventChanged, EventScheduled
from contracts.fields import Instant, Text, Zone
from services.chassis.http import IdPath, Ingress, IngressDep, Listing, PageDep, Problem, Router, found, problems
from services.chassis.kernel import Refused
from services.event import domain
from services.event.domain import Plan, Status
from services.event.ports import Filter

if TYPE_CHECKING:
    from services.event.adapters.sql import Events

router = Router()

DATE_PAST = (422, "date_past", "An event cannot begin in the past.")
EVENT_CANCELLED = (409, "event_cancelled", "The event is called off, for ever.")
REFUSALS = {slug: (status, slug, detail) for status, slug, detail in (DATE_PAST, EVENT_CANCELLED)}


class Event(BaseModel):
    """An event. ``date`` is written with the offset of its zone; ``cancelled`` is called off, for ever."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09",
                    "title": "Orquestra Sinfônica",
                    "location": "Sala São Paulo",
                    "date": "2027-03-01T20:00:00-03:00",
                    "timezone": "America/Sao_Paulo",
                    "status": "scheduled",
                }
            ]
        }
    )

    id: UUID
    title: Text
    location: Text
    date: Instant
    timezone: Zone
    status: Status


def shown(event: domain.Event) -> Event:
    """An event as clients see one."""
    local = event.date.astimezone(ZoneInfo(event.timezone))
    return Event(id=event.id, status=event.status, **asdict(event.plan) | {"date": local})


def plan_of(body: EventBody) -> Plan:
    """What the organiser plans."""
    return Plan(body.title, body.location, body.date, body.timezone)


def told[Fact: EventScheduled | EventChanged | EventCancelled](fact: type[Fact], event: domain.Event) -> Fact:
    """The whole event as a fact."""
    return fact(event_id=event.id, version=event.version, **asdict(event.plan))


def restated(event: domain.Event) -> EventChanged | EventCancelled:
    """What is true of an event now, as a fact."""
    return told(EventCancelled, event) if event.status is Status.CANCELLED else told(EventChanged, event)


def events(ingress: Ingress) -> "Events":
    """Where events are read."""
    reads: Events = ingress.adapters
    return reads


@router.get("/events/", response_model=Listing[Event])
async def list_events(
    ingress: IngressDep,
    page: PageDep,
    status: Annotated[Status | None, Query(description="Only these")] = None,
    since: Annotated[Instant | None, Query(description="Only those that begin then or later")] = None,
    until: Annotated[Instant | None, Query(description="Only those that begin before")] = None,
) -> Response:
    """The events, called-off ones too, in the order in which they were announced."""
    listed = await events(ingress).page(page, Filter(status, since, until))
    return page.answer([shown(event) for event in listed])


@router.get("/events/{id}", responses=problems(404))
async def get_event(event_id: IdPath, ingress: IngressDep) -> Event:
    """An event."""
    return shown(found(await events(ingress).find(event_id)))


@router.post("/events/", status_code=201, response_model=Event, responses=problems(422, DATE_PAST))
async def schedule(body: EventBody, ingress: IngressDep) -> Response:
    """Announce an event. Put ticket types on sale for it next."""

    def make(event_id: UUID) -> domain.Event:
        event = domain.Event.schedule(event_id, plan_of(body), ingress.clock())
        if isinstance(event, Refused):
            raise Problem(*REFUSALS[event.reason])
        return event

    return await ingress.create(
        domain.Event,
        make,
        announce=lambda event: told(EventScheduled, event),
        show=shown,
        location="/events/{id}",
    )


@router.put("/events/{id}", responses=problems(404, EVENT_CANCELLED, 422, DATE_PAST))
async def change_event(event_id: IdPath, body: EventBody, ingress: IngressDep) -> Event:
    """Replace an event's title, place and time. Tickets that are sold already are printed again."""
    async with ingress.work() as work:
        event = found(await work.load(domain.Event, event_id))
        changed = event.change(plan_of(body), work.now)
        if isinstance(changed, Refused):
            raise Problem(*REFUSALS[changed.reason])
        if changed:
            work.emit(told(EventChanged, event))
    return shown(event)


@router.delete("/events/{id}", status_code=204, responses=problems(404))
async def call_off(event_id: IdPath, ingress: IngressDep) -> None:
    """Call an event off, for ever: its sales close, every order of it is cancelled and paid back.

    It can still be read, as ``cancelled``. Calling it off twice does nothing more.
    """
    async with ingress.work() as work:
        event = found(await work.load(domain.Event, event_id))
        if event.call_off():
            work.emit(told(EventCancelled, event))
