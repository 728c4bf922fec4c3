"""A service, declared: what it owns, handles and serves."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fastapi import APIRouter
from sqlalchemy import MetaData, Table

from contracts.message import Message
from contracts.routes import reactions, requests
from services.chassis.config import Settings
from services.chassis.database import Database
from services.chassis.handling import Effects, Handlers, Ports
from services.chassis.tables import ChassisTables


class Disagreement(Exception):
    """A service's code and the choreography disagree."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The code and contracts/choreography.py disagree: {what}.")


type Background = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until stopped. It survives any error: what it raises would end the worker."""


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """What a service's composition root puts together for one process.

    ``ports`` makes the record that handlers get; ``effects`` run before a transaction; ``adapters`` is handed to the
    routes, as ``ingress.adapters``; ``background`` runs beside the worker.
    """

    ports: Callable[..., Ports] = Ports
    effects: Effects = field(default_factory=dict)
    adapters: Any = None
    background: Sequence[Background] = ()


type Facts = Mapping[type[Any], Callable[[Any], Message]]
"""For each kind of catalogue row the fact that tells its whole state, made from the row as it is now."""


@dataclass(frozen=True)
class Purchases:
    """The kind of row whose ``status`` says where a purchase stands, and the statuses at which nothing is owed.

    The kind has the columns id, event_id, status, reason and created_at. Where it has an ``order_id``, rows with one
    are part of that order's purchase. ``whole`` is False for a kind of which every row is a part: of the purchase of
    the order with the row's id. ``waits_until`` is the column that says until when a row may wait in peace.
    """

    kind: type[Any]
    at_rest: frozenset[str]
    whole: bool = True
    waits_until: str | None = None


type Assemble = Callable[[Any, Database], AbstractAsyncContextManager[Assembly]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One of the seven. ``kinds`` are its rows and their tables, in the order in which they are locked."""

    name: str
    kinds: Mapping[type[Any], Table]
    tables: ChassisTables
    metadata: MetaData
    router: APIRouter
    description: str = ""
    """What it owns, for readers of its API."""
    assemble: Assemble
    handlers: Handlers[Any] = field(default_factory=lambda: Handlers(Ports))
    settings: type[Settings] = Settings
    facts: Facts = field(default_factory=dict)
    """Its catalogue's facts, for an operator who has a lost one told again."""
    purchases: Purchases | None = None
    """Where purchases are listed from, in the services that know them."""

    def check_handlers(self) -> None:
        """Raises Disagreement when a message of the table has no handler, or a handler no row in the table."""
        listed, handled = self.reactions.keys(), self.handlers.messages
        if missing := ", ".join(sorted(message.__name__ for message in listed - handled)):
            raise Disagreement(f"{self.name} has no handler for {missing}")
        if stray := ", ".join(sorted(message.__name__ for message in handled - listed)):
            raise Disagreement(f"{self.name} handles {stray}, of which no row tells")

    @cached_property
    def reactions(self) -> Mapping[type[Message], frozenset[type[Message]]]:
        """What it handles, and what it may emit for each."""
        return reactions(self.name)

    @cached_property
    def requests(self) -> Mapping[str, frozenset[type[Message]]]:
        """The routes through which it lets messages in, and which."""
        return requests(self.name)
