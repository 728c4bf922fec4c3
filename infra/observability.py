"""What is seen of a system that runs: a dashboard, alarms, where they are told, and what it may cost."""

from collections.abc import Iterator, Sequence
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.metrics import Metric
from contracts.routes import SERVICES, queues
from infra.alarms import WAITING, Watch, all_watches, each_of_ours, of_api, of_ecs, of_rds, of_sqs, ours
from infra.processes import PARTS
from infra.services import Services
from infra.settings import Environment

WIDE, HALF = 24, 12


class Observability(Stack):
    """All of it follows from the choreography, by names: a row that comes or goes changes alarms and dashboard."""

    def __init__(
        self,
        scope: Construct,
        settings: Environment,
        services: Services,
        table: tuple[Step, ...] = CHOREOGRAPHY,
        **stack: Any,
    ) -> None:
        super().__init__(scope, settings.stack("Observability"), **stack)
        self._settings = settings
        self.topic = self._topic()
        balancer = {"LoadBalancer": services.balancer.load_balancer_full_name}
        self.alarms = [self._alarm(watch) for watch in all_watches(settings, balancer, table)]
        self._dashboard(table)
        self._budget()

    def _topic(self) -> sns.Topic:
        # CloudWatch cannot use the key that SNS has by itself, whose policy nobody can change.
        key = kms.Key(self, "key", description=f"{self._settings.prefix}alarms", enable_key_rotation=True)
        cloudwatch_here = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        )
        key.grant(cloudwatch_here, "kms:Decrypt", "kms:GenerateDataKey*")
        topic = sns.Topic(self, "alarms", topic_name=f"{self._settings.prefix}alarms", master_key=key, enforce_ssl=True)
        topic.grant_publish(cloudwatch_here)
        topic.add_subscription(subscriptions.EmailSubscription(self._settings.alarm_email))
        return topic

    def _alarm(self, watch: Watch) -> cloudwatch.Alarm:
        above, below = (
            cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        )
        silence = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            watch.name,
            alarm_name=f"{self._settings.prefix}{watch.name}",
            alarm_description=watch.description,
            metric=watch.metric,
            threshold=watch.threshold,
            evaluation_periods=watch.periods,
            comparison_operator=below if watch.below else above,
            treat_missing_data=silence.BREACHING if watch.silence_is_bad else silence.NOT_BREACHING,
        )
        told = actions.SnsAction(self.topic)
        alarm.add_alarm_action(told)
        alarm.add_ok_action(told)
        return alarm

    def _dashboard(self, table: tuple[Step, ...]) -> None:
        rows = [
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self.alarms, width=WIDE, height=6)],
            list(self._purchases()),
            list(self._doors()),
            list(self._queues(table)),
            list(self._messages(table)),
            list(self._processes()),
            list(self._database()),
        ]
        cloudwatch.Dashboard(self, "dashboard", dashboard_name=self._settings.prefix.removesuffix("-"), widgets=rows)

    def _purchases(self) -> Iterator[cloudwatch.IWidget]:
        here = self._settings
        yield _graph("Purchases that are stuck", [ours(here, Metric.STUCK, "Maximum", 5)])
        yield _graph("Purchases of the last hour, by state", [each_of_ours(here, Metric.PURCHASES, "Maximum")])

    def _doors(self) -> Iterator[cloudwatch.IWidget]:
        api = self._settings
        yield _graph("Requests", [of_api(api, name, "Sum") for name in ("Count", "4XXError", "5XXError")])
        yield _graph("Milliseconds to answer", [of_api(api, "Latency", which) for which in ("p50", "p95", "p99")])

    def _queues(self, table: tuple[Step, ...]) -> Iterator[cloudwatch.IWidget]:
        prefix = self._settings.prefix
        live = [f"{prefix}{queue.name}" for queue in queues(table)]
        dead = [f"{prefix}{queue.dead_letter_name}" for queue in queues(table)]
        yield _graph("Messages that wait", [of_sqs(queue, WAITING, "Maximum") for queue in live])
        yield _graph(
            "Seconds that the oldest has waited",
            [of_sqs(queue, "ApproximateAgeOfOldestMessage", "Maximum") for queue in live],
        )
        yield _graph("Dead letters", [of_sqs(queue, WAITING, "Maximum") for queue in dead], WIDE)

    def _messages(self, table: tuple[Step, ...]) -> Iterator[cloudwatch.IWidget]:
        here, live = self._settings, [queue.name for queue in queues(table)]
        for title, metric, statistic in (
            ("Messages handled", Metric.HANDLED, "Sum"),
            ("Seconds until they were handled, of 95 in 100", Metric.AGE, "p95"),
            ("Tries that failed", Metric.RETRIED, "Sum"),
            ("Messages that wait for another one", Metric.PARKED, "Sum"),
            ("Messages given up by workers", Metric.DEAD_LETTERED, "Sum"),
        ):
            yield _graph(title, [ours(here, metric, statistic, queue=queue) for queue in live])
        lags = [ours(here, Metric.OUTBOX_LAG, "Maximum", service=service) for service in SERVICES]
        yield _graph("Seconds that outboxes are late", lags)

    def _processes(self) -> Iterator[cloudwatch.IWidget]:
        names = [f"{service}-{part}" for service in SERVICES for part in PARTS]
        for title, metric in (("Tasks", "RunningTaskCount"), ("CPU units", "CpuUtilized")):
            yield _graph(title, [of_ecs(self._settings, name, metric, "Average") for name in names])

    def _database(self) -> Iterator[cloudwatch.IWidget]:
        database = self._settings
        yield _graph("Database: CPU, %", [of_rds(database, "CPUUtilization", "Average")])
        yield _graph("Database: connections", [of_rds(database, "DatabaseConnections", "Maximum")])

    def _budget(self) -> None:
        spent = budgets.CfnBudget
        tell = spent.SubscriberProperty(subscription_type="EMAIL", address=self._settings.alarm_email)
        # At four fifths there is time to look. What was spent is known a day later; what will have been, from the fifth
        # week on.
        notices = [
            spent.NotificationWithSubscribersProperty(
                notification=spent.NotificationProperty(
                    notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent
                ),
                subscribers=[tell],
            )
            for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
        ]
        spent(
            self,
            "budget",
            budget=spent.BudgetDataProperty(
                budget_name=self._settings.prefix.removesuffix("-"),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=spent.SpendProperty(amount=self._settings.monthly_budget_usd, unit="USD"),
                # Counts only what has the tag, once that is activated as a cost allocation tag (docs/deploy.md).
                cost_filters={"TagKeyValue": [f"user:environment${self._settings.name}"]},
            ),
            notifications_with_subscribers=notices,
        )


def _graph(title: str, lines: Sequence[cloudwatch.IMetric], width: int = HALF) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(lines), width=width, height=6)
