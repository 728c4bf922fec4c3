"""The table is whole: nobody waits for what nobody says, and nothing is said to nobody without a reason."""

import pytest

from contracts.choreography import CHOREOGRAPHY, Http, Timer
from contracts.message import Message
from contracts.order import CancelOrder, CancelOrdersOf, OrderCompleted, PlaceOrder
from contracts.payment import CancelCharge, RefundCharge, SettlePayment, VoidPayment
from contracts.reservation import (
    CancelReservation,
    ExpireReservation,
    HoldExpired,
    HoldReleased,
    ReservationRejected,
    ReservationsConfirmed,
    ReserveTickets,
    TicketsReserved,
)
from contracts.routes import (
    SERVICES,
    Queue,
    emitted_by,
    listeners,
    queues,
    queues_of,
    reactions,
    requests,
    senders,
)
from contracts.ticket import RenderTickets, VoidTickets
from tests.unit.contracts.made_up import MESSAGES

COMMANDS: set[type[Message]] = {
    ReserveTickets,
    CancelReservation,
    ExpireReservation,
    PlaceOrder,
    CancelOrder,
    CancelOrdersOf,
    SettlePayment,
    VoidPayment,
    CancelCharge,
    RefundCharge,
    VoidTickets,
    RenderTickets,
}
"""Imperative: one service is told to do it."""

FOR_THE_JOURNAL: dict[type[Message], str] = {
    TicketsReserved: "a reservation's client reads it from the reservation",
    ReservationRejected: "a reservation's client reads it from the reservation",
    HoldReleased: "no order knows of a plain hold",
    HoldExpired: "no order knows of a plain hold",
    OrderCompleted: "the end of a purchase",
}
"""Facts without a listener, and why nobody needs to hear them."""

SQS_NAME_LENGTH = 80
"""SQS Developer Guide, quotas-queues."""


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_a_message_has_a_sender_and_somebody_who_hears_it(message: type[Message]) -> None:
    assert senders(message), "nobody says it"
    assert bool(listeners(message)) != (message in FOR_THE_JOURNAL)


@pytest.mark.parametrize("command", sorted(COMMANDS, key=str), ids=lambda one: one.__name__)
def test_a_command_is_told_to_its_owner_alone(command: type[Message]) -> None:
    assert [queue.service for queue in listeners(command)] == [command.owner]


def test_a_fact_is_told_by_its_owner_alone() -> None:
    facts = {message for message in MESSAGES if message not in COMMANDS}
    told_by_others = {(message, who) for message in facts for who in senders(message) - {message.owner}}

    # An issue that failed is taken up again: the very message that the reservation service sent is queued once more.
    assert told_by_others == {(ReservationsConfirmed, "ticket")}
    assert all(message.owner in senders(message) for message in facts)


def test_no_service_hears_a_message_twice() -> None:
    pairs = [(step.on, step.by) for step in CHOREOGRAPHY]

    assert len(pairs) == len(set(pairs))


def test_timers_are_messages_to_oneself() -> None:
    timers = {(step.by, entry.message) for step in CHOREOGRAPHY for entry in step.emits if isinstance(entry, Timer)}

    assert timers == {("reservation", ExpireReservation)}
    assert all([queue.service for queue in listeners(message)] == [service] for service, message in timers)


def test_newcomers_wait_in_a_lane_of_their_own() -> None:
    newcomers = {message for message in MESSAGES for queue in listeners(message) if queue.lane == "new"}

    assert newcomers == {ReserveTickets, PlaceOrder}


def test_the_queues_are_those_of_services_that_hear_something() -> None:
    assert [queue.name for queue in queues()] == [
        "order-new",
        "order-underway",
        "payment-underway",
        "product-underway",
        "reservation-new",
        "reservation-underway",
        "ticket-underway",
    ]
    assert {queue for service in SERVICES for queue in queues_of(service)} == set(queues())


def test_queue_names_leave_room_for_a_prefix() -> None:
    longest = max(len(queue.dead_letter_name) for queue in queues())

    assert longest + len("bilhetagem-") <= SQS_NAME_LENGTH // 2, "the other half is for a deployment's own prefix"


def test_a_queue_is_named_after_its_service_and_lane() -> None:
    queue = Queue("order", "new")

    assert (queue.name, queue.dead_letter_name) == ("order-new", "order-new-dlq")


def test_every_row_is_a_services() -> None:
    assert {step.by for step in CHOREOGRAPHY} == set(SERVICES)
    rows = sum(len(reactions(service)) + len(requests(service)) for service in SERVICES)
    assert rows == len(CHOREOGRAPHY)


def test_what_a_row_may_emit_counts_its_timer() -> None:
    row = next(step for step in CHOREOGRAPHY if step.on is ReserveTickets)

    assert emitted_by(row) == {TicketsReserved, ReservationRejected, ExpireReservation}


def test_a_route_is_a_row_once() -> None:
    routes = [step.on.route for step in CHOREOGRAPHY if isinstance(step.on, Http)]

    assert len(routes) == len(set(routes))
