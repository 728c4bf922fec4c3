"""Who may do what at which queue. Nobody writes a grant down: all of them follow from the choreography."""

from collections.abc import Iterable, Mapping
from enum import Enum

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.message import Message
from contracts.routes import SERVICES, listeners, queues, queues_of, reactions, requests


class Right(Enum):
    """What can be done at a queue, as the IAM actions that it takes (batches are authorised as single calls)."""

    SEND = ("sqs:GetQueueUrl", "sqs:SendMessage")
    CONSUME = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    LOOK = ("sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    """A look is a receive that is given back."""
    TAKE_OUT = ("sqs:DeleteMessage",)


type Grants = Mapping[Right, frozenset[str]]
"""Queues by the names that the choreography gives them."""


def of_ingress(service: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> Grants:
    """It sends what its routes let in, and receives nothing."""
    return {Right.SEND: _listening(requests(service, table).values(), table)}


def of_worker(service: str, table: tuple[Step, ...] = CHOREOGRAPHY) -> Grants:
    """It consumes its lanes, and sends what its service emits: its relay sends what the ingress has left in the outbox
    as well. It parks messages on its own lanes, and buries them itself, with the reason.
    """
    lanes = queues_of(service, table)
    emitted = [*reactions(service, table).values(), *requests(service, table).values()]
    return {
        Right.CONSUME: frozenset(queue.name for queue in lanes),
        Right.SEND: _listening(emitted, table)
        | {queue.name for queue in lanes}
        | {queue.dead_letter_name for queue in lanes},
    }


def of_operator(table: tuple[Step, ...] = CHOREOGRAPHY) -> Grants:
    """Looks everywhere, takes dead letters out, and puts copies of them back. Nothing that waits can be taken away."""
    live = frozenset(queue.name for queue in queues(table))
    dead = frozenset(queue.dead_letter_name for queue in queues(table))
    return {Right.LOOK: live | dead, Right.TAKE_OUT: dead, Right.SEND: live}


def grants(table: tuple[Step, ...] = CHOREOGRAPHY) -> dict[str, Grants]:
    """All of them, by role: ``<service>-ingress``, ``<service>-worker``, ``operator``."""
    return {
        **{f"{service}-ingress": of_ingress(service, table) for service in SERVICES},
        **{f"{service}-worker": of_worker(service, table) for service in SERVICES},
        "operator": of_operator(table),
    }


def _listening(emitted: Iterable[frozenset[type[Message]]], table: tuple[Step, ...]) -> frozenset[str]:
    messages: frozenset[type[Message]] = frozenset().union(*emitted)
    return frozenset(queue.name for message in messages for queue in listeners(message, table))
