"""The AsyncAPI document says what the choreography says."""

from typing import Any

from contracts.choreography import CHOREOGRAPHY
from contracts.message import message_types
from contracts.routes import listeners, queues, senders
from services.operations.asyncapi import asyncapi


def targets(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*(targets(value) for value in node.values()))
    return set().union(*(targets(item) for item in node)) if isinstance(node, list) else set()


def test_every_reference_inside_the_document_leads_somewhere() -> None:
    document = asyncapi()

    for target in targets(document):
        if target.startswith("#/"):
            node = document
            for step in target.removeprefix("#/").split("/"):
                node = node[step]


def test_a_queue_is_a_channel_with_the_messages_that_arrive_on_it() -> None:
    document = asyncapi()

    assert set(document["channels"]) == {queue.name for queue in queues()}
    for message in message_types().values():
        for queue in listeners(message):
            assert message.__name__ in document["channels"][queue.name]["messages"]


def test_every_sender_is_an_operation() -> None:
    operations = asyncapi()["operations"]

    for message in {entry for step in CHOREOGRAPHY for entry in message_types().values() if entry is step.on}:
        for queue in listeners(message):
            for sender in senders(message):
                sent = operations[f"{sender}-sends-to-{queue.name}"]["messages"]
                assert {"$ref": f"#/channels/{queue.name}/messages/{message.__name__}"} in sent
