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

MASKED = "(personal)"


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
    """A body to look at: its JSON, else its text. Personal fields are masked unless asked for; of a body whose fields
    cannot be told, all that could be one is.
    """
    attributes = _json(body)
    if attributes is None:
        return body if personal else f"({len(body.encode())} bytes that are no JSON)"
    if personal:
        return attributes
    known = message_types().get(str(attributes.get("type"))) if isinstance(attributes, dict) else None
    return _masked(attributes, _personal_fields([known]) if known else _all_personal_fields())


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


def _masked(value: Any, fields: frozenset[str]) -> Any:
    match value:
        case dict():
            return {name: MASKED if name in fields else _masked(inner, fields) for name, inner in value.items()}
        case list():
            return [_masked(inner, fields) for inner in value]
        case _:
            return value


@cache
def _all_personal_fields() -> frozenset[str]:
    return _personal_fields([*message_types().values(), UserBody])


def _personal_fields(models: Iterable[type[BaseModel]]) -> frozenset[str]:
    return frozenset(
        name
        for model in models
        for name, field in model.model_fields.items()
        if any(mark is Personal for mark in field.metadata)
    )


def followers(emitted: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of the messages in a journal's envelopes."""
    known: Mapping[str, type[Message]] = message_types()
    return tuple(
        known[envelope["type"]].__name__ if envelope["type"] in known else str(envelope["type"]) for envelope in emitted
    )
