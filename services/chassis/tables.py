"""The tables that every service has beside its own: inbox (the journal), failed tries, outbox, idempotency keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, Uuid

from services.chassis.database import Json, Moment

_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


def service_metadata() -> MetaData:
    """The metadata of one service's tables: every constraint has a name that both databases share, so that a migration
    can drop it. A CHECK needs a name from its author: ``CheckConstraint("sold >= 0", name="sold")``.
    """
    return MetaData(naming_convention=_NAMES)


@dataclass(frozen=True)
class ChassisTables:
    """The chassis's tables in one service's metadata."""

    inbox: Table
    attempts: Table
    outbox: Table
    idempotency: Table


def chassis_tables(metadata: MetaData) -> ChassisTables:
    """Declare the chassis's tables beside a service's own."""
    inbox = Table(
        "inbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("type", Text, nullable=False),
        Column("correlation", Text, nullable=False, index=True),
        Column("envelope", Json(dict[str, Any]), nullable=False),
        Column("outcome", Text, nullable=False),
        Column("handled_at", Moment, nullable=False, index=True),
        Column("effect", Json(dict[str, Any])),
        Column("read", Json(list[dict[str, Any]]), nullable=False),
        Column("emitted", Json(list[dict[str, Any]]), nullable=False),
        Column("repeats", Integer, nullable=False, default=0, server_default="0"),
        Column("position", Integer, nullable=False, default=0, server_default="0"),
    )
    attempts = Table(
        "attempts",
        metadata,
        Column("message_id", Uuid, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("type", Text, nullable=False),
        Column("correlation", Text, nullable=False, index=True),
        Column("envelope", Json(dict[str, Any]), nullable=False),
        Column("error", Text, nullable=False),
        Column("place", Text, nullable=False),
        Column("failed_at", Moment, nullable=False, index=True),
    )
    outbox = Table(
        "outbox",
        metadata,
        Column("key", Uuid, primary_key=True),
        Column("message_id", Uuid, nullable=False),
        Column("correlation", Text, nullable=False, index=True),
        Column("type", Text, nullable=False),
        Column("queue", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("send_at", Moment, nullable=False),
        Column("waits_for", Text),
        Index("ix_outbox_due", "send_at", "key"),
    )
    idempotency = Table(
        "idempotency",
        metadata,
        Column("caller", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("resource_id", Uuid, nullable=False),
        Column("body_hash", Text, nullable=False),
        Column("created_at", Moment, nullable=False, index=True),
    )
    return ChassisTables(inbox, attempts, outbox, idempotency)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that a client sent with a request, and the resource that the request made."""

    caller: str
    route: str
    key: str
    resource_id: UUID
    body_hash: str
    created_at: datetime
