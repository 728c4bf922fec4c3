"""What differs between what a handler emitted when it was recorded and what it emits today, in words and by fields."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from contracts.message import message_types
from services.operations.recording import Told


class Kind(StrEnum):
    """What sort of difference it is."""

    CHOREOGRAPHY = "choreography"
    """A message that nobody handles any more, or one that the row of the choreography does not list."""
    EMITTED = "emitted"
    """Other messages are emitted, or other fields are in them."""
    WAITS = "waits"
    """The message is parked, which was handled."""
    FAILS = "fails"
    """The handler cannot be run, or raises."""
    OUTCOME = "outcome"
    """Nothing else is emitted, but rows are changed where none were, or the other way round."""


@dataclass(frozen=True)
class Field:
    """One field: its path, and its JSON when it was recorded and today; None where it was or is absent."""

    path: str
    recorded: str | None
    today: str | None


@dataclass(frozen=True)
class Difference:
    """One difference. ``text`` goes on from "the order service, on OrderPlaced,"; ``fields`` are those that differ."""

    kind: Kind
    text: str
    recorded: Told | None = None
    today: Told | None = None
    fields: tuple[Field, ...] = ()


def name_of(type_name: str) -> str:
    """A message's name: its class, such as OrderPlaced; the whole type of one that this release does not know."""
    contract = message_types().get(type_name)
    return contract.__name__ if contract else type_name


def compare(recorded: Sequence[Told], today: Sequence[Told], listed: Collection[str]) -> list[Difference]:
    """What differs in what was emitted. Their order is no difference, since queues keep none.

    ``listed`` are the types that the row of the choreography allows.
    """
    strays = [
        Difference(
            Kind.CHOREOGRAPHY,
            f"emits {name_of(told.type)}, which its row in contracts/choreography.py does not list",
            today=told,
        )
        for told in today
        if told.type not in listed
    ]
    before, now = list(recorded), list(today)
    same = [*_paired(before, now, "id", "type"), *_paired(before, now, "type")]
    changed = [_changed(old, new, fields) for old, new in same if (fields := tuple(_fields(old, new)))]
    others = [
        Difference(
            Kind.EMITTED,
            f"emits {name_of(new.type)} instead of {name_of(old.type)}",
            old,
            new,
            tuple(_fields(old, new)),
        )
        for old, new in zip(before, now, strict=False)
    ]
    pairs = len(others)
    nothing = "emits nothing instead of" if not today else "does not emit"
    gone = [
        Difference(Kind.EMITTED, f"{nothing} {name_of(old.type)}", old, None, tuple(_fields(old, None)))
        for old in before[pairs:]
    ]
    added = [
        Difference(Kind.EMITTED, f"also emits {name_of(new.type)}", None, new, tuple(_fields(None, new)))
        for new in now[pairs:]
    ]
    return [*strays, *changed, *others, *gone, *added]


def _paired(before: list[Told], now: list[Told], *alike: str) -> Iterator[tuple[Told, Told]]:
    """Take out of both lists what is alike in these attributes."""
    for old in list(before):
        for new in now:
            if all(getattr(old, name) == getattr(new, name) for name in alike):
                before.remove(old)
                now.remove(new)
                yield old, new
                break


def _changed(old: Told, new: Told, fields: tuple[Field, ...]) -> Difference:
    paths = ", ".join(field.path for field in fields)
    return Difference(Kind.EMITTED, f"emits {name_of(new.type)} with another {paths}", old, new, fields)


def _fields(old: Told | None, new: Told | None) -> Iterator[Field]:
    alike = old is not None and new is not None and old.type == new.type
    yield from fields_between(_content(old, understood=alike), _content(new, understood=False))


def _content(told: Told | None, *, understood: bool) -> dict[str, Any]:
    if told is None:
        return {}
    data = told.attributes["data"]
    due = {"due": told.due.astimezone(UTC).isoformat()} if told.due else {}
    return {"subject": told.subject, **(_understood(told.type, data) if understood else data), **due}


def _understood(type_name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded payload as today's contract reads it, so that an optional field that came later is no difference;
    what that contract does not know any more stays, and is one.
    """
    try:
        read = message_types()[type_name].model_validate(data).model_dump(mode="json")
    except ValidationError:
        return dict(data)
    filled: dict[str, Any] = _filled(data, read)
    return filled


def _filled(raw: Any, read: Any) -> Any:
    if isinstance(raw, Mapping) and isinstance(read, Mapping):
        known = {name: _filled(raw[name], value) if name in raw else value for name, value in read.items()}
        return {name: value for name, value in raw.items() if name not in read} | known
    if isinstance(raw, list) and isinstance(read, list) and len(raw) == len(read):
        return [_filled(*pair) for pair in zip(raw, read, strict=True)]
    return read


def fields_between(recorded: Mapping[str, Any], today: Mapping[str, Any]) -> Iterator[Field]:
    """The fields that differ, by path."""
    old, new = dict(_leaves(recorded)), dict(_leaves(today))
    for path in {**old, **new}:
        if old.get(path) != new.get(path):
            yield Field(path, old.get(path), new.get(path))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    elif path:
        yield path, json.dumps(value, ensure_ascii=False)
