"""The count of loans on each book."""

import sqlalchemy as sa

from core.schema.sql.tables import drop_tenant_columns, tenant_columns

revision = "lending_0001"
down_revision = None


def upgrade() -> None:
    tenant_columns(
        "library_book",
        sa.Column("lending_count", sa.Integer(), nullable=False, server_default="0"),
        indexes=(("lending_count",),),
    )


def downgrade() -> None:
    drop_tenant_columns("library_book", "lending_count")
