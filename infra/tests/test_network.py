"""The network as CloudFormation is told to make it: above all what moto does not make."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.app import context
from infra.drawings import network as picture
from infra.network import BALANCER_PORT, DATABASE_PORT, ENDPOINTS, HTTPS_PORT, NOWHERE, SERVICE_PORT
from infra.settings import environments
from infra.tests.conftest import Template
from infra.tests.intrinsics import resolved
from infra.tests.policies import rights_of

CHAIN = {
    ("link", "balancer", 80),
    ("balancer", "app", 8000),
    ("app", "balancer", 80),  # the mock gateway's webhook
    ("app", "database", 5433),
}


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    resources = template["Resources"]
    return {
        key: resolved(one["Properties"], resources) for key, one in resources.items() if one["Type"] == f"AWS::{kind}"
    }


def group(reference: str) -> str:
    """A group's name in the app, of a reference to it: its logical id without the CDK's eight characters of hash."""
    found = re.fullmatch(r"<(\w+)\w{8}\.GroupId>", reference)
    assert found is not None, reference
    return found[1]


def let_out(template: Template) -> Iterator[tuple[str, str, int]]:
    """Who may open a connection to whom, as what goes out is limited."""
    for rule in of_type(template, "EC2::SecurityGroupEgress").values():
        assert rule["FromPort"] == rule["ToPort"]
        to = rule.get("DestinationPrefixListId") or group(rule["DestinationSecurityGroupId"])
        yield group(rule["GroupId"]), to, rule["ToPort"]
    for key, one in of_type(template, "EC2::SecurityGroup").items():
        for rule in one["SecurityGroupEgress"]:
            if rule["CidrIp"] != NOWHERE:
                yield key[:-8], rule["CidrIp"], rule["ToPort"]


def let_in(template: Template) -> Iterator[tuple[str, str, int]]:
    """The same, as what comes in is limited."""
    for rule in of_type(template, "EC2::SecurityGroupIngress").values():
        assert rule["FromPort"] == rule["ToPort"]
        yield group(rule["SourceSecurityGroupId"]), group(rule["GroupId"]), rule["ToPort"]
    for one in of_type(template, "EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in one


def test_in_prod_nothing_gets_out_but_to_aws(templates: dict[str, Template]) -> None:
    template = templates["Bilhetagem-prod-Network"]

    assert set(let_in(template)) == CHAIN | {("app", "endpoints", 443)}
    assert set(let_out(template)) == CHAIN | {("app", "endpoints", 443), ("app", "pl-6aa54003", 443)}


def test_in_dev_tasks_get_out_over_https_and_nothing_else_does(templates: dict[str, Template]) -> None:
    template = templates["Bilhetagem-dev-Network"]

    assert set(let_in(template)) == CHAIN
    assert set(let_out(template)) == CHAIN | {("app", "0.0.0.0/0", 443)}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_group_has_a_rule_of_its_own_for_what_goes_out(templates: dict[str, Template], environment: str) -> None:
    """Without one, CloudFormation adds one that lets everything out."""
    groups = of_type(templates[f"Bilhetagem-{environment}-Network"], "EC2::SecurityGroup")

    assert groups
    assert all(one["SecurityGroupEgress"] for one in groups.values())


def test_data_can_be_carried_to_no_one_else_s_bucket(templates: dict[str, Template]) -> None:
    endpoints = of_type(templates["Bilhetagem-prod-Network"], "EC2::VPCEndpoint")
    (s3,) = (each for each in endpoints.values() if each["VpcEndpointType"] == "Gateway")
    ours, layers = s3["PolicyDocument"]["Statement"]

    assert ours["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    assert (layers["Action"], layers["Resource"]) == (
        "s3:GetObject",
        "arn:aws:s3:::prod-sa-east-1-starport-layer-bucket/*",
    )


def test_endpoints_serve_roles_of_this_account_only(templates: dict[str, Template]) -> None:
    endpoints = of_type(templates["Bilhetagem-prod-Network"], "EC2::VPCEndpoint")
    interfaces = [each for each in endpoints.values() if each["VpcEndpointType"] == "Interface"]

    assert len(interfaces) == len(ENDPOINTS)
    for each in interfaces:
        (statement,) = each["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


def test_an_endpoint_is_paid_for_where_a_task_or_its_agent_may_use_it_and_nowhere_else(
    templates: dict[str, Template],
) -> None:
    rights = {
        role: each
        for stack in ("Roles", "Tasks")
        for role, each in rights_of(templates[f"Bilhetagem-prod-{stack}"]).items()
        if role != "bilhetagem-prod-operator"
    }
    services = {
        action.partition(":")[0]
        for each in rights.values()
        for statement in each.statements
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }

    # S3 has its own kind, a login at the database is signed and not asked for, and the endpoint for `cloudwatch` is
    # called by another name.
    used = {"monitoring" if service == "cloudwatch" else service for service in services} - {"s3", "rds-db"}
    assert {name.partition(".")[0] for name in ENDPOINTS} == used


def test_endpoints_are_behind_their_own_group(templates: dict[str, Template]) -> None:
    endpoints = of_type(templates["Bilhetagem-prod-Network"], "EC2::VPCEndpoint")
    groups = [each["SecurityGroupIds"] for each in endpoints.values() if each["VpcEndpointType"] == "Interface"]

    assert [[group(one) for one in each] for each in groups] == [["endpoints"]] * len(ENDPOINTS)


def test_networks_could_be_peered_and_databases_have_two_zones() -> None:
    both = environments(context()["environments"])

    assert len({each.cidr for each in both}) == len(both)
    assert all(len({*each.zones, *each.spare_zones}) >= 2 for each in both)


def test_the_picture_shows_these_ports_and_endpoints() -> None:
    assert (picture.BALANCER_PORT, picture.SERVICE_PORT, picture.DATABASE_PORT, picture.HTTPS_PORT) == (
        BALANCER_PORT,
        SERVICE_PORT,
        DATABASE_PORT,
        HTTPS_PORT,
    )
    drawn = {name for *_, names in picture.ENDPOINTS for name in names.rpartition(": ")[2].split(", ")}
    assert drawn == ENDPOINTS.keys()
