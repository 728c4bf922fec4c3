"""The journal says in which order the messages of one batch were handled: a replay needs it."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("position", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Remove it."""
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("position")
