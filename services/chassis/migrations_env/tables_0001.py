"""The chassis's tables, as every service's first revision makes them. Frozen: changes are later revisions."""

import sqlalchemy as sa
from alembic import op

from services.chassis.database import Json, Moment


def create() -> None:
    """Make inbox, attempts, outbox and idempotency."""
    op.create_table(
        "attempts",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("correlation", sa.Text(), nullable=False),
        sa.Column("envelope", Json(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("failed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "number", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_correlation"), ["correlation"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempts_failed_at"), ["failed_at"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "route", "key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_created_at"), ["created_at"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("correlation", sa.Text(), nullable=False),
        sa.Column("envelope", Json(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("handled_at", Moment(), nullable=False),
        sa.Column("effect", Json(), nullable=True),
        sa.Column("read", Json(), nullable=False),
        sa.Column("emitted", Json(), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbox_correlation"), ["correlation"], unique=False)
        batch_op.create_index(batch_op.f("ix_inbox_handled_at"), ["handled_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("correlation", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("send_at", Moment(), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_correlation"), ["correlation"], unique=False)
        batch_op.create_index("ix_outbox_due", ["send_at", "key"], unique=False)


def drop() -> None:
    """Remove them."""
    for table in ("outbox", "inbox", "idempotency", "attempts"):
        op.drop_table(table)
