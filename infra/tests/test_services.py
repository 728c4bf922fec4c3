"""What runs, how requests reach it, and how many of it there are: LocalStack and moto make nothing of this."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import contracts
from contracts.routes import SERVICES, queues_of
from infra.app import context
from infra.edge import STAGE
from infra.network import SERVICE_PORT
from infra.processes import HEALTH
from infra.scaling import CONNECTIONS_KEPT_FREE, CONNECTIONS_PER_TASK, RELEASES_AT_ONCE, connections
from infra.settings import Environment, SettingsError, Span, environments
from infra.tests.choreographies import NEWCOMER, WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.conftest import Template
from infra.tests.policies import rights_of
from infra.tests.synthesis import Synthesised
from infra.tests.test_network import of_type
from services.chassis.database import Database

ENVIRONMENTS = ("dev", "prod")
NAMES = {f"{service}-{part}" for service in SERVICES for part in ("ingress", "worker")}


def settings_of(environment: str) -> Environment:
    (found,) = (each for each in environments(context()["environments"]) if each.name == environment)
    return found


@pytest.fixture
def services(templates: dict[str, Template], environment: str) -> Template:
    return templates[f"Bilhetagem-{environment}-Services"]


def by_name(services: Template) -> dict[str, tuple[str, dict[str, Any]]]:
    return {each["ServiceName"]: (key, each) for key, each in of_type(services, "ECS::Service").items()}


def spans(services: Template) -> dict[str, tuple[int, int]]:
    """Fewest and most tasks of each ECS service, scaled or not."""
    keys = {key: name for name, (key, _) in by_name(services).items()}
    scaled = {
        keys[each["ResourceId"].rpartition("/")[2].strip("<>").partition(".")[0]]: (
            each["MinCapacity"],
            each["MaxCapacity"],
        )
        for each in of_type(services, "ApplicationAutoScaling::ScalableTarget").values()
    }
    fixed = {
        name: (each["DesiredCount"], each["DesiredCount"])
        for name, (_, each) in by_name(services).items()
        if "DesiredCount" in each
    }
    assert not scaled.keys() & fixed.keys(), "a deployment would undo what scaling has decided"
    return {**scaled, **fixed}


def backlogs(services: Template) -> dict[str, dict[str, Any]]:
    """What each worker is scaled on, by the metrics' ids."""
    return {
        each["PolicyName"].split("-")[2]: {
            one["Id"]: one
            for one in each["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]["Metrics"]
        }
        for each in of_type(services, "ApplicationAutoScaling::ScalingPolicy").values()
        if each["PolicyName"].endswith("-backlog")
    }


def queues_in(metrics: dict[str, Any]) -> Iterator[str]:
    for one in metrics.values():
        for dimension in one.get("MetricStat", {}).get("Metric", {}).get("Dimensions", []):
            if dimension["Name"] == "QueueName":
                yield dimension["Value"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_ingress_and_worker_runs_in_private_and_goes_back_by_itself(services: Template) -> None:
    assert by_name(services).keys() == NAMES
    for _, each in by_name(services).values():
        assert each["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert each["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100
        assert each["DeploymentConfiguration"]["MaximumPercent"] == 100 * RELEASES_AT_ONCE
        network = each["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert all("private" in subnet for subnet in network["Subnets"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_task_takes_the_role_of_its_service_and_part(services: Template) -> None:
    definitions = of_type(services, "ECS::TaskDefinition")
    for name, (_, each) in by_name(services).items():
        role = definitions[each["TaskDefinition"].strip("<>")]["TaskRoleArn"]
        assert f"GetAtt{name.replace('-', '')}" in role


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_balancer_is_private_and_keeps_an_access_log(services: Template) -> None:
    (balancer,) = of_type(services, "ElasticLoadBalancingV2::LoadBalancer").values()
    attributes = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}

    assert balancer["Scheme"] == "internal"
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"


def led_to(services: Template, path: str) -> str | None:
    """The service that the balancer sends a path to."""
    targets: dict[str, str] = {
        key: each["Name"].rpartition("-")[2]
        for key, each in of_type(services, "ElasticLoadBalancingV2::TargetGroup").items()
    }
    rules = of_type(services, "ElasticLoadBalancingV2::ListenerRule").values()
    for rule in sorted(rules, key=lambda each: int(each["Priority"])):
        ((condition,), (action,)) = rule["Conditions"], rule["Actions"]
        if any(fnmatchcase(path, pattern) for pattern in condition["PathPatternConfig"]["Values"]):
            return targets[action["TargetGroupArn"].strip("<>")]
    return None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_path_of_the_api_leads_to_its_service_with_and_without_the_stage(services: Template) -> None:
    api = json.loads((Path(contracts.__path__[0]) / "apigateway.json").read_text())
    owners = {
        path: tag
        for path, operations in api["paths"].items()
        for operation in operations.values()
        for tag in operation.get("tags", ())
    }

    assert set(owners.values()) == set(SERVICES)
    assert {path: led_to(services, path) for path in owners} == owners
    assert {path: led_to(services, f"/{STAGE}{path}") for path in owners} == owners


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("path", ["/operations/journal", "/health", "/ready", "/docs", "/orders-of-others", "/"])
def test_what_is_not_the_api_leads_nowhere(services: Template, path: str) -> None:
    assert led_to(services, path) is None
    assert led_to(services, f"/{STAGE}{path}") is None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_balancer_has_no_two_rules_of_one_priority_and_no_rule_with_too_many_values(services: Template) -> None:
    rules = of_type(services, "ElasticLoadBalancingV2::ListenerRule").values()

    assert len({rule["Priority"] for rule in rules}) == len(SERVICES)
    # Five values for a rule are the limit (Elastic Load Balancing, quotas).
    assert all(len(rule["Conditions"][0]["PathPatternConfig"]["Values"]) <= 5 for rule in rules)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_database_that_is_away_has_no_task_replaced(services: Template) -> None:
    targets = of_type(services, "ElasticLoadBalancingV2::TargetGroup").values()
    (containers,) = zip(
        *(each["ContainerDefinitions"] for each in of_type(services, "ECS::TaskDefinition").values()), strict=True
    )

    assert {each["HealthCheckPath"] for each in targets} == {HEALTH}
    assert {each["HealthCheck"]["Command"][-1] for each in containers} == {f"http://127.0.0.1:{SERVICE_PORT}{HEALTH}"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_never_fewer_than_the_settings_say_and_never_none(services: Template, environment: str) -> None:
    settings = settings_of(environment)
    expected = {}
    for service in SERVICES:
        expected[f"{service}-ingress"] = (settings.ingress_tasks.fewest, settings.ingress_tasks.most)
        worker = settings.worker_tasks if queues_of(service) else Span(fewest=1, most=1)
        expected[f"{service}-worker"] = (worker.fewest, worker.most)

    assert spans(services) == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_ingress_is_scaled_on_cpu_and_on_requests(services: Template) -> None:
    predefined = [
        each["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"]
        for each in of_type(services, "ApplicationAutoScaling::ScalingPolicy").values()
        if "PredefinedMetricSpecification" in each["TargetTrackingScalingPolicyConfiguration"]
    ]

    assert sorted(predefined) == 7 * ["ALBRequestCountPerTarget"] + 7 * ["ECSServiceAverageCPUUtilization"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_worker_is_scaled_on_all_of_its_queues(services: Template, environment: str) -> None:
    found = {service: set(queues_in(metrics)) for service, metrics in backlogs(services).items()}

    assert found == {
        service: {f"bilhetagem-{environment}-{queue.name}" for queue in queues_of(service)}
        for service in SERVICES
        if queues_of(service)
    }


@pytest.mark.parametrize(
    ("running", "waiting", "backlog"),
    [(2, (100, 300), 200), (1, (None, 300), 300), (None, (100, 300), 400), (0, (100, None), 100), (2, (0, 0), 0)],
)
def test_backlog_per_task_is_right_also_where_a_metric_has_no_data(
    templates: dict[str, Template], running: int | None, waiting: tuple[int | None, ...], backlog: float
) -> None:
    expression = backlogs(templates["Bilhetagem-prod-Services"])["order"]["backlog"]["Expression"]
    functions = {
        "FILL": lambda value, otherwise: otherwise if value is None else value,
        "IF": lambda condition, this, that: this if condition else that,
    }
    values = {f"visible{number}": value for number, value in enumerate(waiting)}

    assert eval(expression, {"__builtins__": {}}, {**functions, **values, "running": running}) == backlog


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_all_pools_together_fit_into_the_database_while_a_release_replaces_tasks(
    templates: dict[str, Template], services: Template, environment: str
) -> None:
    (parameters,) = of_type(templates[f"Bilhetagem-{environment}-Data"], "RDS::DBParameterGroup").values()
    pool: Any = Database("postgresql+asyncpg://nobody@nowhere/nothing").engine.pool
    per_task = pool.size() + pool._max_overflow
    most = sum(each for _, each in spans(services).values())

    assert per_task == CONNECTIONS_PER_TASK
    assert 2 * most * per_task + CONNECTIONS_KEPT_FREE <= int(parameters["Parameters"]["max_connections"])


def test_more_tasks_than_the_database_has_connections_for_are_refused() -> None:
    settings = settings_of("prod")

    assert connections(settings) == 2 * 7 * (4 + 4) * 8
    with pytest.raises(SettingsError, match=r"environments\.prod: 63 tasks at most"):
        connections(replace(settings, worker_tasks=Span(fewest=1, most=5)))


def test_a_row_more_and_its_worker_is_scaled(with_a_row: Synthesised) -> None:
    services = with_a_row.templates["Bilhetagem-prod-Services"]

    (queue,) = queues_of(NEWCOMER, WITH_A_ROW)
    assert set(queues_in(backlogs(services)[NEWCOMER])) == {f"bilhetagem-prod-{queue.name}"}
    assert spans(services)[f"{NEWCOMER}-worker"] == (2, 4)


def test_a_listener_less_and_its_worker_only_relays(without_products: Synthesised) -> None:
    services = without_products.templates["Bilhetagem-prod-Services"]

    assert not queues_of("product", WITHOUT_PRODUCTS)
    assert "product" not in backlogs(services)
    assert spans(services)["product-worker"] == (1, 1)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_process_may_send_spans_and_read_none(templates: dict[str, Template], environment: str) -> None:
    rights = rights_of(templates[f"Bilhetagem-{environment}-Roles"])

    def able(action: str) -> set[str]:
        return {
            role.removeprefix(f"bilhetagem-{environment}-") for role, each in rights.items() if each.allow(action, "*")
        }

    assert able("xray:PutTraceSegments") == NAMES
    assert able("xray:BatchGetTraces") == set()
