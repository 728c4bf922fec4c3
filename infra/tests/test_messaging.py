"""The queues as CloudFormation is told to make them."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from contracts.choreography import CHOREOGRAPHY, Step
from contracts.queues import RETENTION_SECONDS, VISIBILITY_SECONDS
from contracts.routes import MAX_RECEIVES
from infra.tests.choreographies import NEWCOMER, WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.conftest import Template
from infra.tests.intrinsics import queue_arn, resolved
from infra.tests.synthesis import Synthesised
from infra.tests.walk import queues_in
from localstack.provision import provision

type Attributes = dict[str, Any]
"""A queue's attributes by SQS's names: numbers and flags as text, policies as objects."""

POLICIES = ("RedrivePolicy", "RedriveAllowPolicy")


def by_template(template: Template) -> dict[str, Attributes]:
    """What a deployment of this template gives each queue, by its name."""
    resources = template["Resources"]
    made = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::SQS::Queue":
            properties = resolved(resource["Properties"], resources)
            made[properties["QueueName"]] = {
                name: value if name in POLICIES else str(value).lower()
                for name, value in properties.items()
                if name not in ("QueueName", "Tags")
            }
    return made


def by_provisioning(prefix: str, table: tuple[Step, ...]) -> dict[str, Attributes]:
    """What provisioning gives each queue, as SQS tells it afterwards, by its name."""
    with mock_aws():
        made = provision(None, prefix=prefix, table=table)
        sqs = boto3.client("sqs", region_name="sa-east-1")
        return {
            url.rpartition("/")[2]: parsed(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])
            for url in (*made.queues.values(), *made.dead_letter_queues.values())
        }


def parsed(attributes: Mapping[Any, str]) -> Attributes:
    return {str(name): json.loads(value) if name in POLICIES else value for name, value in attributes.items()}


@pytest.mark.parametrize(
    ("fixture", "table"),
    [("synthesised", CHOREOGRAPHY), ("with_a_row", WITH_A_ROW), ("without_products", WITHOUT_PRODUCTS)],
)
def test_local_provisioning_gives_every_queue_the_same_attributes(
    request: pytest.FixtureRequest, fixture: str, table: tuple[Step, ...]
) -> None:
    app: Synthesised = request.getfixturevalue(fixture)
    templated = by_template(app.templates["Bilhetagem-prod-Messaging"])

    provisioned = by_provisioning("bilhetagem-prod-", table)

    assert templated.keys() == provisioned.keys()
    for name, attributes in templated.items():
        # moto takes this one and does not tell it; tests/deployed compares it on LocalStack.
        told = {key: value for key, value in attributes.items() if key != "RedriveAllowPolicy"}
        assert told == {key: provisioned[name][key] for key in told}, name


def test_dead_letters_are_kept_for_14_days_and_come_from_their_queue_only(templates: dict[str, Template]) -> None:
    made = by_template(templates["Bilhetagem-prod-Messaging"])

    assert made["bilhetagem-prod-order-new"] == {
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "ReceiveMessageWaitTimeSeconds": "20",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": {
            "deadLetterTargetArn": queue_arn("bilhetagem-prod-order-new-dlq"),
            "maxReceiveCount": MAX_RECEIVES,
        },
    }
    assert made["bilhetagem-prod-order-new-dlq"] == {
        "MessageRetentionPeriod": str(14 * 24 * 3600),
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "ReceiveMessageWaitTimeSeconds": "20",
        "SqsManagedSseEnabled": "true",
        "RedriveAllowPolicy": {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [queue_arn("bilhetagem-prod-order-new")],
        },
    }


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_whoever_comes_without_tls_is_refused_at_every_queue(templates: dict[str, Template], environment: str) -> None:
    template = templates[f"Bilhetagem-{environment}-Messaging"]
    resources = template["Resources"]
    refused = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::SQS::QueuePolicy":
            (queue,) = resource["Properties"]["Queues"]
            refused[resources[queue["Ref"]]["Properties"]["QueueName"]] = resolved(
                resource["Properties"]["PolicyDocument"]["Statement"], resources
            )

    assert refused == {
        name: [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sqs:*",
                "Resource": queue_arn(name),
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
        for name in queues_in([template])
    }


def test_nothing_is_exported_that_could_hold_a_row_in_the_choreography(templates: dict[str, Template]) -> None:
    assert "Outputs" not in templates["Bilhetagem-prod-Messaging"]


def test_a_row_more_changes_its_own_queues_only(synthesised: Synthesised, with_a_row: Synthesised) -> None:
    before = synthesised.templates["Bilhetagem-prod-Messaging"]["Resources"]
    after = with_a_row.templates["Bilhetagem-prod-Messaging"]["Resources"]

    assert {name: after[name] for name in before} == before
    made = [resource["Properties"].get("QueueName") for name, resource in after.items() if name not in before]
    lane = f"bilhetagem-prod-{NEWCOMER}-underway"
    assert sorted(filter(None, made)) == [lane, f"{lane}-dlq"]


def test_a_listener_less_leaves_all_other_queues_as_they_are(
    synthesised: Synthesised, without_products: Synthesised
) -> None:
    before = synthesised.templates["Bilhetagem-prod-Messaging"]["Resources"]
    after = without_products.templates["Bilhetagem-prod-Messaging"]["Resources"]

    assert {name: before[name] for name in after} == after
    gone = [resource["Properties"].get("QueueName") for name, resource in before.items() if name not in after]
    assert sorted(filter(None, gone)) == ["bilhetagem-prod-product-underway", "bilhetagem-prod-product-underway-dlq"]
