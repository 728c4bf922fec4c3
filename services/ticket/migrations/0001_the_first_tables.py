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
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("date", Moment(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("called_off", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_table(
        "holders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.CheckConstraint("erased = (name IS NULL)", name=op.f("ck_holders_erased")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holders")),
    )
    op.create_table(
        "issues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_ids", Json(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
    )
    op.create_table(
        "ticket_types",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("max_per_user", sa.Integer(), nullable=True),
        sa.Column("sales_start", Moment(), nullable=True),
        sa.Column("sales_end", Moment(), nullable=True),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_ticket_types_price_cents")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_ticket_types_quantity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_types")),
    )
    with op.batch_alter_table("ticket_types", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_types_event_id_id", ["event_id", "id"], unique=False)

    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("type_id", sa.Uuid(), nullable=False),
        sa.Column("type_name", sa.Text(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("pdf_key", sa.Text(), nullable=False),
        sa.Column("event_version", sa.Integer(), nullable=False),
        sa.Column("holder_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'used') = (used_at IS NOT NULL)", name=op.f("ck_tickets_used_at")),
        sa.CheckConstraint("1 <= number AND number <= total", name=op.f("ck_tickets_number")),
        sa.ForeignKeyConstraint(["order_id"], ["issues.id"], name=op.f("fk_tickets_order_id_issues")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.create_index("ix_tickets_event_id_id", ["event_id", "id"], unique=False)
        batch_op.create_index("ix_tickets_order_id_id", ["order_id", "id"], unique=False)
        batch_op.create_index("ix_tickets_user_id_id", ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("tickets")
    op.drop_table("ticket_types")
    op.drop_table("issues")
    op.drop_table("holders")
    op.drop_table("events")
    tables_0001.drop()
