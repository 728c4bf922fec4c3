"""Who is told of what: alarms and dashboard follow the choreography, and each alarm says what to do."""

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.metrics import NAMESPACE, Metric
from contracts.routes import SERVICES, queues
from infra.app import CDK_JSON
from infra.tests.choreographies import NEWCOMER, WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.conftest import Template
from infra.tests.intrinsics import resolved
from infra.tests.synthesis import Synthesised
from infra.tests.test_network import of_type
from infra.tests.test_tasks import containers, told
from services.chassis.exporting import MetricSettings, exporting_metrics
from services.chassis.metrics import instruments

ENVIRONMENTS = ("dev", "prod")


@pytest.fixture
def seen(templates: dict[str, Template], environment: str) -> Template:
    return templates[f"Bilhetagem-{environment}-Observability"]


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """By name, without the environment's prefix."""
    return {each["AlarmName"].split("-", 2)[2]: each for each in of_type(template, "CloudWatch::Alarm").values()}


def dimensions(alarm: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}


def watched_queues(template: Template) -> dict[str, set[str]]:
    """The metrics that alarms watch, by queue."""
    found: dict[str, set[str]] = {}
    for alarm in alarms(template).values():
        if "QueueName" in dimensions(alarm):
            found.setdefault(dimensions(alarm)["QueueName"], set()).add(alarm["MetricName"])
    return found


def expected_queues(environment: str, table: tuple[Step, ...]) -> dict[str, set[str]]:
    prefix = f"bilhetagem-{environment}-"
    oldest = {f"{prefix}{queue.name}": {"ApproximateAgeOfOldestMessage"} for queue in queues(table)}
    dead = {f"{prefix}{queue.dead_letter_name}": {"ApproximateNumberOfMessagesVisible"} for queue in queues(table)}
    return {**oldest, **dead}


def widgets(template: Template) -> list[dict[str, Any]]:
    (dashboard,) = of_type(template, "CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(re.sub(r"<[^>]+>", "token", dashboard["DashboardBody"]))["widgets"]
    return found


def drawn_queues(template: Template) -> set[str]:
    return set(re.findall(r'"QueueName","([^"]+)"', json.dumps(widgets(template), separators=(",", ":"))))


type Told = tuple[str, str, tuple[str, ...]]
"""A metric as CloudWatch knows it: namespace, name, and each dimension with its value."""


def a_metric(namespace: str, name: str, dimensions: dict[str, str]) -> Told:
    return namespace, name, tuple(f"{key}={value}" for key, value in sorted(dimensions.items()))


def told_by_workers(queue_prefix: str) -> set[Told]:
    """What the lines of a deployment's workers make, which have measured everything that there is to measure."""
    log = io.StringIO()
    with exporting_metrics(MetricSettings(to="emf"), "sa-east-1", queue_prefix, log):
        meters = instruments()
        assert meters is not None
        for queue in queues(CHOREOGRAPHY):
            for counted in (Metric.HANDLED, Metric.RETRIED, Metric.PARKED, Metric.DEAD_LETTERED):
                meters.count(counted, queue.name)
            meters.age(timedelta(seconds=1), queue.name)
        for service in SERVICES:
            meters.read(Metric.OUTBOX_LAG, 0, service=service)
        meters.read(Metric.PURCHASES, 1, state="placed")
        meters.read(Metric.STUCK, 1)
    found = set()
    for line in map(json.loads, log.getvalue().splitlines()):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                place = {name: line[name] for name in names}
                found |= {a_metric(directive["Namespace"], one["Name"], place) for one in directive["Metrics"]}
    return found


def drawn(template: Template) -> Iterator[Told]:
    """Our own metrics on the dashboard. A search is told as it finds the purchases that are placed."""
    search = re.compile(r"SEARCH\('\{(\w+),(\w+),(\w+)\} MetricName=\"(\w+)\" (\w+)=\"([\w-]+)\"', 'Maximum', 60\)")
    for widget in widgets(template):
        for namespace, *line in widget["properties"].get("metrics", ()):
            if isinstance(namespace, dict):
                found = search.fullmatch(namespace["expression"])
                assert found
                searched, first, second, name, where, value = found.groups()
                assert where == first
                yield a_metric(searched, name, {first: value, second: "placed"})
            elif not namespace.startswith(("AWS/", "ECS/")):
                name, *rest = (each for each in line if isinstance(each, str))
                yield a_metric(namespace, name, dict(zip(rest[::2], rest[1::2], strict=True)))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_alarms_and_dashboard_ask_of_workers_is_what_workers_tell(
    templates: dict[str, Template], seen: Template, environment: str
) -> None:
    [prefix] = {told(each).get("BILHETAGEM_QUEUE_PREFIX", "") for _, each in containers(templates, environment)} - {""}
    ours = [each for each in alarms(seen).values() if each["Namespace"] == NAMESPACE]
    watched = [a_metric(each["Namespace"], each["MetricName"], dimensions(each)) for each in ours]

    assert [name for _, name, _ in watched] == [Metric.STUCK]
    assert set(watched) <= told_by_workers(prefix)
    assert set(drawn(seen)) == told_by_workers(prefix)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_queue_is_watched_and_every_dead_letter(seen: Template, environment: str) -> None:
    assert watched_queues(seen) == expected_queues(environment, CHOREOGRAPHY)
    assert drawn_queues(seen) == expected_queues(environment, CHOREOGRAPHY).keys()


def test_a_row_more_is_watched(with_a_row: Synthesised) -> None:
    seen = with_a_row.templates["Bilhetagem-prod-Observability"]

    assert watched_queues(seen) == expected_queues("prod", WITH_A_ROW)
    assert drawn_queues(seen) == expected_queues("prod", WITH_A_ROW).keys()
    assert f"bilhetagem-prod-{NEWCOMER}-underway" in drawn_queues(seen)


def test_a_listener_less_is_watched_no_more(without_products: Synthesised) -> None:
    seen = without_products.templates["Bilhetagem-prod-Observability"]

    assert watched_queues(seen) == expected_queues("prod", WITHOUT_PRODUCTS)
    assert drawn_queues(seen) == expected_queues("prod", WITHOUT_PRODUCTS).keys()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_dead_letter_and_one_stuck_purchase_are_enough(seen: Template) -> None:
    for name, alarm in alarms(seen).items():
        if name.endswith("-dead") or name == "purchases-stuck":
            assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
            assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert "purchases-stuck" in alarms(seen)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_is_told_and_says_what_to_do(seen: Template) -> None:
    (topic,) = of_type(seen, "SNS::Topic")
    headings = re.findall(r"^## (.+)$", (CDK_JSON.parents[1] / "docs/operations.md").read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    for alarm in alarms(seen).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [f"<{topic}>"]
        assert alarm["AlarmDescription"].partition("docs/operations.md#")[2] in anchors


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_ecs_service_has_its_fewest_tasks_watched_and_silence_is_an_alarm(
    templates: dict[str, Template], seen: Template, environment: str
) -> None:
    (cluster,) = of_type(templates[f"Bilhetagem-{environment}-Tasks"], "ECS::Cluster").values()
    running = {
        dimensions(alarm)["ServiceName"]: alarm
        for alarm in alarms(seen).values()
        if alarm["MetricName"] == "RunningTaskCount"
    }

    services = of_type(templates[f"Bilhetagem-{environment}-Services"], "ECS::Service").values()
    assert running.keys() == {each["ServiceName"] for each in services}
    for alarm in running.values():
        assert dimensions(alarm)["ClusterName"] == cluster["ClusterName"]
        assert alarm["Threshold"] >= 1
        assert alarm["ComparisonOperator"] == "LessThanThreshold"
        assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_told_every_minute_is_not_well_when_nobody_tells_it(seen: Template) -> None:
    bad = {name for name, alarm in alarms(seen).items() if alarm["TreatMissingData"] == "breaching"}

    assert {name for name in bad if not name.endswith("-tasks")} == {"purchases-stuck", "keys-not-copied"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_alarms_name_what_there_is(templates: dict[str, Template], seen: Template, environment: str) -> None:
    (database,) = of_type(templates[f"Bilhetagem-{environment}-Data"], "RDS::DBInstance").values()
    (api,) = of_type(templates[f"Bilhetagem-{environment}-Edge"], "ApiGateway::RestApi").values()
    (stage,) = of_type(templates[f"Bilhetagem-{environment}-Edge"], "ApiGateway::Stage").values()

    named = [dimensions(alarm) for alarm in alarms(seen).values()]
    assert {"DBInstanceIdentifier": database["DBInstanceIdentifier"]} in named
    assert {"ApiName": api["Name"], "Stage": stage["StageName"]} in named
    assert {"api-5xx", "api-p95", "balancer-5xx", "database-cpu", "database-storage"} <= alarms(seen).keys()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_topic_is_encrypted_and_cloudwatch_can_use_it(seen: Template) -> None:
    ((topic, properties),) = of_type(seen, "SNS::Topic").items()
    ((key, key_properties),) = of_type(seen, "KMS::Key").items()
    (policy,) = of_type(seen, "SNS::TopicPolicy").values()

    assert properties["KmsMasterKeyId"] == f"<{key}.Arn>"
    of_cloudwatch = [
        each
        for each in key_properties["KeyPolicy"]["Statement"] + policy["PolicyDocument"]["Statement"]
        if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert [each["Action"] for each in of_cloudwatch] == [["kms:Decrypt", "kms:GenerateDataKey*"], "sns:Publish"]
    assert all(each["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012" for each in of_cloudwatch)
    assert of_cloudwatch[1]["Resource"] == f"<{topic}>"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_budget_of_the_environment_is_told_before_it_is_spent(seen: Template, environment: str) -> None:
    (budget,) = of_type(seen, "Budgets::Budget").values()
    kinds = {
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    }

    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:environment${environment}"]}
    assert kinds == {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_api_gateway_s_own_log_is_there_before_the_stage(templates: dict[str, Template], environment: str) -> None:
    edge = templates[f"Bilhetagem-{environment}-Edge"]["Resources"]
    (stage,) = (one for one in edge.values() if one["Type"] == "AWS::ApiGateway::Stage")

    logs = [edge[key] for key in stage["DependsOn"] if edge[key]["Type"] == "AWS::Logs::LogGroup"]

    names = [resolved(log["Properties"]["LogGroupName"], edge) for log in logs]
    assert [re.sub("<.*>", "API", name) for name in names] == ["API-Gateway-Execution-Logs_API/v1"]


def test_no_log_is_kept_for_ever(templates: dict[str, Template]) -> None:
    for name, template in templates.items():
        for each in of_type(template, "Logs::LogGroup").values():
            assert each.get("RetentionInDays"), f"{name}: {each.get('LogGroupName')}"
