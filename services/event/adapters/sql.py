"""The events' table."""

from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid

from services.chassis.database import Moment, word
from services.chassis.tables import chassis_tables
from services.event.domain import Event, Status

metadata = MetaData()
tables = chassis_tables(metadata)

events = Table(
    "events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("date", Moment, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("status", word(Status), nullable=False),
)

KINDS: dict[type[Any], Table] = {Event: events}
