"""The mock gateway's webhooks go on with the trace in which their charge was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mock_webhooks", sa.Column("traceparent", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("mock_webhooks") as table:
        table.drop_column("traceparent")
