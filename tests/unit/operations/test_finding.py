"""Purchases are found in a bounded way, whatever does not answer."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from contracts.routes import SERVICES
from services.chassis.ids import uuid7
from services.chassis.purchases import Purchase as Row
from services.operations import finding
from services.operations.desk import Desk
from services.operations.errors import BadInput, Trouble
from services.operations.finding import Filter, list_purchases
from services.operations.journals import Journals
from services.operations.purchases import STATES
from services.operations.queue_access import QueueAccess
from services.operations.registry import SERVICES as DECLARED
from tests.unit.operations.console import Answers, MemoryQueues

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
STUCK = Filter(stuck_for=timedelta(minutes=5))


def row(hours_ago: int, status: str = "confirmed") -> Row:
    """An order with nothing under way that would carry it on."""
    at = NOW - timedelta(hours=hours_ago)
    return Row(
        id=uuid7(at, 1), event_id=UUID(int=1), status=status, reason=None, created_at=at, at_rest=status == "completed"
    )


def desk_of(answers: Answers) -> Desk:
    journals = Journals({service: answers.client(service) for service in SERVICES}, set())
    return Desk(cast(QueueAccess, MemoryQueues()), journals)


async def stuck(answers: Answers, wanted: Filter = STUCK) -> tuple[list[str], bool]:
    listed = await list_purchases(desk_of(answers), wanted, NOW)
    return [purchase.id for purchase in listed.purchases], listed.looked_at_all


def test_a_purchases_states_are_those_of_the_services_that_have_purchases() -> None:
    known: set[str] = set()
    for service in (DECLARED["order"], DECLARED["reservation"]):
        assert service.purchases is not None
        statuses: Any = service.kinds[service.purchases.kind].c.status.type
        known |= {*statuses.enums}
    assert set(STATES) == known - {"attached"}  # a reservation that belongs to an order


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadInput, match="'paid' is no state of a purchase: it is one of placed, held"):
        Filter(state="paid")


async def test_of_those_under_way_the_stuck_ones_are_listed_the_oldest_first() -> None:
    rows = [row(1), row(3), row(2, "completed"), row(2)]
    assert await stuck(Answers(purchases=rows)) == ([str(rows[n].id) for n in (1, 3, 0)], True)


async def test_a_state_narrows_them_down() -> None:
    rows = [row(1), row(2, "cancelling")]
    wanted = Filter(stuck_for=timedelta(minutes=5), state="cancelling")
    assert await stuck(Answers(purchases=rows), wanted) == ([str(rows[1].id)], True)


async def test_of_too_many_under_way_the_oldest_are_looked_at_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST_UNDER_WAY", 2)
    rows = [row(hours) for hours in (1, 2, 3)]
    assert await stuck(Answers(purchases=rows)) == ([str(rows[2].id), str(rows[1].id)], False)


@pytest.mark.parametrize("wanted", [STUCK, Filter()])
async def test_a_service_that_does_not_answer_keeps_no_purchase_of_others_from_being_listed(wanted: Filter) -> None:
    answers = Answers(purchases=[row(1)], silent={"reservation", "payment"})
    desk = desk_of(answers)
    listed = await list_purchases(desk, wanted, NOW)
    assert [purchase.id for purchase in listed.purchases] == [str(answers.purchases[0].id)]
    assert desk.journals is not None
    assert desk.journals.silent >= {"reservation", "payment"} - ({"payment"} if wanted is not STUCK else set())


async def test_where_nobody_answers_who_could_list_them_it_is_said_instead_of_that_there_are_none() -> None:
    answers = Answers(silent={"order", "reservation"})
    with pytest.raises(Trouble, match="order, reservation did not answer"):
        await list_purchases(desk_of(answers), Filter(), NOW)
