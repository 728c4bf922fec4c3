"""What the services tell CloudWatch of themselves: the metrics' names, units, and by what each is told apart.

Few dimensions, since every combination of values is a metric that is paid for.
"""

from collections.abc import Mapping
from enum import StrEnum

NAMESPACE = "Bilhetagem"


class Dimension(StrEnum):
    """By what a metric is told apart. ``DEPLOYMENT`` is in every one: several may share an account."""

    DEPLOYMENT = "Deployment"
    SERVICE = "Service"
    QUEUE = "Queue"
    STATE = "State"


class Metric(StrEnum):
    """A metric. What is counted is counted since the minute before."""

    HANDLED = "MessagesHandled"
    """Messages that were handled."""

    RETRIED = "MessagesRetried"
    """Tries that failed, after which the message comes again."""

    PARKED = "MessagesParked"
    """Messages that wait for another one."""

    DEAD_LETTERED = "MessagesDeadLettered"
    """Messages that a worker has put into a dead-letter queue."""

    AGE = "MessageAge"
    """How long messages had been on their queue when they were handled. A sample of a hundred a minute, with the
    oldest.
    """

    OUTBOX_LAG = "OutboxLag"
    """For how long the oldest message of an outbox should have been sent; 0 when none is late."""

    PURCHASES = "Purchases"
    """Orders that were placed in the last hour, by the state that they are in now."""

    STUCK = "PurchasesStuck"
    """Purchases that nobody has carried on for longer than a setting. Several services tell it: the most counts."""


_BY_QUEUE = (Dimension.DEPLOYMENT, Dimension.QUEUE)

DIMENSIONS: Mapping[Metric, tuple[Dimension, ...]] = {
    Metric.HANDLED: _BY_QUEUE,
    Metric.RETRIED: _BY_QUEUE,
    Metric.PARKED: _BY_QUEUE,
    Metric.DEAD_LETTERED: _BY_QUEUE,
    Metric.AGE: _BY_QUEUE,
    Metric.OUTBOX_LAG: (Dimension.DEPLOYMENT, Dimension.SERVICE),
    Metric.PURCHASES: (Dimension.DEPLOYMENT, Dimension.STATE),
    Metric.STUCK: (Dimension.DEPLOYMENT,),
}

UNITS: Mapping[Metric, str] = {
    Metric.AGE: "Seconds",
    Metric.OUTBOX_LAG: "Seconds",
}
"""Units as CloudWatch names them; of the others it is Count."""


def deployment(queue_prefix: str) -> str:
    """What a deployment is called, by what its queues' names begin with."""
    return queue_prefix.strip("-_") or "default"
