"""Least privilege: each role may do at each queue what its rows of the choreography ask for, and nothing else."""

from copy import deepcopy
from typing import Any

import pytest

from contracts.choreography import CHOREOGRAPHY, Step
from infra.tests.choreographies import WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.conftest import Template
from infra.tests.synthesis import Synthesised
from infra.tests.walk import allowed, expected

ENVIRONMENTS = ("dev", "prod")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_at_every_queue(templates: dict[str, Template], environment: str) -> None:
    found, wanted = allowed(templates, environment), expected()

    assert found - wanted == set(), "allowed, and no row asks for it"
    assert wanted - found == set(), "not allowed, and a row asks for it"


@pytest.mark.parametrize(
    ("role", "queues"),
    [
        ("order-ingress", {"order-new", "order-underway"}),
        ("product-ingress", set()),
        ("user-worker", {"order-underway", "ticket-underway"}),
        ("payment-worker", {"order-underway", "payment-underway", "payment-underway-dlq", "reservation-underway"}),
    ],
)
def test_some_roles_as_one_reads_them_in_the_table(templates: dict[str, Template], role: str, queues: set[str]) -> None:
    found = allowed(templates, "prod")

    assert {queue for who, action, queue in found if (who, action) == (role, "SendMessage")} == queues


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_environment_reaches_the_other_s_queues(templates: dict[str, Template], environment: str) -> None:
    text = str([one for name, one in templates.items() if name.startswith(f"Bilhetagem-{environment}-")])

    assert all(f"bilhetagem-{other}-" not in text for other in ENVIRONMENTS if other != environment)


def test_a_queue_s_own_policy_takes_away_only(templates: dict[str, Template]) -> None:
    policies = [
        resource["Properties"]["PolicyDocument"]
        for template in templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SQS::QueuePolicy"
    ]

    assert {statement["Effect"] for policy in policies for statement in policy["Statement"]} == {"Deny"}


def grants_of(templates: dict[str, Template], role: str) -> list[dict[str, Any]]:
    """The statements about queues of a production role, to be tampered with."""
    (found,) = (
        resource["Properties"]["Policies"]
        for resource in templates["Bilhetagem-prod-Roles"]["Resources"].values()
        if resource.get("Properties", {}).get("RoleName") == f"bilhetagem-prod-{role}"
    )
    statements: list[dict[str, Any]] = found[0]["PolicyDocument"]["Statement"]
    return statements


def test_a_grant_that_is_removed_shows(templates: dict[str, Template]) -> None:
    tampered = deepcopy(templates)
    send = next(each for each in grants_of(tampered, "reservation-worker") if each["Sid"] == "Send")
    send["Resource"] = [each for each in send["Resource"] if "order-underway" not in str(each)]

    assert expected() - allowed(tampered, "prod") == {
        ("reservation-worker", "GetQueueUrl", "order-underway"),
        ("reservation-worker", "SendMessage", "order-underway"),
    }


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:*", "sqs:Send*"], "Resource": ["arn:aws:sqs:*:*:bilhetagem-prod-order-new"]},
    ],
    ids=["another action", "another queue"],
)
def test_a_grant_that_is_added_shows(templates: dict[str, Template], statement: dict[str, Any]) -> None:
    tampered = deepcopy(templates)
    grants_of(tampered, "user-ingress").append(statement)

    assert {role for role, _, _ in allowed(tampered, "prod") - expected()} == {"user-ingress"}


def test_a_denial_shows(templates: dict[str, Template]) -> None:
    tampered = deepcopy(templates)
    grants_of(tampered, "user-ingress").append({"Effect": "Deny", "Action": "sqs:sendmessage", "Resource": "*"})

    assert {(role, action) for role, action, _ in expected() - allowed(tampered, "prod")} == {
        ("user-ingress", "SendMessage")
    }


@pytest.mark.parametrize(("fixture", "table"), [("with_a_row", WITH_A_ROW), ("without_products", WITHOUT_PRODUCTS)])
def test_another_table_brings_other_grants(
    request: pytest.FixtureRequest, fixture: str, table: tuple[Step, ...]
) -> None:
    other: Synthesised = request.getfixturevalue(fixture)

    assert allowed(other.templates, "prod") == expected(table) != expected(CHOREOGRAPHY)
