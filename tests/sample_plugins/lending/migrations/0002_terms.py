"""The terms of a loan."""

import sqlalchemy as sa

from core.schema.sql.tables import drop_tenant_columns, tenant_columns

revision = "lending_0002"
down_revision = "lending_0001"


def upgrade() -> None:
    tenant_columns("library_book", sa.Column("lending_terms", sa.String(50)))


def downgrade() -> None:
    drop_tenant_columns("library_book", "lending_terms")
