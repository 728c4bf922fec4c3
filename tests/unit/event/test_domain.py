from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.chassis.kernel import Refused
from services.event.domain import Event, Plan, Status

NOW = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
PLAN = Plan("Orquestra Sinfônica", "Sala São Paulo", NOW + timedelta(days=50), "America/Sao_Paulo")


def scheduled(plan: Plan = PLAN) -> Event:
    event = Event.schedule(UUID(int=1), plan, NOW)
    assert isinstance(event, Event)
    return event


def called_off() -> Event:
    event = scheduled()
    event.call_off()
    return event


def test_an_event_is_scheduled_as_planned() -> None:
    event = scheduled()
    assert (event.plan, event.version, event.status) == (PLAN, 1, Status.SCHEDULED)


@pytest.mark.parametrize("date", [NOW, NOW - timedelta(seconds=1)])
def test_an_event_that_would_have_begun_is_not_scheduled(date: datetime) -> None:
    assert Event.schedule(UUID(int=1), replace(PLAN, date=date), NOW) == Refused("date_past")


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, title="Orquestra Jovem"),
        replace(PLAN, location="Theatro Municipal"),
        replace(PLAN, date=PLAN.date + timedelta(hours=1)),
        replace(PLAN, timezone="America/Manaus"),
    ],
)
def test_every_change_is_a_new_version(plan: Plan) -> None:
    event = scheduled()
    assert event.change(plan, NOW) is True
    assert (event.plan, event.version, event.status) == (plan, 2, Status.SCHEDULED)


def test_the_same_plan_again_is_no_new_version() -> None:
    event = scheduled()
    same_moment_elsewhere = replace(PLAN, date=PLAN.date.astimezone(ZoneInfo("Asia/Tokyo")))
    assert event.change(same_moment_elsewhere, NOW) is False
    assert event == scheduled()


def test_an_event_does_not_move_into_the_past() -> None:
    event = scheduled()
    assert event.change(replace(PLAN, date=NOW), NOW) == Refused("date_past")
    assert event == scheduled()


def test_the_title_of_an_event_that_has_begun_can_be_put_right() -> None:
    event = scheduled()
    assert event.change(replace(PLAN, title="Orquestra Jovem"), PLAN.date + timedelta(hours=1)) is True
    assert event.title == "Orquestra Jovem"


def test_an_event_is_called_off_as_a_new_version() -> None:
    event = scheduled()
    assert event.call_off() is True
    assert (event.status, event.version, event.plan) == (Status.CANCELLED, 2, PLAN)


def test_calling_off_twice_changes_nothing() -> None:
    event = called_off()
    assert event.call_off() is False
    assert event == called_off()


@pytest.mark.parametrize("plan", [PLAN, replace(PLAN, title="Orquestra Jovem")])
def test_an_event_called_off_stays_as_it_was(plan: Plan) -> None:
    event = called_off()
    assert event.change(plan, NOW) == Refused("event_cancelled")
    assert event == called_off()
