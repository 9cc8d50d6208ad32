"""Shelves, books, readings and the user's shelf."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from core.schema.sql.tables import (
    drop_tenant_columns,
    drop_tenant_table,
    tenant_columns,
    tenant_table,
)

revision = "library_0001"
down_revision = None


def upgrade() -> None:
    tenant_table(
        "library_shelf",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("code", sa.String(20), nullable=False),
        keys=("name",),
        unique=("code",),
    )
    tenant_table(
        "library_book",
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("shelf_id", sa.Uuid()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("currency", sa.String(3)),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        keys=("title",),
        links={"shelf_id": ("library_shelf", "null")},
        indexes=(("title_key",), ("shelf_id", "created_at")),
    )
    tenant_table(
        "library_reading",
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(100), nullable=False),
        links={"book_id": ("library_book", "restrict")},
        append_only=True,
    )
    tenant_columns(
        "core_user",
        sa.Column("library_shelf_id", sa.Uuid()),
        links={"library_shelf_id": ("library_shelf", "restrict")},
    )
    op.execute("COMMENT ON TABLE library_shelf IS 'places for books'")


def downgrade() -> None:
    drop_tenant_columns("core_user", "library_shelf_id")
    for table in ("library_reading", "library_book", "library_shelf"):
        drop_tenant_table(table)
