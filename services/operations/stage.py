"""Today's handlers on a stage: a message at a time, over stores in memory, with clock, rows and effects as recorded.

Pure: nothing is read or sent. The pipeline is the workers' own; only the check of what a handler emits is left to
whoever looks at the answer, since a message that is not in the choreography is to be shown, not refused.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from contracts.message import Envelope, Message, Undecodable, UnknownType, message_types
from services.chassis import handling
from services.chassis.decision import Bury, Retry, Verdict
from services.chassis.handling import Effect, Ports, Result
from services.chassis.letters import Delivery
from services.chassis.memory import MemoryStore
from services.chassis.pipeline import Pipeline
from services.chassis.rows import Id, Key, field_names, values
from services.chassis.service import Service
from services.chassis.store import Dispatch, Entry
from services.operations.recording import Given, Told, as_told, misfit

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


class Unreplayable(Exception):
    """A recording that today's services cannot take at all. The text says what is missing, and how to give it."""


@dataclass(frozen=True)
class Answer:
    """What a service makes of a message: it handles it, waits for something (``waits_for``), or ``fails``.

    ``unheard``: the choreography does not bring it this message any more. ``read`` are the shared rows that it read.
    """

    emitted: tuple[Told, ...] = ()
    outcome: str | None = None
    read: tuple[tuple[str, str], ...] = ()
    waits_for: str | None = None
    fails: str | None = None
    unheard: str | None = None


@dataclass(frozen=True)
class Influence:
    """A row that others changed between two messages of the purchase. ``known``: its handlers had read it before."""

    given: Given
    known: bool


class Stage:
    """The services, with what a recording says of their settings. ``stores`` holds what they know by now."""

    def __init__(
        self,
        services: Mapping[str, Service],
        settings: Mapping[str, Mapping[str, Any]],
        stores: Mapping[str, MemoryStore] | None = None,
    ) -> None:
        self._services = services
        self._settings = settings
        self._keys = (UUID(int=number) for number in count())
        self._read: set[tuple[str, Key]] = set()
        self.stores: dict[str, MemoryStore] = dict(stores or {})

    def prepare(self, names: Iterable[str]) -> None:
        """Put these services on the stage. Raises Unreplayable for an unknown one, or one that lacks a setting."""
        for name in names:
            if name not in self._services:
                raise Unreplayable(f"There is no service {name!r} in this release.")
            self._ports(name)
            self.stores.setdefault(name, MemoryStore())

    async def deliver(self, name: str, told: Told, now: datetime, effect: Mapping[str, Any] | None) -> Answer:
        """Hand a message to a service. Known already: nothing happens, as in its inbox."""
        service, store = self._services[name], self.stores[name]
        contract = message_types().get(told.type)
        if contract is None:
            return Answer(unheard=f"this release does not know {told.type}")
        if contract not in service.handlers.messages:
            return Answer(unheard=f"{contract.__name__} is not handled any more")
        try:
            body = json.dumps(dict(told.attributes))
            message_id = Envelope.decode(body).id
            effects = _recorded(contract, service.handlers[contract].effect, effect)
        except (Undecodable, UnknownType) as error:
            return Answer(fails=f"its contract cannot read it: {error}")
        except _NoEffect as error:
            return Answer(fails=str(error))
        pipeline = Pipeline(
            service=name,
            handlers=service.handlers,
            ports=self._ports(name),
            effects=effects,
            reactions=dict.fromkeys(service.handlers.messages, frozenset(message_types().values())),
            lock_order=tuple(service.kinds),
            store=store,
            sender=_Nobody(),
            clock=lambda: now,
            mint=lambda: next(self._keys),
            chance=lambda: 0.0,
        )
        [verdict] = await pipeline.handle([Delivery(name, body, "", 1)])
        return _answer(store, message_id, verdict)

    def give(self, name: str, given: Given) -> Influence | None:
        """Let a row be as it was recorded. Returns an influence when others made it so. Raises ValueError when it is no
        row of today's.
        """
        kind = self._kind(name, given.kind)
        key = _key(kind, given)
        rows = self.stores[name].rows
        before = rows.get(key)
        known = before is not None or (name, key) in self._read
        self._read.add((name, key))
        now = None if given.columns is None else _row(kind, given)
        if now == before:
            return None
        if now is None:
            rows.pop(key, None)
        else:
            rows[key] = now
        return Influence(given, known)

    def state(self) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
        """Every service's rows, by kind and id, without personal columns."""
        return {
            name: {
                (key.kind.__name__, str(key.id)): _shown(row)
                for key, row in sorted(store.rows.items(), key=lambda item: (item[0].kind.__name__, str(item[0].id)))
            }
            for name, store in self.stores.items()
        }

    def _kind(self, name: str, kind_name: str) -> type[Any]:
        for kind in self._services[name].kinds:
            if kind.__name__ == kind_name:
                return kind
        raise ValueError(f"a row {kind_name} was read, and there are none any more")

    def _ports(self, name: str) -> partial[Ports]:
        ports: type[Ports] = self._services[name].handlers.ports
        hints, recorded = get_type_hints(ports), self._settings.get(name, {})
        settings = {}
        for setting in settings_of(self._services[name]):
            if setting not in recorded:
                raise Unreplayable(
                    f"The {name} service's handlers are handed {setting!r}, which the recording does not say: give "
                    f"it with --setting {name}.{setting}=VALUE."
                )
            try:
                settings[setting] = TypeAdapter(hints[setting]).validate_python(recorded[setting])
            except ValidationError as error:
                raise Unreplayable(f"{name}.{setting} cannot be read: {error.errors()[0]['msg']}") from None
        return partial(ports, **settings)


def settings_of(service: Service) -> list[str]:
    """The names of what a service's handlers are handed beside what every handler is."""
    common = {field.name for field in fields(handling.Ports)}
    return [field.name for field in fields(service.handlers.ports) if field.name not in common]


class _NoEffect(Exception):
    """There is no result of the effect for the handler."""


class _Nobody:
    """Sends nothing."""

    async def send(self, dispatches: Sequence[Dispatch]) -> None:
        """What was emitted is read from the journal."""


def _recorded(
    contract: type[Message], wanted: type[Result] | None, effect: Mapping[str, Any] | None
) -> dict[type[Message], Effect[Any]]:
    if wanted is None:
        return {}
    if effect is None:
        raise _NoEffect(f"it needs the {wanted.__name__} of an effect, which was not recorded")
    try:
        result = wanted.model_validate(effect)
    except ValidationError as error:
        raise _NoEffect(f"the effect's recorded result is no {wanted.__name__}: {misfit(error)}") from None

    async def known(_: Message) -> Result:
        return result

    return {contract: known}


def _answer(store: MemoryStore, message_id: UUID, verdict: Verdict) -> Answer:
    parked = [row.waits_for for row in store.outbox.values() if row.message_id == message_id and row.waits_for]
    store.outbox.clear()
    if entry := store.inbox.get(message_id):
        return _handled(entry)
    if parked:
        return Answer(waits_for=parked[0])
    assert isinstance(verdict, Bury | Retry)
    return Answer(fails=f"it fails with {verdict.error} ({verdict.place})")


def _handled(entry: Entry) -> Answer:
    read = tuple((str(row["kind"]), str(row["id"])) for row in entry.read)
    return Answer(tuple(as_told(one) for one in entry.emitted), entry.outcome, read)


def _key(kind: type[Any], given: Given) -> Key:
    of_id: TypeAdapter[Id] = TypeAdapter(get_type_hints(kind)[field_names(kind)[0]])
    try:
        return Key(kind, of_id.validate_python(given.id))
    except ValidationError as error:
        raise ValueError(f"{given.id!r} is no id of a {given.kind}: {misfit(error)}") from None


def _row(kind: type[Any], given: Given) -> object:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    try:
        row: object = _ADAPTERS[kind].validate_python(given.columns)
    except ValidationError as error:
        raise ValueError(f"the recorded {given.kind} {given.id} is no row any more: {misfit(error)}") from None
    return row


def _shown(row: Any) -> dict[str, Any]:
    personal = getattr(type(row), "personal", ())
    shown: dict[str, Any] = to_jsonable_python(
        {name: value for name, value in zip(field_names(type(row)), values(row), strict=True) if name not in personal}
    )
    return shown
