"""The first tables."""

import sqlalchemy as sa
from alembic import op

from services.chassis.database import Json, Moment
from services.chassis.migrations_env import tables_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_0001.create()
    op.create_table(
        "buyers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyers")),
    )
    op.create_table(
        "event_marks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("called_off", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_marks")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("items", Json(), nullable=False),
        sa.Column("wishes", Json(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("payment_token", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("seats", Json(), nullable=True),
        sa.Column("extras", Json(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("pay_before", Moment(), nullable=True),
        sa.Column("withdrawal", sa.Text(), nullable=True),
        sa.Column("expired", sa.Boolean(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=True),
        sa.Column("refunded_at", Moment(), nullable=True),
        sa.CheckConstraint("(status = 'refunded') = (refunded_at IS NOT NULL)", name=op.f("ck_orders_refunded")),
        sa.CheckConstraint(
            "(status IN ('rejected', 'cancelled', 'refunded')) = (reason IS NOT NULL)", name=op.f("ck_orders_ended")
        ),
        sa.CheckConstraint("status <> 'cancelling' OR withdrawal IS NOT NULL", name=op.f("ck_orders_cancelling")),
        sa.CheckConstraint("total_cents >= 0", name=op.f("ck_orders_total")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_event_id_id", ["event_id", "id"], unique=False)
        batch_op.create_index("ix_orders_status_id", ["status", "id"], unique=False)
        batch_op.create_index("ix_orders_user_id_id", ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("orders")
    op.drop_table("event_marks")
    op.drop_table("buyers")
    tables_0001.drop()
