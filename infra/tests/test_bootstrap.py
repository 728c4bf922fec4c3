"""What an account has once, and above all who may take which role."""

import json
from typing import Any

import pytest
from aws_cdk import App

from infra.app import context
from infra.bootstrap import REPOSITORY_OF_GITHUB, Bootstrap
from infra.settings import SettingsError, environments
from infra.tests.conftest import Template
from infra.tests.policies import Rights, rights_of
from infra.tests.test_network import of_type

STACK = "Bilhetagem-Bootstrap"
GITHUB = "token.actions.githubusercontent.com"
ACCOUNT = "123456789012"


@pytest.fixture
def bootstrap(templates: dict[str, Template]) -> Template:
    return templates[STACK]


@pytest.fixture
def rights(bootstrap: Template) -> dict[str, Rights]:
    return rights_of(bootstrap)


def subjects(bootstrap: Template) -> dict[str, str]:
    """What a token must say for each role that GitHub's jobs may take."""
    found = {}
    for role in of_type(bootstrap, "IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        if statement["Action"] == "sts:AssumeRoleWithWebIdentity":
            assert statement["Condition"].keys() == {"StringEquals"}
            asked = statement["Condition"]["StringEquals"]
            assert asked[f"{GITHUB}:aud"] == "sts.amazonaws.com"
            found[role["RoleName"]] = asked[f"{GITHUB}:sub"]
    return found


def test_a_role_is_for_one_kind_of_job_of_one_repository(bootstrap: Template) -> None:
    repository = f"repo:{context()['github']}:"

    assert subjects(bootstrap) == {
        "bilhetagem-github-image": f"{repository}ref:refs/heads/main",
        "bilhetagem-github-diff": f"{repository}pull_request",
        "bilhetagem-github-deploy-dev": f"{repository}environment:dev",
        "bilhetagem-github-deploy-prod": f"{repository}environment:prod",
    }


@pytest.mark.parametrize("github", [None, "", "bilhetagem", "a/b/c", "owner/*", "https://github.com/owner"])
def test_what_is_no_repository_is_refused(github: Any) -> None:
    with pytest.raises(SettingsError, match=r"`github` .*OWNER/NAME"):
        Bootstrap(App(), github, environments(context()["environments"]))


def test_a_repository_is_also_named_with_its_ids() -> None:
    assert REPOSITORY_OF_GITHUB.fullmatch("octo-org@123456/octo.repo@456789")


def test_images_keep_their_names_and_are_scanned(bootstrap: Template) -> None:
    (images,) = of_type(bootstrap, "ECR::Repository").values()
    (rule,) = json.loads(images["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]

    assert images["ImageTagMutability"] == "IMMUTABLE"
    assert images["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert rule["selection"]["countNumber"] == 100


@pytest.mark.parametrize(("environment", "other"), [("dev", "prod"), ("prod", "dev")])
def test_a_deployment_reaches_its_own_environment_only(
    templates: dict[str, Template], rights: dict[str, Rights], environment: str, other: str
) -> None:
    deploy = rights[f"bilhetagem-github-deploy-{environment}"]

    def role(name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    for each, allowed in ((environment, True), (other, False)):
        tasks = templates[f"Bilhetagem-{each}-Tasks"]
        for one in of_type(tasks, "ECS::TaskDefinition").values():
            family = f"arn:aws:ecs:sa-east-1:{ACCOUNT}:task-definition/{one['Family']}:7"
            assert deploy.allow("ecs:RunTask", family) is allowed
        for one in of_type(tasks, "IAM::Role").values():
            assert deploy.allow("iam:PassRole", role(one["RoleName"])) is allowed
        stack = f"arn:aws:cloudformation:sa-east-1:{ACCOUNT}:stack/Bilhetagem-{each}-Edge/an-id"
        assert deploy.allow("cloudformation:DescribeStacks", stack) is allowed
    assert deploy.allow("sts:AssumeRole", role(f"cdk-hnb659fds-deploy-role-{ACCOUNT}-sa-east-1"))
    assert not deploy.allow("sts:AssumeRole", role(f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-sa-east-1"))
    assert not deploy.allow("iam:PassRole", role(f"bilhetagem-{environment}-operator"))


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_deployment_asks_for_the_secret_of_its_own_pool_s_apps_only(
    rights: dict[str, Rights], environment: str
) -> None:
    deploy = rights[f"bilhetagem-github-deploy-{environment}"]
    (asking,) = (each for each in deploy.statements if each["Action"] == "cognito-idp:DescribeUserPoolClient")

    assert asking["Condition"] == {"StringEquals": {"aws:ResourceTag/environment": environment}}


@pytest.mark.parametrize("action", ["s3:GetObject", "sts:AssumeRole", "cloudformation:CreateChangeSet"])
def test_a_pull_request_sees_templates_and_nothing_else(rights: dict[str, Rights], action: str) -> None:
    diff = rights["bilhetagem-github-diff"]

    stack = f"arn:aws:cloudformation:sa-east-1:{ACCOUNT}:stack/Bilhetagem-prod-Data/an-id"
    assert diff.allow("cloudformation:GetTemplate", stack)
    assert not diff.allow(action, stack)
    assert not diff.allow(action, "*")


def test_api_gateway_may_log_and_spans_are_kept(bootstrap: Template) -> None:
    (account,) = of_type(bootstrap, "ApiGateway::Account").values()
    (policy,) = of_type(bootstrap, "Logs::ResourcePolicy").values()
    (statement,) = json.loads(policy["PolicyDocument"])["Statement"]
    search: dict[str, Any] = of_type(bootstrap, "XRay::TransactionSearchConfig")

    assert account["CloudWatchRoleArn"].startswith("<apigatewaylog")
    assert statement["Principal"] == {"Service": "xray.amazonaws.com"}
    assert any(resource.endswith(":log-group:aws/spans:*") for resource in statement["Resource"])
    assert len(search) == 1
