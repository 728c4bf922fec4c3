"""The buyers' table."""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Table, Text, Uuid

from services.chassis.tables import chassis_tables
from services.user.domain import User

metadata = MetaData()
tables = chassis_tables(metadata)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text),
    # In lower case. Erased buyers have none, and a unique constraint lets any number of rows have none.
    Column("email", Text, unique=True),
    CheckConstraint("(name IS NULL) = (email IS NULL)", name="erased_whole"),
)

KINDS: dict[type[Any], Table] = {User: users}
