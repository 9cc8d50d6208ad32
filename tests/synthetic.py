"""A generated plugin with any number of ordinary entities, to see what the registry's size costs.

::

    python -m tests.synthetic 50 /tmp/synthetic
    export PYTHONPATH=/tmp/synthetic     # the plugin is found by its entry point
    crm plugin check synthetic           # then list "synthetic" in crm.toml

In a test, ``write_plugin`` returns the mapping that ``load`` and ``create_app`` take as
``packages``. The entities take four forms in turn: one with a price and a salesperson, one of a
customer (with a scope for sellers and customers), one that links to the entity before it, and one
with stages, aggregates and an action.
"""

import importlib
import sys
from pathlib import Path

from core.cli.plugins.plugin_check import write_migration
from core.cli.plugins.scaffold_texts import HEADINGS

NAME = "synthetic"
PER_MODULE = 10

MANIFEST = """\
name = "synthetic"
title = "Synthetic"
summary = "Generated entities."
version = "0.1.0"
kernel = ">=0.1"
requires = ["customers"]
"""
ENTRY_POINTS = "[crm.plugins]\nsynthetic = {package}\n"
METADATA = "Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n"
HEAD = '''\
"""Generated entities."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Date, Integer, String, Text
from sqlalchemy.orm import Mapped

from core.plugin import (
    Aggregate,
    Entity,
    Through,
    choice,
    currency,
    entity,
    field,
    link,
    money,
    user_link,
)
from plugins.customers.models import Customer

OF_CUSTOMER = {{
    "company": Through(
        entity="customers.company_link",
        local="customer_id",
        here="customer_id",
        there="company_id",
    ),
    "own": "customer_id",
}}


class Stage(StrEnum):
    """How far a record is."""

    OPEN = "open"
    DOING = "doing"
    DONE = "done"

'''
ENTITY = '''
@entity(
    label="Item {number}",
    plural="Items {number}",
    title="name",
    resource="synthetic-items-{number}",
    columns=("name", "code", "size", "created_at"),
    search=("name",),
    filters=("size", "code"),
    indexed=(("created_at",),),{options}
)
class Item{number}(Entity):
    """A generated record."""

    name: Mapped[str] = field(String(100), label="Name", sort=True, mobile=True)
    code: Mapped[str | None] = field(String(40), label="Code", unique=True)
    size: Mapped[int] = field(Integer, label="Size", default=0, sort=True)
    is_open: Mapped[bool] = field(label="Open", default=True, filter=True)
    due_on: Mapped[date | None] = field(Date, label="Due on", sort=True, filter=True)
    note: Mapped[str | None] = field(Text, label="Note")
{fields}
'''
# Options and fields of the four forms; {before} is the number of the entity before.
FORMS = (
    (
        '\n    responsible="keeper",',
        """\
    currency: Mapped[str] = currency()
    price: Mapped[int | None] = money(label="Price", sort=True, filter=True)
    keeper_id: Mapped[UUID | None] = user_link(label="Keeper", on_delete="null")""",
    ),
    (
        '\n    scopes=OF_CUSTOMER,\n    subject="customer",',
        """\
    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")""",
    ),
    (
        "",
        """\
    origin_id: Mapped[UUID | None] = link(
        "synthetic.item{before}", label="Origin", on_delete="null"
    )""",
    ),
    (
        """
    stage="stage",
    stage_sum="size",
    actions=("approve",),
    aggregates=(
        Aggregate(key="items", label="Items"),
        Aggregate(key="total_size", label="Size", function="sum", field="size"),
    ),""",
        """\
    stage: Mapped[Stage] = choice(Stage, label="Stage", default="open")
    approved: Mapped[int] = field(Integer, label="Approved", default=0, readonly=True)""",
    ),
)
SERVICES = '''\
"""The only rule of the generated entities."""

from typing import Any

import msgspec


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a record is approved at once."""

    times: int = 1


def approval(table: str) -> Any:
    """Return the action that approves a record of a table."""

    async def approve(ctx: Any, unit: Any, record: Any, values: Approval) -> None:
        """Count an approval."""
        await unit.execute(
            f"UPDATE {table} x SET approved = x.approved + $3"
            " WHERE x.tenant_id = $1 AND x.id = $2",
            ctx.tenant.id,
            record["id"],
            values.times,
        )

    return approve
'''
HOOKS = '''\
"""How the generated entities are wired in."""

from core.plugin import Action, Grant, hookimpl
from {package} import models, services

EVERY = ("list", "view", "create", "update", "delete", "trash", "restore")
READ = ("list", "view")
ITEMS = [value for name, value in sorted(vars(models).items()) if name.startswith("Item")]
STAGED = [item for item in ITEMS if hasattr(item, "approved")]
OWNED = [item for item in ITEMS if hasattr(item, "customer_id")]


@hookimpl
def register_actions():
    return [
        Action(
            entity=item,
            name="approve",
            label="Approve",
            values=services.Approval,
            run=services.approval(f"synthetic_{{item.__name__.lower()}}"),
        )
        for item in STAGED
    ]


@hookimpl
def register_grants():
    return [
        *(Grant(role="staff", entity=item, actions=EVERY, scope="all") for item in ITEMS),
        *(Grant(role="staff", entity=item, actions=("approve",), scope="all") for item in STAGED),
        *(
            Grant(
                role="seller",
                entity=item,
                actions=READ,
                scope="company" if item in OWNED else "all",
            )
            for item in ITEMS
        ),
        *(Grant(role="customer", entity=item, actions=READ, scope="own") for item in OWNED),
    ]
'''


def write_plugin(folder: Path, count: int, package: str = "synthetic_plugin") -> dict[str, str]:
    """Write the plugin into ``folder`` and onto the path; return ``packages`` for ``load``.

    A process that writes more than one gives each a ``package`` of its own.
    """
    home = folder / package
    (home / "models").mkdir(parents=True)
    names = [f"{number:03d}" for number in range(count)]
    parts = [names[start : start + PER_MODULE] for start in range(0, count, PER_MODULE)]
    for place, part in enumerate(parts):
        source = HEAD.format() + "".join(_entity(number) for number in part)
        (home / "models" / f"part_{place:02d}.py").write_text(source)
    page = "\n".join(["# Synthetic", *(f"\n## {heading}\n\nNothing." for heading in HEADINGS)])
    for name, text in (
        ("__init__.py", '"""Generated entities."""\n'),
        ("plugin.toml", MANIFEST),
        ("models/__init__.py", _models(package, parts)),
        ("services.py", SERVICES),
        ("hooks.py", HOOKS.format(package=package)),
        ("README.md", f"{page}\n"),
    ):
        (home / name).write_text(text)
    info = folder / f"{package}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(package=package))
    (info / "entry_points.txt").write_text(ENTRY_POINTS.format(package=package))
    packages = {NAME: package}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    write_migration(NAME, "Items", packages)
    return packages


def _entity(number: str) -> str:
    place = int(number)
    options, fields = FORMS[place % len(FORMS)]
    before = f"{max(place - 1, 0):03d}"
    return ENTITY.format(number=number, options=options, fields=fields.format(before=before))


def _models(package: str, parts: list[list[str]]) -> str:
    lines = ['"""Generated entities."""', ""]
    for place, part in enumerate(parts):
        classes = ", ".join(f"Item{number}" for number in part)
        lines.append(f"from {package}.models.part_{place:02d} import {classes}")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write ``count`` entities into a folder."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    write_plugin(folder, count)


if __name__ == "__main__":
    main()
