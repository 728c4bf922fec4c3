"""How many tasks a service has: more when there is more to do, and never more than the database has connections for."""

from collections.abc import Iterator, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.routes import SERVICES, queues_of
from infra.processes import Part
from infra.settings import Environment, SettingsError, Span

CONNECTIONS_PER_TASK = 8
"""A process's pool, overflow included (``services/chassis/database.py``; a test compares)."""

RELEASES_AT_ONCE = 2
"""A deployment starts all new tasks before it ends an old one."""

CONNECTIONS_KEPT_FREE = 50
"""For RDS itself, which reserves some, for ``migrate`` and ``create-databases``, and for a person in trouble."""

CPU_PERCENT = 60
"""An ingress is one event loop on a part of a core: above this, answers begin to wait for each other, and a new task
takes a minute to come.
"""

REQUESTS_PER_MINUTE = 1_500
"""For each ingress task: 25 a second, each some milliseconds of a core, of which a task has a quarter: not measured on
AWS. CPU alone would not see a rush of requests that mostly wait for their outcome.
"""

ACCEPTABLE_SECONDS = 5
"""What a message may wait for a worker: half of the ten seconds that a client asks to wait for its answer, and a
purchase takes several messages, each of which waits only when its lane is behind.
"""

SECONDS_PER_MESSAGE = 0.02
"""Of one task. A transaction for a single message takes 5 ms of a laptop's core, and a task has a quarter of one. In a
rush it is less, since ten share a transaction.
"""

BACKLOG_PER_TASK = round(ACCEPTABLE_SECONDS / SECONDS_PER_MESSAGE)

OUT, IN = Duration.seconds(60), Duration.seconds(300)
"""Between two steps: up as fast as tasks start; down slowly, as a rush comes in waves and a task that ends drains."""


def connections(settings: Environment) -> int:
    """What all tasks may hold at the database while a release replaces them. Raises SettingsError if it has fewer."""
    tasks = len(SERVICES) * (settings.ingress_tasks.most + settings.worker_tasks.most)
    most = tasks * CONNECTIONS_PER_TASK * RELEASES_AT_ONCE
    if most + CONNECTIONS_KEPT_FREE > settings.database_connections:
        raise SettingsError(
            f"environments.{settings.name}: {tasks} tasks at most, twice as many in a release, may hold {most} "
            f"connections, {CONNECTIONS_KEPT_FREE} are kept free, and database_connections is "
            f"{settings.database_connections}."
        )
    return most


def tasks_of(settings: Environment, service: str, part: Part, table: tuple[Step, ...] = CHOREOGRAPHY) -> Span:
    """How many tasks an ECS service may have. A worker without a queue only relays what its ingress could not send at
    once: one is enough, and there is nothing to scale on.
    """
    if part == "ingress":
        return settings.ingress_tasks
    return settings.worker_tasks if queues_of(service, table) else Span(fewest=1, most=1)


def scale_ingress(service: ecs.FargateService, tasks: Span, target: elb.ApplicationTargetGroup) -> None:
    """By CPU and by requests: whichever asks for more has it."""
    count = service.auto_scale_task_count(min_capacity=tasks.fewest, max_capacity=tasks.most)
    count.scale_on_cpu_utilization(
        "cpu", target_utilization_percent=CPU_PERCENT, scale_in_cooldown=IN, scale_out_cooldown=OUT
    )
    count.scale_on_request_count(
        "requests",
        requests_per_target=REQUESTS_PER_MINUTE,
        target_group=target,
        scale_in_cooldown=IN,
        scale_out_cooldown=OUT,
    )


def scale_worker(service: ecs.FargateService, tasks: Span, backlog: str, queues: Sequence[str]) -> None:
    """By what waits on its queues, for each task that runs. ``backlog`` is the policy's name."""
    target = scaling.CfnScalableTarget(
        service,
        "count",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=f"service/{service.cluster.cluster_name}/{service.service_name}",
        min_capacity=tasks.fewest,
        max_capacity=tasks.most,
    )
    # The L2 construct takes no metric math.
    policy = scaling.CfnScalingPolicy
    policy(
        service,
        "backlog",
        policy_name=backlog,
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=policy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=BACKLOG_PER_TASK,
            scale_in_cooldown=IN.to_seconds(),
            scale_out_cooldown=OUT.to_seconds(),
            customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
                metrics=list(_backlog_per_task(service, queues))
            ),
        ),
    )


def _backlog_per_task(service: ecs.FargateService, queues: Sequence[str]) -> Iterator[Any]:
    running = {"ClusterName": service.cluster.cluster_name, "ServiceName": service.service_name}
    yield _measured("running", "ECS/ContainerInsights", "RunningTaskCount", running)
    for number, queue in enumerate(queues):
        yield _measured(f"visible{number}", "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue})
    waiting = " + ".join(f"FILL(visible{number}, 0)" for number in range(len(queues)))
    # A queue that nobody has used for six hours has no data, and neither has a service that is new.
    yield scaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty(
        id="backlog",
        expression=f"({waiting}) / IF(FILL(running, 0) < 1, 1, FILL(running, 1))",
        label="Messages that wait, for each task",
        return_data=True,
    )


def _measured(name: str, namespace: str, metric: str, dimensions: dict[str, str]) -> Any:
    policy = scaling.CfnScalingPolicy
    return policy.TargetTrackingMetricDataQueryProperty(
        id=name,
        metric_stat=policy.TargetTrackingMetricStatProperty(
            metric=policy.TargetTrackingMetricProperty(
                namespace=namespace,
                metric_name=metric,
                dimensions=[
                    policy.TargetTrackingMetricDimensionProperty(name=key, value=value)
                    for key, value in dimensions.items()
                ],
            ),
            stat="Average",
        ),
        return_data=False,
    )
