"""Not its own table."""

from alembic import op

revision = "evil_drops_kernel_0001"
down_revision = None


def upgrade() -> None:
    op.execute("DROP TABLE core_setting")


def downgrade() -> None:
    op.execute("SELECT 1")
