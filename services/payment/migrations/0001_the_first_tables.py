"""The first tables."""

import sqlalchemy as sa
from alembic import op

from services.chassis.database import Moment
from services.chassis.migrations_env import tables_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_0001.create()
    op.create_table(
        "mock_charges",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("lost_answers", sa.Integer(), nullable=False),
        sa.Column("failed_refunds", sa.Integer(), nullable=False),
        sa.Column("cancelled_at", Moment(), nullable=True),
        sa.Column("refunded_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_mock_charges")),
    )
    op.create_table(
        "mock_webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("send_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mock_webhooks")),
    )
    with op.batch_alter_table("mock_webhooks", schema=None) as batch_op:
        batch_op.create_index("ix_mock_webhooks_order_id", ["order_id"], unique=False)
        batch_op.create_index("ix_mock_webhooks_send_at", ["send_at"], unique=False)

    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("requested_at", Moment(), nullable=False),
        sa.Column("refunded_at", Moment(), nullable=True),
        sa.CheckConstraint("(status = 'refunded') = (refunded_at IS NOT NULL)", name=op.f("ck_payments_refunded")),
        sa.CheckConstraint("amount_cents >= 0", name=op.f("ck_payments_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )


def downgrade() -> None:
    op.drop_table("payments")
    op.drop_table("mock_webhooks")
    op.drop_table("mock_charges")
    tables_0001.drop()
