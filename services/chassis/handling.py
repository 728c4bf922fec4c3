"""How a service says what it does with a message: handlers, their effects, and what they are handed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from contracts.message import Message
from services.chassis.kernel import NotYet
from services.chassis.rows import Key, Rows, Scope


@dataclass(frozen=True, slots=True)
class Later:
    """A timer: a message to oneself, sent when it is due."""

    message: Message
    due: datetime


type Emitted = Message | Later


class Result(BaseModel):
    """What an effect found out or made. The journal keeps it, so it holds no personal data."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What every handler is handed. A service adds its own settings by a subclass.

    ``now`` is the clock reading of this handling, ``sent`` the time the message was made, ``id`` the message's.
    ``effect`` is what the message's effect returned, for messages that have one.
    """

    rows: Scope
    now: datetime
    sent: datetime
    id: UUID
    effect: Result | None

    def wait_for(self, what: str, *, until: datetime) -> None:
        """Raise NotYet until a moment; from then on return, and the handler answers for good."""
        if self.now < until:
            raise NotYet(what)


PATIENCE = timedelta(minutes=1)
"""How long a message waits for what a client may have invented, or what a catalogue fact is about to bring."""

type Touches[M] = Callable[[M, Rows], Iterable[Key]]
type Handle[M, P] = Callable[[M, P], Iterable[Emitted]]
type Looks[M] = Callable[[M], Iterable[Key]]
type Finds = Callable[[Any], Iterable[Key]]


@dataclass(frozen=True)
class Handler:
    """A handler and the rows it touches. ``looks`` names rows to read without a lock first, to find others by;
    ``finds`` names those that the effect's result is about. ``effect`` is the class of that result, None without one.
    """

    handle: Handle[Any, Any]
    touches: Touches[Any]
    looks: Looks[Any]
    finds: Finds
    effect: type[Result] | None

    def given(self, effect: Result | None) -> "Handler":
        """The handler of one message, whose effect returned this: it touches what the effect found, too."""
        if effect is None:
            return self
        found = tuple(self.finds(effect))
        return replace(self, touches=lambda message, rows: (*self.touches(message, rows), *found))


def nothing(*_: object) -> tuple[Key, ...]:
    """No rows."""
    return ()


class Handlers[P: Ports]:
    """A service's handlers, one per message, and the class of what they are handed."""

    def __init__(self, ports: type[P]) -> None:
        self.ports = ports
        self._by_message: dict[type[Message], Handler] = {}

    def __call__(
        self,
        *messages: type[Message],
        touches: Touches[Any],
        looks: Looks[Any] = nothing,
        finds: Finds = nothing,
        effect: type[Result] | None = None,
    ) -> Callable[[Handle[Any, P]], Handle[Any, P]]:
        """Register a function as the handler of a message, or of several that it treats alike."""

        # Any: mypy joins several classes to their common base, which a handler of just these does not accept.
        def register(handle: Handle[Any, P]) -> Handle[Any, P]:
            for message in messages:
                if message in self._by_message:
                    raise ValueError(f"{message.__name__} has a handler already")
                self._by_message[message] = Handler(handle, touches, looks, finds, effect)
            return handle

        return register

    def __getitem__(self, message: type[Message]) -> Handler:
        return self._by_message[message]

    @property
    def messages(self) -> frozenset[type[Message]]:
        """The messages that have a handler."""
        return frozenset(self._by_message)


class Effect[M: Message](Protocol):
    """An outside effect: it runs before the transaction, is idempotent by business key, and decides nothing."""

    def __call__(self, message: M, /) -> Awaitable[Result]: ...


type Effects = Mapping[type[Message], Effect[Any]]
