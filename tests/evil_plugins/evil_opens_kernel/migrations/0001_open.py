"""Not its own policy."""

from alembic import op

revision = "evil_opens_kernel_0001"
down_revision = None


def upgrade() -> None:
    op.execute("ALTER TABLE core_user ALTER email DROP NOT NULL")


def downgrade() -> None:
    op.execute("SELECT 1")
