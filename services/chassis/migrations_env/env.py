"""What Alembic runs for every service: ``migrate.py`` hands it an open transaction, which it must not end."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Enum

from services.chassis.database import Json, Moment


def chassis_type(kind: str, column_type: Any, autogenerating: AutogenContext) -> str | Literal[False]:
    """How our own column types are written in a migration: without the Python types that they convert to."""
    if kind == "type" and isinstance(column_type, Json | Moment):
        name = type(column_type).__name__
        autogenerating.imports.add(f"from services.chassis.database import {name}")
        return f"{name}()"
    if kind == "type" and isinstance(column_type, Enum):  # a word: which ones there are is the code's to know
        return f"sa.String({column_type.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=True,
    render_item=chassis_type,
    transactional_ddl=True,
)
context.run_migrations()
