"""The buyers' table, and how it is read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text, Uuid, select

from services.chassis.database import Database
from services.chassis.paging import Page
from services.chassis.tables import chassis_tables, service_metadata
from services.user.domain import User

metadata = service_metadata()
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


class Users:
    """The buyers as they are, without a lock. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: UUID) -> User | None:
        """A buyer, erased ones too, or None for an id that never was one's."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(users).where(users.c.id == user_id))).first()
        return User(*row) if row else None

    async def page(self, page: Page) -> Sequence[User]:
        """A page of the buyers that are not erased."""
        query = page.of(select(users).where(users.c.name.is_not(None)), by=users.c.id)
        async with self._database.reading() as connection:
            return [User(*row) for row in await connection.execute(query)]
