"""The database and the buckets as CloudFormation is told to make them: above all what moto does not make."""

import json
from typing import Any

import pytest

from contracts.routes import SERVICES
from infra.app import context
from infra.settings import environments
from infra.tests.conftest import Template
from infra.tests.policies import rights_of
from infra.tests.synthesis import Synthesised, synthesise
from infra.tests.test_network import of_type

ENVIRONMENTS = ("dev", "prod")
RESTORED = {
    "resource_id": "db-RESTORED",
    "master_secret": "arn:aws:secretsmanager:sa-east-1:123456789012:secret:rds!db-restored-1a2b3c",
}
DATABASE = "arn:aws:rds-db:sa-east-1:123456789012:dbuser:"


@pytest.fixture
def data(templates: dict[str, Template], environment: str) -> Template:
    return templates[f"Bilhetagem-{environment}-Data"]


@pytest.fixture
def database(data: Template) -> dict[str, Any]:
    (found,) = of_type(data, "RDS::DBInstance").values()
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_logins_are_by_role_and_the_master_s_password_is_rds_s_own(database: dict[str, Any]) -> None:
    assert database["EnableIAMDatabaseAuthentication"]
    assert database["ManageMasterUserPassword"]
    assert "MasterUserPassword" not in database


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_database_is_not_lost_by_a_slip(data: Template, database: dict[str, Any]) -> None:
    (one,) = (each for each in data["Resources"].values() if each["Type"] == "AWS::RDS::DBInstance")

    assert database["DeletionProtection"]
    assert not database["DeleteAutomatedBackups"]
    assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Snapshot"


def test_no_stack_of_prod_is_deleted_by_a_slip(synthesised: Synthesised) -> None:
    (folder,) = {file.parent for file in synthesised.files.values()}
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]

    protected = {name for name, one in artifacts.items() if one.get("properties", {}).get("terminationProtection")}

    assert protected == {name for name in synthesised.templates if name.startswith("Bilhetagem-prod-")}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_database_is_behind_its_group(database: dict[str, Any], environment: str) -> None:
    (group,) = database["VPCSecurityGroups"]

    assert group.startswith(f"<Bilhetagem-{environment}-Network:ExportsOutputFnGetAttdatabase")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_parameters_ask_for_tls_keep_personal_data_out_of_logs_and_bound_connections(
    data: Template, database: dict[str, Any], environment: str
) -> None:
    (settings,) = (each for each in environments(context()["environments"]) if each.name == environment)
    ((key, group),) = of_type(data, "RDS::DBParameterGroup").items()
    parameters = group["Parameters"]

    assert database["DBParameterGroupName"] == f"<{key}>"
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["max_connections"] == str(settings.database_connections)
    assert (parameters["log_parameter_max_length"], parameters["log_error_verbosity"]) == ("0", "terse")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_logs_that_rds_writes_are_kept_for_a_month(data: Template, database: dict[str, Any], environment: str) -> None:
    kept = {each["LogGroupName"]: each["RetentionInDays"] for each in of_type(data, "Logs::LogGroup").values()}

    exported = database["EnableCloudwatchLogsExports"]
    assert kept == {f"/aws/rds/instance/bilhetagem-{environment}/{log}": 30 for log in exported}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pdfs_that_were_written_over_are_gone_after_a_week(data: Template) -> None:
    (tickets,) = (each for each in of_type(data, "S3::Bucket").values() if "VersioningConfiguration" in each)
    rules = {each["Id"]: each for each in tickets["LifecycleConfiguration"]["Rules"]}

    assert all(each["Status"] == "Enabled" and "Prefix" not in each for each in rules.values())
    assert rules["forget-what-was-written-over"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    # No rule forgets a PDF that is current.
    assert not any("ExpirationInDays" in each for each in rules.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_buckets_refuse_what_is_not_encrypted_on_its_way(data: Template) -> None:
    policies = {
        each["Bucket"]: each["PolicyDocument"]["Statement"] for each in of_type(data, "S3::BucketPolicy").values()
    }

    assert policies.keys() == {f"<{key}>" for key in of_type(data, "S3::Bucket")}
    for statements in policies.values():
        denied = next(each for each in statements if each["Effect"] == "Deny")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert (denied["Principal"], denied["Action"]) == ({"AWS": "*"}, "s3:*")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_service_logs_in_as_itself_only(templates: dict[str, Template], environment: str) -> None:
    rights = rights_of(templates[f"Bilhetagem-{environment}-Roles"])
    (instance,) = {
        resource.removeprefix(DATABASE).rpartition("/")[0]
        for each in rights.values()
        for statement in each.statements
        for resource in [statement["Resource"]]
        if isinstance(resource, str) and resource.startswith(DATABASE)
    }

    logins = {
        (role.removeprefix(f"bilhetagem-{environment}-"), login)
        for role, each in rights.items()
        for login in (*SERVICES, "bilhetagem")
        if each.allow("rds-db:connect", f"{DATABASE}{instance}/{login}")
    }

    assert "*" not in instance
    assert logins == {(f"{service}-{part}", service) for service in SERVICES for part in ("ingress", "worker")}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("action", ["GetObject", "PutObject", "DeleteObject", "GetObjectVersion"])
def test_pdfs_are_the_ticket_service_s_alone_and_it_deletes_none(
    templates: dict[str, Template], environment: str, action: str
) -> None:
    rights = rights_of(templates[f"Bilhetagem-{environment}-Roles"])
    (tickets,) = {
        resource
        for each in rights.values()
        for statement in each.statements
        for resource in [statement["Resource"]]
        if isinstance(resource, str) and resource.endswith("/tickets/*")
    }

    able = {
        role.removeprefix(f"bilhetagem-{environment}-")
        for role, each in rights.items()
        if each.allow(f"s3:{action}", tickets.replace("*", "event/ticket/one.pdf"))
    }

    assert able == ({"ticket-ingress", "ticket-worker"} if action in ("GetObject", "PutObject") else set())


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """dev's templates, where a restored database serves."""
    return synthesise(tmp_path_factory.mktemp("restored"), "dev", restored=RESTORED).templates


def test_a_restored_database_is_logged_in_at_by_its_own_id_and_secret(restored: dict[str, Template]) -> None:
    rights = {**rights_of(restored["Bilhetagem-dev-Roles"]), **rights_of(restored["Bilhetagem-dev-Tasks"])}
    containers = [
        container
        for task in of_type(restored["Bilhetagem-dev-Tasks"], "ECS::TaskDefinition").values()
        for container in task["ContainerDefinitions"]
    ]
    read = {
        secret["ValueFrom"]
        for container in containers
        for secret in container.get("Secrets", ())
        if secret["Name"] == "BILHETAGEM_DATABASE_MASTER"
    }

    assert all(
        rights[f"bilhetagem-dev-{role}"].allow("rds-db:connect", f"{DATABASE}db-RESTORED/{service}")
        for service in SERVICES
        for role in (f"{service}-ingress", f"{service}-worker", "migrate")
    )
    assert read == {RESTORED["master_secret"]}
    assert rights["bilhetagem-dev-agent-of-databases"].allow("secretsmanager:GetSecretValue", *read)
    assert "DbiResourceId" not in str(restored["Bilhetagem-dev-Roles"])


def test_a_database_is_restored_without_a_change_to_the_stack_that_others_import_from(
    templates: dict[str, Template], restored: dict[str, Template]
) -> None:
    """CloudFormation takes no export away that another stack imports, and this stack comes before those."""
    assert restored["Bilhetagem-dev-Data"] == templates["Bilhetagem-dev-Data"]
