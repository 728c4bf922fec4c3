"""Purchases are found in a bounded way, whatever does not answer."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from contracts.message import Envelope
from contracts.payment import PaymentApproved
from contracts.routes import SERVICES
from services.chassis.decision import RETENTION
from services.chassis.ids import uuid7
from services.chassis.journal import Failed, Journal, Unsent
from services.chassis.purchases import Purchase as Row
from services.chassis.resends import Resend
from services.operations import finding
from services.operations.desk import Desk
from services.operations.errors import BadInput, Trouble
from services.operations.finding import Filter, find_purchase, list_purchases
from services.operations.journals import Journals
from services.operations.purchases import STATES
from services.operations.queue_access import QueueAccess
from services.operations.registry import SERVICES as DECLARED
from services.operations.resending import plan
from tests.unit.operations.console import Answers, MemoryQueues
from tests.unit.operations.letters import FAILED, seen

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
STUCK = Filter(stuck_for=timedelta(minutes=5))


def row(hours_ago: int, status: str = "confirmed") -> Row:
    """An order with nothing under way that would carry it on."""
    at = NOW - timedelta(hours=hours_ago)
    return Row(
        id=uuid7(at, 1), event_id=UUID(int=1), status=status, reason=None, created_at=at, at_rest=status == "completed"
    )


def desk_of(answers: Answers, queues: MemoryQueues | None = None) -> Desk:
    journals = Journals({service: answers.client(service) for service in SERVICES}, set())
    return Desk(cast(QueueAccess, queues or MemoryQueues()), journals)


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


def an_approval(order: UUID, at: datetime) -> Envelope:
    message = PaymentApproved.model_validate({"order_id": order, "event_id": UUID(int=7), "amount": 180})
    return Envelope.request(message, by="payment", at=at, message_id=uuid7(at, 5))


async def test_a_purchase_that_no_service_has_a_row_of_is_stuck_while_a_message_waits_for_it() -> None:
    at = NOW - timedelta(hours=1)
    order = uuid7(at, 1)
    approval = an_approval(order, at)
    parked = Unsent(
        message_id=approval.id,
        envelope=json.loads(approval.encode()),
        queue="reservation-underway",
        send_at=NOW + timedelta(seconds=9),
        waits_for=f"attachment {order}",
    )
    journal = Journal(service="reservation", unsent=[parked])
    answers = Answers(journals={"reservation": journal}, held_up={"reservation": [order]})
    [found] = (await list_purchases(desk_of(answers), STUCK, NOW)).purchases
    assert (found.id, found.state, found.row) == (str(order), "pending", None)
    assert f"attachment {order}, before it can handle PaymentApproved" in [wait.what for wait in found.waits]


async def test_a_purchase_that_is_over_is_stuck_while_a_message_of_it_is_a_dead_letter() -> None:
    over = row(1, "completed")
    approval = an_approval(over.id, NOW - timedelta(minutes=10)).encode()
    tried = Failed(envelope=json.loads(approval), number=8, error="ValueError", place="x.py:1", failed_at=NOW)
    answers = Answers(purchases=[over], journals={"reservation": Journal(service="reservation", failed=[tried])})
    letters = {"reservation-underway-dlq": [seen(approval, FAILED), seen("no message of ours", FAILED)]}

    async def found(wanted: Filter, *, peeks: bool) -> list[str]:
        desk = desk_of(answers, MemoryQueues(letters, peeks=peeks))
        return [purchase.id for purchase in (await list_purchases(desk, wanted, NOW)).purchases]

    assert await found(STUCK, peeks=True) == [str(over.id)]
    assert await found(STUCK, peeks=False) == []
    assert await found(Filter(stuck_for=timedelta(minutes=5), event_id=UUID(int=8)), peeks=True) == []


async def test_a_reservation_that_is_held_up_stands_for_the_order_that_it_belongs_to() -> None:
    order = row(1)
    seats = Row(
        id=uuid7(NOW - timedelta(hours=2), 2), event_id=None, status="attached", reason=None,
        created_at=NOW, order_id=order.id, at_rest=False,
    )  # fmt: skip
    answers = Answers(purchases=[order], reservations=[seats], held_up={"reservation": [seats.id]})
    assert await stuck(answers) == ([str(order.id)], True)


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


async def test_a_service_that_does_not_answer_is_not_waited_for_again() -> None:
    answers = Answers(purchases=[row(1)], silent={"reservation"})
    await list_purchases(desk_of(answers), STUCK, NOW)
    await find_purchase(desk_of(answers), answers.purchases[0].id, NOW)
    assert answers.unheard == ["reservation"] * 2


async def test_where_nobody_answers_who_could_list_them_it_is_said_instead_of_that_there_are_none() -> None:
    answers = Answers(silent={"order", "reservation"})
    with pytest.raises(Trouble, match="order, reservation did not answer"):
        await list_purchases(desk_of(answers), Filter(), NOW)


@pytest.mark.parametrize(
    ("path", "status", "owner"), [("events", 200, "event"), ("tickets", 200, "ticket"), ("users", 410, "user")]
)
async def test_a_row_whose_facts_no_listener_has_heard_is_found_at_its_owner_and_told_anew(
    path: str, status: int, owner: str
) -> None:
    row_id = uuid7(NOW - timedelta(minutes=5), 1)
    answers = Answers(rows={f"/{path}/{row_id}": status}, silent={"payment"})

    found = await find_purchase(desk_of(answers), row_id, NOW)

    assert (found.state, [wait.by for wait in found.waits]) == ("catalogue", ["operator"])
    assert found.waits[0].is_stuck(NOW, timedelta(minutes=1))
    assert plan(found).by == {owner: Resend(facts=[row_id])}


async def test_a_row_that_journals_may_have_forgotten_waits_for_nothing_and_can_be_told_anew_all_the_same() -> None:
    row_id = uuid7(NOW - RETENTION - timedelta(days=1), 1)

    found = await find_purchase(desk_of(Answers(rows={f"/events/{row_id}": 200})), row_id, NOW)

    assert (found.state, found.waits) == ("catalogue", ())
    assert plan(found).by == {"event": Resend(facts=[row_id])}
