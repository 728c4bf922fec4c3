"""What wakes somebody: each alarm with its threshold, why it is that, and where docs/operations.md says what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.metrics import DIMENSIONS, NAMESPACE, Dimension, Metric, deployment
from contracts.routes import SERVICES, queues
from infra.edge import STAGE
from infra.keys import key_copy
from infra.processes import PARTS
from infra.scaling import tasks_of
from infra.settings import Environment

GIB = 1024**3
WAITING = "ApproximateNumberOfMessagesVisible"

UNDER_WAY_SECONDS, NEWCOMER_SECONDS = 120, 300
"""How old the oldest message of a lane may be. Seats are held for ten minutes: what is under way must not eat into the
time in which a buyer pays. Newcomers may queue in a rush, but not for half of it.
"""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """An alarm: above the threshold (or below it) in each of so many minutes, or so many periods of five."""

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    meaning: str
    do: str
    """The heading in docs/operations.md."""

    periods: int
    below: bool = False
    silence_is_bad: bool = False
    """Whether no data is as bad as bad data."""

    @property
    def description(self) -> str:
        """What whoever is woken reads first."""
        return f"{self.meaning} What to do: docs/operations.md#{self.do}"


def all_watches(
    settings: Environment, balancer: Mapping[str, str], table: tuple[Step, ...] = CHOREOGRAPHY
) -> Iterator[Watch]:
    """Every alarm of an environment. ``balancer`` is what CloudWatch knows the balancer by."""
    yield from of_purchases(settings)
    yield from of_queues(settings, table)
    yield from of_doors(settings, balancer)
    yield from of_keys(settings)
    yield from of_tasks(settings, table)
    yield from of_database(settings)


def of_purchases(settings: Environment) -> Iterator[Watch]:
    """The one that matters most, since it sees what no other does: everything runs, and a buyer gets nothing."""
    yield Watch(
        name="purchases-stuck",
        metric=ours(settings, Metric.STUCK, "Maximum", 5),
        threshold=1,
        periods=1,
        # Workers tell it every minute, a nought as well.
        silence_is_bad=True,
        meaning="Nobody carries these purchases on, or nobody says how many there are. One is enough: somebody has "
        "paid and has no ticket, or cannot pay.",
        do="a-purchase-is-stuck",
    )


def of_queues(settings: Environment, table: tuple[Step, ...] = CHOREOGRAPHY) -> Iterator[Watch]:
    """Two for each queue of the choreography."""
    for queue in queues(table):
        seconds = NEWCOMER_SECONDS if queue.lane == "new" else UNDER_WAY_SECONDS
        yield Watch(
            name=f"{queue.name}-oldest",
            metric=of_sqs(f"{settings.prefix}{queue.name}", "ApproximateAgeOfOldestMessage", "Maximum"),
            threshold=seconds,
            # One message that is tried again may be older for a moment.
            periods=3,
            meaning=f"The oldest message has waited for over {seconds} s: seats are held for 600 s.",
            do="a-queue-grows",
        )
        yield Watch(
            name=f"{queue.name}-dead",
            metric=of_sqs(f"{settings.prefix}{queue.dead_letter_name}", WAITING, "Maximum"),
            threshold=1,
            periods=1,
            meaning="A message was given up, and what it was to do is not done. It is kept for 14 days at most.",
            do="dead-letters",
        )


def of_doors(settings: Environment, balancer: Mapping[str, str]) -> Iterator[Watch]:
    """What clients see, and the balancer's own failures."""
    yield Watch(
        name="api-5xx",
        # An average of zeros and ones.
        metric=of_api(settings, "5XXError", "Average"),
        threshold=0.01,
        periods=3,
        meaning="More than one request in a hundred fails, in each of three minutes: a deployment makes none fail.",
        do="a-service-is-down",
    )
    yield Watch(
        name="api-p95",
        metric=of_api(settings, "Latency", "p95", minutes=5),
        threshold=5_000,
        periods=3,
        meaning="One answer in twenty takes over 5 s for a quarter of an hour. Clients that ask to wait for an outcome "
        "(Prefer: wait) have it in a second or two when nothing is behind.",
        do="a-queue-grows",
    )
    yield Watch(
        name="balancer-5xx",
        metric=cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name="HTTPCode_ELB_5XX_Count",
            dimensions_map=balancer,
            statistic="Sum",
            period=Duration.minutes(1),
        ),
        threshold=5,
        periods=3,
        meaning="The balancer has nobody to ask: an ingress has no task that answers. A task that ends may drop a few.",
        do="a-service-is-down",
    )


def of_keys(settings: Environment) -> Iterator[Watch]:
    """The copy of the keys that tokens are signed with: nothing is wrong yet when it fails, which is why it is told."""
    yield Watch(
        name="keys-not-copied",
        metric=of_lambda(key_copy(settings), "Errors", "Sum", minutes=5),
        threshold=1,
        # Cognito may not answer for a moment.
        periods=3,
        # It is started every minute.
        silence_is_bad=True,
        meaning="For a quarter of an hour the user pool's keys could not be copied to where the services read them. "
        "Were Cognito to change them now, every token would be refused.",
        do="tokens-are-refused",
    )


def of_tasks(settings: Environment, table: tuple[Step, ...] = CHOREOGRAPHY) -> Iterator[Watch]:
    """One for each ECS service."""
    for service in SERVICES:
        for part in PARTS:
            fewest = tasks_of(settings, service, part, table).fewest
            yield Watch(
                name=f"{service}-{part}-tasks",
                metric=of_ecs(settings, f"{service}-{part}", "RunningTaskCount", "Minimum"),
                threshold=fewest,
                below=True,
                # A task that died is there again in two.
                periods=5,
                silence_is_bad=True,
                meaning=f"Fewer than {fewest} running for five minutes: ECS cannot start what it should.",
                do="a-service-is-down",
            )


def of_database(settings: Environment) -> Iterator[Watch]:
    """One database for all: when it is slow, everything is."""
    yield Watch(
        name="database-cpu",
        metric=of_rds(settings, "CPUUtilization", "Average"),
        threshold=80,
        periods=3,
        meaning="Over 80 % for a quarter of an hour: statements begin to queue, and locks are held for longer.",
        do="the-database-is-slow-or-full",
    )
    yield Watch(
        name="database-connections",
        metric=of_rds(settings, "DatabaseConnections", "Maximum"),
        threshold=0.9 * settings.database_connections,
        periods=1,
        meaning="Nine of ten that it takes: pools are counted to stay below that even while a release replaces tasks.",
        do="the-database-is-slow-or-full",
    )
    yield Watch(
        name="database-storage",
        metric=of_rds(settings, "FreeStorageSpace", "Minimum"),
        threshold=0.05 * settings.database_gib * GIB,
        periods=1,
        below=True,
        meaning="Half of what RDS makes it grow at: it cannot grow any more, or grew less than six hours ago.",
        do="the-database-is-slow-or-full",
    )
    yield Watch(
        name="database-memory",
        metric=of_rds(settings, "FreeableMemory", "Minimum"),
        threshold=0.25 * GIB,
        periods=3,
        below=True,
        meaning="Less than 256 MiB for a quarter of an hour: another rush of connections would have PostgreSQL killed.",
        do="the-database-is-slow-or-full",
    )


def ours(settings: Environment, metric: Metric, statistic: str, minutes: int = 1, **place: str) -> cloudwatch.Metric:
    """A metric that the workers tell; ``place`` are its dimensions but the deployment, by their names in lower case.

    All tasks of a service tell the same gauges, of the same database: their maximum is the figure, their sum is none.
    """
    known = {Dimension.DEPLOYMENT: deployment(settings.prefix)}
    known |= {Dimension(name.capitalize()): value for name, value in place.items()}
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric,
        dimensions_map={str(dimension): known[dimension] for dimension in DIMENSIONS[metric]},
        statistic=statistic,
        period=Duration.minutes(minutes),
    )


def each_of_ours(settings: Environment, metric: Metric, statistic: str) -> cloudwatch.MathExpression:
    """A metric that the workers tell, for each value of its last dimension that there is: nobody here has their list.

    CloudWatch User Guide, *Search expression syntax*.
    """
    schema = ",".join((NAMESPACE, *DIMENSIONS[metric]))
    here = f'{Dimension.DEPLOYMENT}="{deployment(settings.prefix)}"'
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{{{schema}}} MetricName=\"{metric}\" {here}', '{statistic}', 60)",
        label=f"${{PROP('Dim.{DIMENSIONS[metric][-1]}')}}",
        using_metrics={},
        period=Duration.minutes(1),
    )


def of_sqs(queue: str, name: str, statistic: str) -> cloudwatch.Metric:
    """A queue's, by its full name."""
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=name,
        dimensions_map={"QueueName": queue},
        statistic=statistic,
        period=Duration.minutes(1),
    )


def of_api(settings: Environment, name: str, statistic: str, minutes: int = 1) -> cloudwatch.Metric:
    """API Gateway's, of the stage."""
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiName": f"{settings.prefix}api", "Stage": STAGE},
        statistic=statistic,
        period=Duration.minutes(minutes),
    )


def of_lambda(function: str, name: str, statistic: str, minutes: int = 1) -> cloudwatch.Metric:
    """A function's, by its name."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": function},
        statistic=statistic,
        period=Duration.minutes(minutes),
    )


def of_ecs(settings: Environment, service: str, name: str, statistic: str) -> cloudwatch.Metric:
    """Container Insights', of an ECS service."""
    return cloudwatch.Metric(
        namespace="ECS/ContainerInsights",
        metric_name=name,
        dimensions_map={"ClusterName": settings.prefix.removesuffix("-"), "ServiceName": service},
        statistic=statistic,
        period=Duration.minutes(1),
    )


def of_rds(settings: Environment, name: str, statistic: str) -> cloudwatch.Metric:
    """The instance's, every five minutes."""
    return cloudwatch.Metric(
        namespace="AWS/RDS",
        metric_name=name,
        dimensions_map={"DBInstanceIdentifier": settings.prefix.removesuffix("-")},
        statistic=statistic,
        period=Duration.minutes(5),
    )
