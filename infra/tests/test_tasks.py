"""What a process gets is what its code reads: every variable, every secret, and time enough to stop."""

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import botocore
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.routes import SERVICES
from infra.app import CDK_JSON, context
from infra.data import MASTER
from infra.network import DATABASE_PORT
from infra.processes import SECRETS, Surroundings, variables
from infra.services import DEREGISTRATION_SECONDS
from infra.settings import SettingsError, environments
from infra.tasks import STOP_SECONDS, image_named
from infra.tests.conftest import Template
from infra.tests.policies import rights_of
from infra.tests.test_network import of_type
from services.chassis.config import INTEGRATION_SECONDS, DatabaseSettings, Settings
from services.chassis.database_login import Login
from services.chassis.exporting import MetricSettings, TraceSettings
from services.chassis.process import DRAIN_SECONDS
from services.chassis.telemetry import LogSettings
from services.operations.databases import MasterSettings
from services.operations.registry import SERVICES as REGISTRY
from services.operations.settings import complete, variables_of
from services.payment.service import Settings as PaymentSettings
from services.ticket.adapters.qr import load_private_key, load_public_key, to_jwks
from services.ticket.service import TicketSettings

ENVIRONMENTS = ("dev", "prod")
PREFIX = "BILHETAGEM_"
PROCESSES = [(service, part) for service in SERVICES for part in ("ingress", "worker")]


def containers(templates: dict[str, Template], environment: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container by its task's family, without the environment's prefix."""
    for stack in ("Services", "Tasks"):
        for task in of_type(templates[f"Bilhetagem-{environment}-{stack}"], "ECS::TaskDefinition").values():
            (container,) = task["ContainerDefinitions"]
            yield task["Family"].removeprefix(f"bilhetagem-{environment}-"), container


def told(container: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def told_of(container: dict[str, Any], what: str) -> dict[str, str]:
    """The variables of one group of settings, by the settings' names."""
    prefix = f"{PREFIX}{what}_"
    return {
        name.removeprefix(prefix).lower(): value for name, value in told(container).items() if name.startswith(prefix)
    }


def injected(container: dict[str, Any]) -> set[str]:
    return {each["Name"] for each in container.get("Secrets", ())}


def readable(settings: type[Settings]) -> set[str]:
    read = {"AWS_REGION", *(f"{PREFIX}{name.upper()}" for name in settings.model_fields)}
    for beside in (LogSettings, TraceSettings, MetricSettings):
        read |= {f"{beside.model_config['env_prefix']}{name}".upper() for name in beside.model_fields}
    return read


def required(settings: type[Settings]) -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()}


@pytest.fixture
def of_family(templates: dict[str, Template], environment: str) -> dict[str, dict[str, Any]]:
    return dict(containers(templates, environment))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(("service", "part"), PROCESSES)
def test_a_process_is_told_what_it_reads_and_all_that_it_must_be_told(
    of_family: dict[str, dict[str, Any]], service: str, part: str
) -> None:
    container = of_family[f"{service}-{part}"]
    names = {*told(container), *injected(container)}

    assert names <= readable(REGISTRY[service].settings)
    assert required(REGISTRY[service].settings) <= names


@pytest.mark.parametrize(("environment", "sampled"), [("dev", 1), ("prod", 0.05)])
def test_every_process_sends_spans_to_x_ray(of_family: dict[str, dict[str, Any]], sampled: float) -> None:
    for service, part in PROCESSES:
        traces = TraceSettings.model_validate(told_of(of_family[f"{service}-{part}"], "TRACES"))
        assert (traces.to, traces.sampled) == ("xray", sampled)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_worker_tells_metrics_in_its_log_and_no_ingress_does(of_family: dict[str, dict[str, Any]]) -> None:
    for service, part in PROCESSES:
        metrics = MetricSettings.model_validate(told_of(of_family[f"{service}-{part}"], "METRICS"))
        assert metrics.to == ("emf" if part == "worker" else "off")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_all_get_into_the_database_in_the_same_way(of_family: dict[str, dict[str, Any]]) -> None:
    read = set(variables_of(DatabaseSettings).values())
    ways = {
        family: {name: value for name, value in told(container).items() if name in read}
        for family, container in of_family.items()
    }

    assert all(way == ways["migrate"] for way in ways.values())
    assert ways["migrate"].keys() == read
    assert told(of_family["migrate"]) == told(of_family["create-databases"]) == ways["migrate"]
    assert injected(of_family["migrate"]) == set()
    assert injected(of_family["create-databases"]) == {"BILHETAGEM_DATABASE_MASTER"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("settings", [DatabaseSettings, MasterSettings])
def test_the_way_into_the_database_is_one_that_is_understood(
    of_family: dict[str, dict[str, Any]], settings: type[DatabaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told(of_family["migrate"]).items():
        monkeypatch.setenv(name, re.sub("<[^>]+>", "host", value))
    monkeypatch.setenv("BILHETAGEM_DATABASE_CA_FILE", str(Path(botocore.__file__).with_name("cacert.pem")))
    monkeypatch.setenv("BILHETAGEM_DATABASE_MASTER", json.dumps({"username": "master", "password": "p"}))

    read = complete(settings, "it")

    assert read.database_url_of("order") == f"postgresql+asyncpg://order@host:{DATABASE_PORT}/order"
    assert read.login == Login(ca_file=read.database_ca_file, iam_region="sa-east-1")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_image_has_the_authorities_where_processes_look_for_them(of_family: dict[str, dict[str, Any]]) -> None:
    source = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
    dockerfile = (CDK_JSON.parents[1] / "Dockerfile").read_text()
    # A remote file is its owner's alone unless said otherwise (Dockerfile reference, ADD), and no process is root.
    added = re.findall(rf"^ADD --chmod=0444 {re.escape(source)} (\S+)$", dockerfile.split("FROM ")[-1], re.MULTILINE)

    assert added == [told(of_family["order-worker"])["BILHETAGEM_DATABASE_CA_FILE"]]


def test_keys_that_signed_tickets_once_are_told_to_the_ticket_service_only() -> None:
    key = to_jwks([Ed25519PrivateKey.generate().public_key()])["keys"][0]["x"]
    (settings,) = environments({"prod": context()["environments"]["prod"] | {"retired_ticket_keys": [key]}})
    around = Surroundings(
        region="sa-east-1",
        queue_prefix=settings.prefix,
        database="host:5433",
        bucket="tickets",
        stage="v1",
        traces_sampled=1,
        retired_ticket_keys=settings.retired_ticket_keys,
    )
    name = f"{PREFIX}TICKETS_RETIRED_KEYS"

    assert json.loads(variables(around, "ticket")[name]) == [key]
    assert load_public_key(key).public_bytes_raw()
    assert all(name not in variables(around, service) for service in SERVICES if service != "ticket")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_secret_is_injected_and_nothing_else_is(of_family: dict[str, dict[str, Any]]) -> None:
    secret = {
        f"{PREFIX}{name.upper()}"
        for service in REGISTRY.values()
        for name, field in service.settings.model_fields.items()
        if "Secret" in str(field.annotation)
    }

    assert {secret.variable for secret in SECRETS} == secret
    for family, container in of_family.items():
        assert not secret & told(container).keys()
        assert injected(container) <= secret or family == "create-databases"


def test_made_secrets_are_such_as_the_services_take() -> None:
    chance = Random(1)
    made = {
        secret.variable.removeprefix(PREFIX).lower(): "".join(
            chance.choices(string.ascii_letters + string.digits, k=secret.length)
        )
        for secret in SECRETS
    }

    load_private_key(made["tickets_signing_key"])
    TicketSettings.model_validate(made)
    PaymentSettings.model_validate(made)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_task_that_operators_borrow_has_their_secret(
    of_family: dict[str, dict[str, Any]], environment: str
) -> None:
    guide = (CDK_JSON.parents[1] / "docs" / "deploy.md").read_text()
    (borrowed,) = re.findall(r"--task-definition \$DB-([\w-]+)", guide)
    container = of_family[borrowed]
    options = container["LogConfiguration"]["Options"]

    assert "BILHETAGEM_OPERATORS_SECRET" in injected(container)
    assert container["Name"] in re.findall(r'containerOverrides: \[\{name: "(\w+)"', guide)
    assert f"aws logs tail {options['awslogs-group']} --follow".replace(environment, "dev") in guide


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_are_started_as_docker_compose_does(of_family: dict[str, dict[str, Any]]) -> None:
    composed = yaml.safe_load((CDK_JSON.parents[1] / "docker-compose.yml").read_text())["services"]
    for service, part in PROCESSES:
        container = of_family[f"{service}-{part}"]
        other = composed[service if part == "ingress" else f"{service}-worker"]
        assert " ".join(container["Command"]) == other["command"]
    assert of_family["migrate"]["Command"] == [composed["migrate"]["command"]]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_have_as_much_time_to_answer_as_those_of_docker_compose(
    of_family: dict[str, dict[str, Any]],
) -> None:
    composed = yaml.safe_load((CDK_JSON.parents[1] / "docker-compose.yml").read_text())["x-timing"]
    for service, part in PROCESSES:
        asked = of_family[f"{service}-{part}"]["HealthCheck"]
        assert asked["Retries"] == composed["retries"]
        for name, ours in (("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod")):
            assert f"{asked[ours]}s" == composed[name]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_containers_have_no_more_rights_than_those_of_docker_compose(of_family: dict[str, dict[str, Any]]) -> None:
    for container in of_family.values():
        assert container["ReadonlyRootFilesystem"]
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_process_may_drain(of_family: dict[str, dict[str, Any]]) -> None:
    assert {container["StopTimeout"] for container in of_family.values()} == {STOP_SECONDS}
    # 120 is Fargate's limit.
    assert DRAIN_SECONDS < INTEGRATION_SECONDS < DEREGISTRATION_SECONDS < STOP_SECONDS <= 120


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_agents_get_the_image_the_logs_and_these_secrets(templates: dict[str, Template], environment: str) -> None:
    (settings,) = (each for each in environments(context()["environments"]) if each.name == environment)
    rights = rights_of(templates[f"Bilhetagem-{environment}-Tasks"])
    prefix = f"bilhetagem-{environment}-"
    secrets = set(of_type(templates[f"Bilhetagem-{environment}-Tasks"], "SecretsManager::Secret"))

    def readable_by(agent: str) -> set[str]:
        (statement,) = (
            each for each in rights[f"{prefix}{agent}"].statements if "secretsmanager" in str(each["Action"])
        )
        several = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        return {re.sub("[<>]", "", each) for each in several}

    assert readable_by("agent") == secrets
    (master,) = readable_by("agent-of-databases")
    assert (settings.restored.master_secret if settings.restored else "MasterUserSecret") in master


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_migrations_log_in_as_each_service_and_making_databases_as_the_master(
    templates: dict[str, Template], environment: str
) -> None:
    rights = rights_of(templates[f"Bilhetagem-{environment}-Tasks"])

    for task, logins in (("migrate", SERVICES), ("create-databases", [MASTER])):
        (statement,) = rights[f"bilhetagem-{environment}-{task}"].statements
        several = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert statement["Action"] == "rds-db:connect"
        assert {each.rpartition("/")[2] for each in several} == set(logins)


@pytest.mark.parametrize(
    ("image", "named"),
    [("sha256:" + "0a" * 32, "bilhetagem@sha256:" + "0a" * 32), ("2027.1", "bilhetagem:2027.1")],
)
def test_an_image_is_named_by_digest_or_tag(image: str, named: str) -> None:
    assert image_named(image) == named


@pytest.mark.parametrize("image", [None, "", "sha256:0a", "a/b", "-"])
def test_what_names_no_image_is_refused(image: Any) -> None:
    with pytest.raises(SettingsError, match=r"is .*, and no digest"):
        image_named(image)
