"""The first tables."""

import sqlalchemy as sa
from alembic import op

from services.chassis.database import Json
from services.chassis.migrations_env import tables_0001

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_0001.create()
    op.create_table(
        "allocations",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("lines", Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'refused') = (reason IS NOT NULL)", name=op.f("ck_allocations_refused_for_a_reason")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_allocations")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit_cents", sa.BigInteger(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.CheckConstraint("0 <= allocated AND allocated <= stock", name=op.f("ck_products_allocated_within_stock")),
        sa.CheckConstraint("unit_cents >= 0", name=op.f("ck_products_price_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_products_event_id"), ["event_id"], unique=False)


def downgrade() -> None:
    op.drop_table("products")
    op.drop_table("allocations")
    tables_0001.drop()
