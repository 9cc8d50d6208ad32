"""The columns that every tenant table has: the kernel's own, on each entity."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from core.model.fields import Field


def _standard(name: str, kind: Any, label: str, **options: Any) -> Field:
    return Field(name=name, kind=kind, label=label, system=True, readonly=True, **options)


STANDARD: dict[str, Field] = {
    f.name: f
    for f in (
        _standard("id", "link", "ID", nullable=False, mobile=True),
        _standard("version", "integer", "Version", nullable=False, mobile=True),
        _standard("created_at", "datetime", "Created", nullable=False, sort=True, filter=True),
        _standard("updated_at", "datetime", "Updated", nullable=False, sort=True, filter=True),
        _standard(
            "created_by", "link", "Created by", target="core.user", audience=("staff",), filter=True
        ),
        _standard("updated_by", "link", "Updated by", target="core.user", audience=("staff",)),
        _standard("deleted_at", "datetime", "Deleted", audience=("staff",)),
        Field(
            name="custom",
            kind="json",
            label="Custom",
            nullable=False,
            audience=("staff",),
            pii="free_text",
        ),
    )
}
STANDARD_TYPES: dict[str, Any] = {
    "id": sa.Uuid(),
    "version": sa.Integer(),
    "created_at": sa.DateTime(timezone=True),
    "updated_at": sa.DateTime(timezone=True),
    "created_by": sa.Uuid(),
    "updated_by": sa.Uuid(),
    "deleted_at": sa.DateTime(timezone=True),
    "custom": JSONB(),
}
