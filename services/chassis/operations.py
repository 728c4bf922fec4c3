"""Operators' routes, the same in every service: what it did for a purchase, and sending again.

They are on a service's own port only: behind the operators' secret, in no OpenAPI document, and not where clients come.
"""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, TypeAdapter

from services.chassis.activity import Activity, read_activity
from services.chassis.bodies import StrictRoute
from services.chassis.handling import Ports
from services.chassis.journal import Journal
from services.chassis.journal_reading import read_emission, read_journal
from services.chassis.operators import operator
from services.chassis.problems import Problem
from services.chassis.purchase_reading import read_held_up, read_purchases, read_under_way
from services.chassis.purchases import HeldUp, PurchasePage, UnderWayPage, Unsettled, Wanted
from services.chassis.resending import resend
from services.chassis.resends import Resend, Resent
from services.chassis.rows import Rows
from services.chassis.runtime import Running

_MOST_IDS = 500

router = APIRouter(
    prefix="/operations",
    route_class=StrictRoute,
    redirect_slashes=False,
    include_in_schema=False,
    dependencies=[Depends(operator)],
)


def _running(request: Request) -> Running:
    running: Running = request.app.state.front.running
    return running


type RunningDep = Annotated[Running, Depends(_running)]
type Correlations = Annotated[list[str] | None, Query(max_length=_MOST_IDS)]
type Ids = Annotated[list[UUID] | None, Query(max_length=_MOST_IDS)]


@router.get("/journal")
async def journal(running: RunningDep, correlation: Correlations = None, message: Ids = None) -> Journal:
    """What this service knows of these correlations, and of these messages."""
    return await _journal(running, correlation or [], message or [])


@router.get("/journal/{message_id}")
async def one_message(message_id: UUID, running: RunningDep) -> Journal:
    """What this service knows of a message. Raises Problem(404) when that is nothing."""
    found = await _journal(running, [], [message_id])
    if not (found.handled or found.failed or found.unsent):
        raise Problem(404, detail="This service has not seen the message.")
    return found


@router.get("/emitted/{message_id}")
async def emitted(message_id: UUID, running: RunningDep) -> dict[str, Any]:
    """The envelope of a message that this service emitted lately, handled or not. Raises Problem(404)."""
    found = await read_emission(running.database, running.service.tables, message_id)
    if found is None:
        raise Problem(404, detail="This service has not emitted the message lately.")
    return found


@router.get("/purchases")
async def purchases(
    running: RunningDep,
    id: Ids = None,  # noqa: A002 (the parameter's name)
    since: AwareDatetime | None = None,
    state: str | None = None,
    event_id: UUID | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PurchasePage:
    """Purchases, newest first: those with these ids, or a page of those that fit."""
    wanted = Wanted(ids=id or (), since=since, state=state, event_id=event_id, before=cursor, limit=limit)
    return await read_purchases(running.database, running.service, wanted)


@router.get("/under-way")
async def under_way(
    running: RunningDep,
    since: AwareDatetime,
    before: AwareDatetime,
    event_id: UUID | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> UnderWayPage:
    """Ids of purchases in which this service owes something, those first whose row is the oldest."""
    wanted = Unsettled(since=since, before=before, event_id=event_id, after=cursor, limit=limit)
    return await read_under_way(running.database, running.service, wanted)


@router.get("/held-up")
async def held_up(
    running: RunningDep,
    since: AwareDatetime,
    before: AwareDatetime,
    event_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> HeldUp:
    """Ids of purchases with a message that this service has parked, or that was due before a moment and not sent."""
    wanted = Unsettled(since=since, before=before, event_id=event_id, limit=limit)
    return await read_held_up(running.database, running.service, wanted)


@router.get("/activity")
async def activity(
    running: RunningDep,
    since: AwareDatetime,
    minutes: Annotated[int, Query(ge=1, le=120)] = 30,
) -> Activity:
    """What this service has been doing: messages a minute, purchases by status since a moment, and those under way."""
    return await read_activity(running.database, running.service, now=running.clock(), minutes=minutes, since=since)


@router.post("/resend")
async def send_again(wanted: Resend, running: RunningDep) -> Resent:
    """Put messages on their listeners' queues again, and facts of catalogue rows."""
    return await resend(running, wanted)


async def _journal(running: Running, correlations: list[str], messages: list[UUID]) -> Journal:
    found = await read_journal(
        running.database, running.service.tables, running.service.name, correlations=correlations, messages=messages
    )
    told = {"settings": handed_settings(running.assembly.ports), "retention": running.settings.retention}
    return found.model_copy(update=told)


def handed_settings(ports: Any) -> dict[str, Any]:
    """The settings that a service's handlers are handed beside what every handler is, JSON-able and by name."""
    moment = datetime.fromtimestamp(0, UTC)
    handed = ports(rows=Rows().within(frozenset()), now=moment, sent=moment, id=UUID(int=0), effect=None)
    common = {field.name for field in fields(Ports)}
    own = {field.name: getattr(handed, field.name) for field in fields(handed) if field.name not in common}
    settings: dict[str, Any] = TypeAdapter(dict[str, Any]).dump_python(own, mode="json")
    return settings
