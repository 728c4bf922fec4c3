"""Every role at every queue: what the templates allow, beside what the rows of the choreography ask for.

The expectation is spelt out here row by row, from the table alone. It shares no code with ``infra/grants.py``, nor with
what that is made of, so a mistake there shows here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.choreography import CHOREOGRAPHY, Http, Step, Timer
from infra.tests.intrinsics import queue_arn
from infra.tests.policies import rights_of

SEND, RECEIVE, DELETE, HIDE = "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"
FIND, COUNT = "GetQueueUrl", "GetQueueAttributes"
NOBODY_S = ("AddPermission", "CreateQueue", "DeleteQueue", "PurgeQueue", "SetQueueAttributes", "StartMessageMoveTask")
ACTIONS = (SEND, RECEIVE, DELETE, HIDE, FIND, COUNT, *NOBODY_S)

type Cell = tuple[str, str, str]
"""A role, an action, a queue: without the environment's prefix."""


def expected(table: Iterable[Step] = CHOREOGRAPHY) -> set[Cell]:
    """What must be allowed; everything else must not be."""
    rows = tuple(table)
    heard_on: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        if not isinstance(row.on, Http):
            heard_on[row.on].add(f"{row.by}-new" if row.newcomer else f"{row.by}-underway")
    cells: set[Cell] = set()
    for row in rows:
        emitted = [each.message if isinstance(each, Timer) else each for each in row.emits]
        queues = {queue for message in emitted for queue in heard_on[message]}
        # The worker's relay sends what the ingress has written down and not sent.
        senders = ["worker", "ingress"] if isinstance(row.on, Http) else ["worker"]
        cells |= {
            (f"{row.by}-{part}", action, queue) for part in senders for queue in queues for action in (SEND, FIND)
        }
    for lane in set().union(*heard_on.values()):
        worker, dead = f"{lane.rpartition('-')[0]}-worker", f"{lane}-dlq"
        cells |= {(worker, action, lane) for action in (SEND, RECEIVE, DELETE, HIDE, FIND)}
        cells |= {(worker, action, dead) for action in (SEND, FIND)}
        cells |= {("operator", action, lane) for action in (SEND, RECEIVE, HIDE, FIND, COUNT)}
        cells |= {("operator", action, dead) for action in (RECEIVE, DELETE, HIDE, FIND, COUNT)}
    return cells


def allowed(templates: Mapping[str, dict[str, Any]], environment: str) -> set[Cell]:
    """What the policies of an environment's templates allow, every role that there is at every queue that there is, and
    at one that there is not.
    """
    prefix = f"bilhetagem-{environment}-"
    own = [one for name, one in templates.items() if name.startswith(f"Bilhetagem-{environment}-")]
    queues = [*queues_in(own), f"{prefix}nobody-s"]
    return {
        (role.removeprefix(prefix), action, queue.removeprefix(prefix))
        for template in own
        for role, rights in rights_of(template).items()
        for queue in queues
        for action in ACTIONS
        if rights.allow(f"sqs:{action}", queue_arn(queue))
    }


def queues_in(templates: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The full names of all queues."""
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::SQS::Queue":
                yield resource["Properties"]["QueueName"]
