"""The state of a queue, and the messages in it that a person means."""

from datetime import timedelta
from uuid import UUID

import pytest

from contracts.routes import Queue
from services.chassis.journal import Failed, Journal
from services.operations.errors import Trouble
from services.operations.queues import Counts, chosen, last_failure, queue_named, state_of
from tests.unit.operations.letters import FAILED, NOW, RESERVATION, an_approval, body_of, seen

SOME = Counts(waiting=2, in_flight=1, delayed=0)
NONE = Counts(0, 0, 0)


def test_a_queue_that_can_be_looked_into_tells_its_oldest_message_and_the_types() -> None:
    look = [
        seen(body_of(an_approval()), sent_at=NOW - timedelta(seconds=50)),
        seen(body_of(an_approval()), sent_at=NOW - timedelta(seconds=9)),
        seen("garbage", sent_at=NOW),
    ]

    state = state_of(RESERVATION, SOME, Counts(4, 1, 0), look, None, NOW)

    assert (state.name, state.listener, state.dead) == ("reservation-underway", "reservation", 5)
    assert state.oldest == timedelta(seconds=50)
    assert state.types == {"PaymentApproved": 2, "unreadable": 1}


def test_a_queue_that_cannot_be_looked_into_tells_the_age_that_is_measured_elsewhere() -> None:
    state = state_of(RESERVATION, SOME, NONE, None, timedelta(seconds=7), NOW)

    assert (state.oldest, state.types) == (timedelta(seconds=7), None)


def test_an_empty_queue_has_no_oldest_message() -> None:
    assert state_of(RESERVATION, NONE, NONE, [], None, NOW).oldest is None


def test_messages_are_chosen_by_type_and_purchase_oldest_first() -> None:
    late = seen(body_of(an_approval(1)), sent_at=NOW)
    early = seen(body_of(an_approval(1)), sent_at=NOW - timedelta(hours=1))
    other = seen(body_of(an_approval(2)))
    look = [late, other, seen("garbage"), early]

    assert chosen(look, "PaymentApproved", str(UUID(int=1))) == [early, late]
    assert chosen(look, "PaymentApproved", None) == [early, other, late]
    assert chosen(look, "OrderPlaced", None) == []


@pytest.mark.parametrize("name", ["order-new", "order-new-dlq"])
def test_a_queue_is_named_by_itself_or_by_its_dead_letters(name: str) -> None:
    assert queue_named(name) == Queue("order", "new")


def test_a_name_that_is_no_queues_is_answered_with_those_that_are() -> None:
    with pytest.raises(Trouble, match=r"no queue 'orders': it is one of order-new, order-underway,"):
        queue_named("orders")


def test_why_the_last_try_failed_is_the_journals_word_before_what_a_worker_attached() -> None:
    body = body_of(an_approval(), UUID(int=5))
    tries = [
        Failed(envelope={"id": str(UUID(int=number))}, number=n, error=f"error {n}", place="here", failed_at=NOW)
        for number, n in ((5, 1), (5, 2), (6, 3))
    ]

    told = last_failure(seen(body, FAILED), Journal(service="reservation", failed=tries))

    assert told == {"error": "error 2", "place": "here", "at": NOW.isoformat(), "tries": 2}
    assert last_failure(seen(body, FAILED), None) == {"error": FAILED["error"], "place": FAILED["place"]}
    assert last_failure(seen(body), None) is None
