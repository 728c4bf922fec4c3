"""What a message's body says, as far as it can be read, and without personal data unless that is asked for."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from contracts.fields import Personal
from contracts.message import Envelope, Message, Undecodable, UnknownType, message_types
from contracts.user import UserBody

UNREADABLE = "unreadable"
"""In place of the type of a body that is no CloudEvents envelope."""

MASKED = "(personal, or unknown)"

_ATTRIBUTES = frozenset(
    {
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("correlationid", "partitionkey", "causationid", "traceparent", "data"),
    }
)
"""What an envelope of ours has (``contracts.message.Envelope.attributes``): nothing in it but ``data`` is personal."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A body that was read. Without an ``envelope`` it is no message to this release, and ``problem`` says why."""

    id: UUID | None
    type: str
    correlation: str | None
    envelope: Envelope | None = None
    problem: str | None = None

    @property
    def name(self) -> str:
        """What people call its type: the message's name, else what stands there."""
        message = message_types().get(self.type)
        return message.__name__ if message else self.type

    def is_called(self, wanted: str) -> bool:
        """Whether a person means this by a type: its name, or its CloudEvents type with or without the version."""
        return wanted in {self.name, self.type, self.type.rpartition(".")[0]}


def read(body: str) -> Contents:
    """Read a body; whatever it is, something can be said of it."""
    try:
        envelope = Envelope.decode(body)
    except UnknownType as unknown:
        return _legible(body, f"this release does not know the type {unknown}")
    except Undecodable as error:
        return _legible(body, str(error))
    return Contents(envelope.id, envelope.message.type, envelope.message.correlation, envelope)


def shown(body: str, *, personal: bool) -> Any:
    """A body to look at: its JSON, else its text. Unless personal data is asked for, only those fields are shown that
    the message's contract knows, and does not call personal: a newer release's could be. Of a body that is no message
    to this release, those that no contract calls personal.
    """
    attributes = _json(body)
    if personal:
        return body if attributes is None else attributes
    if not isinstance(attributes, dict):
        return f"({len(body.encode())} bytes that are no JSON object)"
    envelope = read(body).envelope
    fields = _harmless_fields(type(envelope.message)) if envelope else _harmless_everywhere()
    known = _ATTRIBUTES if isinstance(attributes.get("data"), dict) else _ATTRIBUTES - {"data"}
    return {
        name: _masked(value, fields if name == "data" else frozenset()) if name in known else MASKED
        for name, value in attributes.items()
    }


def _legible(body: str, problem: str) -> Contents:
    attributes = _json(body)
    if not isinstance(attributes, dict):
        return Contents(None, UNREADABLE, None, problem=problem)
    type_name, correlation = attributes.get("type"), attributes.get("correlationid")
    return Contents(
        id=_uuid(attributes.get("id")),
        type=_text(type_name) or UNREADABLE,
        correlation=_text(correlation),
        problem=problem,
    )


def _text(value: object) -> str | None:
    # JSON can name half of a surrogate pair, which no encoding, and so no page and no URL, can say (RFC 8259, 8.2).
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _masked(value: Any, harmless: frozenset[str]) -> Any:
    match value:
        case dict():
            return {name: _masked(inner, harmless) if name in harmless else MASKED for name, inner in value.items()}
        case list():
            return [_masked(inner, harmless) for inner in value]
        case _:
            return value


@cache
def _harmless_fields(*contracts: type[BaseModel]) -> frozenset[str]:
    """The names of the fields of contracts and of their parts, without those that one of them calls personal."""
    schemas = [contract.model_json_schema() for contract in contracts]
    parts = [part for schema in schemas for part in (schema, *schema.get("$defs", {}).values())]
    personal = {
        name
        for contract in contracts
        for name, field in contract.model_fields.items()
        if any(mark is Personal for mark in field.metadata)
    }
    return frozenset(name for part in parts for name in part.get("properties", {})) - personal


def _harmless_everywhere() -> frozenset[str]:
    return _harmless_fields(*message_types().values(), UserBody)


def followers(emitted: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of the messages in a journal's envelopes."""
    known: Mapping[str, type[Message]] = message_types()
    return tuple(
        known[envelope["type"]].__name__ if envelope["type"] in known else str(envelope["type"]) for envelope in emitted
    )
