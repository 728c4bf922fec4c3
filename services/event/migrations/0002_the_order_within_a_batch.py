"""The order of the messages within a batch."""

from services.chassis.migrations_env import tables_0002

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables_0002.upgrade()


def downgrade() -> None:
    tables_0002.downgrade()
