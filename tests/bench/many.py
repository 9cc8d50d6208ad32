"""Thirty generated plugins with one entity each, to see what the registry's size costs."""

from pathlib import Path

from tests.bench.machine import ROOT
from tests.bench.prepared import Prepared

MANIFEST = """
name = "{name}"
title = "{name}"
summary = "A generated plugin."
version = "0.1.0"
kernel = ">=0.1"
"""
MODELS = '''
"""A generated entity."""

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped

from core.plugin import Entity, entity, field


@entity(label="Thing of {name}", plural="Things of {name}", title="name",
        filters=("size", "colour"))
class Thing(Entity):
    """A generated thing."""

    name: Mapped[str] = field(String(100), label="Name", sort=True)
    colour: Mapped[str | None] = field(String(30), label="Colour")
    size: Mapped[int] = field(Integer, label="Size", default=0, sort=True)
    note: Mapped[str | None] = field(Text, label="Note")
'''
MIGRATION = '''
"""A generated table."""

import sqlalchemy as sa

from core.plugin import drop_tenant_table, tenant_table

revision = "{name}_0001"
down_revision = None


def upgrade() -> None:
    tenant_table(
        "{name}_thing",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("colour", sa.String(30)),
        sa.Column("size", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("note", sa.Text()),
        keys=("name",),
        indexes=(("created_at",),),
    )


def downgrade() -> None:
    drop_tenant_table("{name}_thing")
'''
HOOKS = '"""Nothing is wired."""\n'


def write_plugins(count: int) -> list[str]:
    """Write plugins into ``plugins/`` of the project; the caller removes them again."""
    names = [f"generated_{number:02d}" for number in range(count)]
    for name in names:
        folder = ROOT / "plugins" / name
        (folder / "migrations").mkdir(parents=True, exist_ok=True)
        for file, text in (
            ("plugin.toml", MANIFEST),
            ("__init__.py", '"""A generated plugin."""\n'),
            ("models.py", MODELS),
            ("hooks.py", HOOKS),
            ("migrations/0001_things.py", MIGRATION),
        ):
            (folder / file).write_text(text.replace("{name}", name).lstrip())
    return names


def config_with(prepared: Prepared, folder: Path, names: list[str]) -> Path:
    """Return a configuration that installs and enables the generated plugins as well."""
    quoted = ", ".join(f'"{name}"' for name in names)
    text = prepared.config.read_text()
    text = text.replace('["customers", "loyalty"]', f'["customers", "loyalty", {quoted}]')
    path = folder / "crm.toml"
    path.write_text(text)
    return path
