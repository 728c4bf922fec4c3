"""The queues that CloudFormation makes of the template, on LocalStack."""

import json
from typing import Any

from contracts.queues import queues_made
from infra.tests.choreographies import WITH_A_ROW, WITHOUT_PRODUCTS
from infra.tests.conftest import Template
from infra.tests.deployed.cloudformation import Cloud
from infra.tests.synthesis import Synthesised
from localstack.provision import provision

OF_THE_MOMENT = ("Approximate", "CreatedTimestamp", "LastModifiedTimestamp")


def queues_of(cloud: Cloud, prefix: str) -> dict[str, dict[str, Any]]:
    """All queues with this prefix, by the rest of their names, with every attribute that SQS tells of them."""
    sqs = cloud.client("sqs")
    found = {}
    for url in sqs.list_queues(QueueNamePrefix=prefix, MaxResults=1000).get("QueueUrls", []):
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        found[url.rpartition("/")[2].removeprefix(prefix)] = {
            name: _read(value.replace(prefix, "")) for name, value in told.items() if not name.startswith(OF_THE_MOMENT)
        }
    return found


def _read(value: str) -> Any:
    return json.loads(value) if value.startswith("{") else value


def test_what_is_deployed_is_what_is_provisioned_attribute_by_attribute(with_queues: Cloud) -> None:
    provision(with_queues.url, prefix="laptop-")

    deployed, provisioned = queues_of(with_queues, "bilhetagem-dev-"), queues_of(with_queues, "laptop-")

    assert deployed["order-new-dlq"]["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
    # TLS is asked for in the cloud only: a laptop's LocalStack has none.
    assert {attributes.pop("Policy")["Statement"][0]["Sid"] for attributes in deployed.values()} == {"TlsOnly"}
    assert deployed == provisioned


def test_a_row_comes_and_a_listener_goes_and_what_waits_in_other_queues_stays(
    cloud: Cloud, templates: dict[str, Template], with_a_row: Synthesised, without_products: Synthesised
) -> None:
    stack, sqs = "Bilhetagem-prod-Messaging", cloud.client("sqs")
    cloud.deploy(stack, templates[stack])
    before = queues_of(cloud, "bilhetagem-prod-")
    order = sqs.get_queue_url(QueueName="bilhetagem-prod-order-new")["QueueUrl"]
    sqs.send_message(QueueUrl=order, MessageBody="waiting")

    cloud.deploy(stack, with_a_row.templates[stack])
    assert queues_of(cloud, "bilhetagem-prod-").keys() == {queue.name for queue in queues_made("", WITH_A_ROW)}

    cloud.deploy(stack, without_products.templates[stack])
    after = queues_of(cloud, "bilhetagem-prod-")
    assert after.keys() == {queue.name for queue in queues_made("", WITHOUT_PRODUCTS)} != before.keys()
    assert after == {name: before[name] for name in after}
    (message,) = sqs.receive_message(QueueUrl=order)["Messages"]
    assert message["Body"] == "waiting"
