"""The rows that a batch of messages loaded and locked, and what its handlers did to them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, cast
from uuid import UUID

from services.chassis.kernel import NotYet

type Id = UUID | str


@dataclass(frozen=True, slots=True)
class Key:
    """One row: its kind (a dataclass whose fields are the table's columns, the id first) and its id."""

    kind: type[Any]
    id: Id


class Undeclared(Exception):
    """A handler asked for a row that its ``touches`` did not name: a mistake in the handler."""


_NAMES: dict[type[Any], tuple[str, ...]] = {}


def field_names(kind: type[Any]) -> tuple[str, ...]:
    """The columns of a kind, in order."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]


def values(row: object) -> tuple[Any, ...]:
    """A row's columns, in order."""
    return tuple(getattr(row, name) for name in field_names(type(row)))


class Rows:
    """Rows by kind and id. Handlers change them in place; the store writes what differs from what was loaded."""

    def __init__(self) -> None:
        self._rows: dict[Key, Any] = {}
        self._as_loaded: dict[Key, tuple[Any, ...] | None] = {}
        self.locked: set[Key] = set()
        """The keys that are locked, absent rows among them."""

    def put(self, keys: Iterable[Key], found: Iterable[Any], *, locked: bool) -> None:
        """Take in what the store holds under these keys; a key without a row is known to be absent."""
        for key in keys:
            if locked:
                self.locked.add(key)
            self._as_loaded[key] = None
            self._rows.pop(key, None)
        for row in found:
            key = Key(type(row), values(row)[0])
            self._rows[key] = row
            self._as_loaded[key] = values(row)

    def peek[Kind](self, kind: type[Kind], row_id: Id) -> Kind | None:
        """What has been loaded of it so far: for ``touches``, which names rows by what other rows say."""
        return cast(Kind | None, self._rows.get(Key(kind, row_id)))

    def within(self, declared: frozenset[Key]) -> "Scope":
        """The part of the rows that one message declared."""
        return Scope(self, declared)

    def added(self) -> list[Any]:
        """Rows that are new."""
        return [row for key, row in self._rows.items() if self._as_loaded.get(key) is None]

    def changed(self) -> list[Any]:
        """Rows that were there and differ now."""
        return [
            row
            for key, row in self._rows.items()
            if (before := self._as_loaded.get(key)) is not None and values(row) != before
        ]

    def state(self, keys: Iterable[Key]) -> dict[Key, tuple[Any, ...] | None]:
        """The columns of these rows now: two readings that are equal mean that nothing was changed between them."""
        return {key: values(row) if (row := self._rows.get(key)) is not None else None for key in keys}

    def insert(self, key: Key, row: object) -> None:
        """Add a new row. Raises ValueError when there is one already."""
        if key in self._rows:
            raise ValueError(f"{key.kind.__name__} {key.id} exists already")
        self._rows[key] = row


class Scope:
    """What one handler sees: the rows that its message declared, loaded and locked."""

    def __init__(self, rows: Rows, declared: frozenset[Key]) -> None:
        self._rows = rows
        self._declared = declared

    def _declared_key(self, kind: type[Any], row_id: Id) -> Key:
        key = Key(kind, row_id)
        if key not in self._declared:
            raise Undeclared(f"{kind.__name__} {row_id} was not named by touches")
        return key

    def find[Kind](self, kind: type[Kind], row_id: Id) -> Kind | None:
        """A row, or None where there is none. Raises Undeclared."""
        self._declared_key(kind, row_id)
        return self._rows.peek(kind, row_id)

    def get[Kind](self, kind: type[Kind], row_id: Id) -> Kind:
        """A row that must come: raises NotYet where there is none so far, and Undeclared."""
        row = self.find(kind, row_id)
        if row is None:
            raise NotYet(f"{kind.__name__} {row_id} is not known yet")
        return row

    def add(self, row: object) -> None:
        """Add a new row under a key that was declared. Raises Undeclared, and ValueError when there is one already."""
        self._rows.insert(self._declared_key(type(row), values(row)[0]), row)
