"""The AsyncAPI 3.0 document: channels are queues, operations say which service receives and sends what.

All of it is derived from the choreography (https://www.asyncapi.com/docs/reference/specification/v3.0.0, SQS binding
0.3.0: https://github.com/asyncapi/bindings/tree/master/sqs).
"""

from collections.abc import Iterator
from typing import Any

from contracts.choreography import CHOREOGRAPHY, Http
from contracts.message import Message, message_types
from contracts.queues import LONG_POLL_SECONDS, VISIBILITY_SECONDS
from contracts.routes import (
    DEAD_LETTER_RETENTION_SECONDS,
    MAX_RECEIVES,
    SERVICES,
    Queue,
    emitted_by,
    listeners,
    queues,
    queues_of,
)
from localstack.provision import PREFIX

_BINDING_VERSION = "0.3.0"
_DESCRIPTION = """\
The messages of the saga. Every message is a CloudEvents 1.0 envelope in JSON structured mode, one per SQS message, with
the message itself in `data`. The sender puts a fact on the queue of every service that listens (SQS only, no SNS), so a
message with several listeners appears in several channels. Queues are standard queues: a message may come twice or out
of order, and every service drops what it knows by the envelope's `id`.
"""


def asyncapi() -> dict[str, Any]:
    """The document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Bilhetagem", "version": "1", "description": _DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "laptop": {"host": "127.0.0.1:4566", "protocol": "sqs", "description": "LocalStack"},
            "aws": {"host": "sqs.sa-east-1.amazonaws.com", "protocol": "sqs"},
        },
        "channels": {queue.name: _channel(queue) for queue in queues()},
        "operations": dict(_operations()),
        "components": {
            "messages": {m.__name__: _message(m) for m in _messages()},
            "schemas": {"Envelope": _ENVELOPE},
        },
    }


def _messages() -> list[type[Message]]:
    return sorted(message_types().values(), key=lambda message: message.__name__)


def _channel(queue: Queue) -> dict[str, Any]:
    heard = [message for message in _messages() if queue in listeners(message)]
    lane = "what newcomers ask for" if queue.lane == "new" else "everything that is under way"
    return {
        "address": f"{PREFIX}{queue.name}",
        "title": f"{queue.service}: {lane}",
        "messages": {message.__name__: _reference("components", "messages", message.__name__) for message in heard},
        "bindings": {
            "sqs": {
                "queue": {
                    "name": f"{PREFIX}{queue.name}",
                    "fifoQueue": False,
                    "visibilityTimeout": VISIBILITY_SECONDS,
                    "receiveMessageWaitTime": LONG_POLL_SECONDS,
                    "redrivePolicy": {
                        "deadLetterQueue": {"name": f"{PREFIX}{queue.dead_letter_name}"},
                        "maxReceiveCount": MAX_RECEIVES,
                    },
                },
                "deadLetterQueue": {
                    "name": f"{PREFIX}{queue.dead_letter_name}",
                    "fifoQueue": False,
                    "messageRetentionPeriod": DEAD_LETTER_RETENTION_SECONDS,
                },
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for service in SERVICES:
        for queue in queues_of(service):
            yield f"{service}-receives-{queue.lane}", _operation("receive", service, queue)
        emitted = {message for step in CHOREOGRAPHY if step.by == service for message in emitted_by(step)}
        for queue in queues():
            if sent := sorted(message.__name__ for message in emitted if queue in listeners(message)):
                messages = [_reference("channels", queue.name, "messages", name) for name in sent]
                yield f"{service}-sends-to-{queue.name}", _operation("send", service, queue) | {"messages": messages}


def _operation(action: str, service: str, queue: Queue) -> dict[str, Any]:
    return {
        "action": action,
        "channel": _reference("channels", queue.name),
        "tags": [{"name": service}],
        "bindings": {"sqs": {"queues": [{"name": f"{PREFIX}{queue.name}"}], "bindingVersion": _BINDING_VERSION}},
    }


def _message(message: type[Message]) -> dict[str, Any]:
    followers = [
        f"{step.by} may answer with {', '.join(sorted(m.__name__ for m in emitted_by(step)))}"
        for step in CHOREOGRAPHY
        if step.on is message and step.emits
    ]
    origins = sorted(s.on.route for s in CHOREOGRAPHY if isinstance(s.on, Http) and message in emitted_by(s))
    remarks = [" ".join((message.__doc__ or "").split())]
    remarks += [f"Comes from a request: {', '.join(f'`{route}`' for route in origins)}."] if origins else []
    remarks += [f"{remark}." for remark in followers]
    return {
        "name": message.type,
        "title": message.__name__,
        "summary": remarks[0].split(". ")[0].rstrip(".") + ".",
        "description": "\n\n".join(remarks),
        "tags": [{"name": message.owner}],
        "contentType": "application/cloudevents+json",
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "allOf": [
                _reference("components", "schemas", "Envelope"),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": message.type},
                        "data": {"$ref": f"../contracts/schemas/{message.type}.json"},
                    },
                },
            ]
        },
    }


def _reference(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)",
    "required": [
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("correlationid", "partitionkey", "data"),
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "made from its cause: a repeat has the same one"},
        "source": {"type": "string", "examples": ["/bilhetagem/order"]},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "the aggregate it is about"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "correlationid": {"type": "string", "description": "its order, else its reservation, else its catalogue row"},
        "partitionkey": {
            "type": "string",
            "description": "the tenant of SQS fair queues: its event, if it has one",
        },
        "causationid": {"type": "string", "format": "uuid", "description": "the message that caused it"},
        "traceparent": {"type": "string", "description": "W3C Trace Context"},
        "data": {"type": "object"},
    },
}
