"""A migration drafted from a declaration makes exactly what is declared, and takes it back."""

import importlib
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.cli.plugins.plugin_check import load_one, problems, write_migration
from core.errors import StartRefused
from core.registry.loader import load
from core.schema.autogenerate import differences
from core.schema.migrate import migrate, purge, tables_of
from core.testing.servers import MakeScratch
from tests.core.apps import PROJECT

pytestmark = pytest.mark.postgresql

MODELS = '''\
"""What a test declares."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import Boolean, Date, DateTime, Float, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.plugin import (
    Email,
    Entity,
    Phone,
    ScaledDecimal,
    Tags,
    computed,
    currency,
    entity,
    extend,
    field,
    link,
    money,
)


class State(StrEnum):
    """Where a thing is."""

    NEW = "new"
    OLD = "old"


@entity(label="Box", plural="Boxes", title="name", unique=(("name", "shelf"),))
class Box(Entity):
    """Holds things; a shelf has one box of a name."""

    name: Mapped[str] = field(String(100), label="Name", sort=True)
    shelf: Mapped[str] = field(String(20), label="Shelf", default='a "quoted" shelf')


@entity(
    label="Thing",
    plural="Things",
    title="name",
    indexed=(("name",), ("state", "-seen_at"), ("box_id", "created_at"){indexed}),
)
class Thing(Entity):
    """Lies in a box or nowhere."""

    name: Mapped[str] = field(String({length}), label="Name", sort=True)
    code: Mapped[str | None] = field(String(20), label="Code", unique=True)
    email: Mapped[str | None] = field(Email, label="E-mail")
    phone: Mapped[str | None] = field(Phone, label="Phone")
    count: Mapped[int] = field(Integer, label="Count", default=3)
    weight: Mapped[int | None] = field(ScaledDecimal(2), label="Weight")
    ratio: Mapped[float | None] = field(Float, label="Ratio")
    loud: Mapped[bool] = field(Boolean, label="Loud")
    bought: Mapped[object | None] = field(Date, label="Bought")
    seen_at: Mapped[object | None] = field(DateTime(timezone=True), label="Seen")
    state: Mapped[State] = field(label="State", default=State.NEW)
    tags: Mapped[list[str]] = field(Tags, label="Tags")
    extras: Mapped[dict[str, str] | None] = field(JSONB, label="Extras")
    note: Mapped[str | None] = field(Text, label="Note")
    price: Mapped[int | None] = money(label="Price")
    currency: Mapped[str] = currency()
    size: Mapped[int] = computed(Integer, "count * 10", label="Size", sort=True)
    box_id: Mapped[UUID | None] = link(Box, label="Box", on_delete="null")
{more}

@extend("core.user", indexed=(("{name}_rank", "created_at"),))
class Keeper:
    """How a user ranks among the keepers of things."""

    {name}_rank: Mapped[int] = field(Integer, label="Rank", default=0, sort=True)
'''
Declare = Callable[..., str]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """A function that writes a plugin's declaration anew and returns its name."""
    name = f"drafted_{uuid.uuid4().hex[:6]}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "plugin.toml").write_text(
        f'name = "{name}"\ntitle = "D"\nsummary = "D."\nversion = "0.1.0"\nkernel = ">=0.1"\n'
    )
    (folder / "__init__.py").write_text('"""Drafted."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(more: str = "", indexed: str = "", length: int = 100) -> str:
        text = MODELS.replace("{name}", name).replace("{more}", more)
        text = text.replace("{indexed}", indexed).replace("{length}", str(length))
        (folder / "models.py").write_text(text)
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        for module in [m for m in sys.modules if m.split(".")[0] == name]:
            del sys.modules[module]
        importlib.invalidate_caches()
        return name

    yield write
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[module]


def clean(path: Path) -> None:
    """The file is as the project's formatter and linter want it."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    options = ["--config", str(PROJECT / "pyproject.toml")]
    for command in (["format", "--check"], ["check", "--ignore", "INP001,N999"]):
        done = subprocess.run([ruff, *command, *options, str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + path.read_text()


async def test_declared_drafted_migrated_nothing_left(
    declare: Declare, make_scratch: MakeScratch
) -> None:
    name = declare()
    packages = {name: name}
    first = write_migration(name, "First things", packages)
    assert first is not None
    assert first.path.name == "0001_first_things.py"
    clean(first.path)
    assert write_migration(name, "Again", packages) is None
    scratch = await make_scratch()
    outcomes = await migrate(scratch.url("crm_owner"), load([name], packages).registry)
    assert [o.error for o in outcomes] == [None, None]  # the lint of types and columns ran, too


async def test_what_changes_becomes_a_second_revision_both_ways(
    declare: Declare, make_scratch: MakeScratch
) -> None:
    name = declare()
    packages = {name: name}
    write_migration(name, "First", packages)
    scratch = await make_scratch()
    owner = scratch.url("crm_owner")
    await migrate(owner, load([name], packages).registry)
    more = '    depth: Mapped[int] = field(Integer, label="Depth", default=1, sort=True)\n'
    declare(more=more, indexed=', ("depth",), ("count",)', length=100)
    second = write_migration(name, "Depths", packages)
    assert second is not None
    clean(second.path)
    assert f'revision = "{name}_0002"' in second.path.read_text()
    outcomes = await migrate(owner, load([name], packages).registry)
    assert [o.error for o in outcomes] == [None, None]

    declare()  # taken back: the column, its index and the other index go
    third = write_migration(name, "Shallow again", packages)
    assert third is not None
    clean(third.path)
    assert "drop_tenant_columns" in third.path.read_text()
    registry = load([name], packages).registry
    assert [o.error for o in await migrate(owner, registry)] == [None, None]
    assert differences(registry, registry.plugins[name]) == []
    await purge(owner, registry.plugins[name], registry)  # down through all three
    assert await tables_of(owner, name) == {}


async def test_a_longer_text_is_altered(declare: Declare, make_scratch: MakeScratch) -> None:
    name = declare()
    packages = {name: name}
    write_migration(name, "First", packages)
    text = '    remark: Mapped[str | None] = field(String(40), label="Remark")\n'
    declare(more=text)
    write_migration(name, "Remark", packages)
    declare(more=text.replace("40", "400"))
    longer = write_migration(name, "Longer remark", packages)
    assert longer is not None
    clean(longer.path)
    assert f'op.alter_column("{name}_thing", "remark", type_=sa.String(400))' in (
        longer.path.read_text()
    )
    scratch = await make_scratch()
    outcomes = await migrate(scratch.url("crm_owner"), load([name], packages).registry)
    assert [o.error for o in outcomes] == [None, None]


def test_a_required_column_on_a_full_table_is_refused(declare: Declare) -> None:
    name = declare()
    write_migration(name, "First", {name: name})
    declare(more='    must: Mapped[str] = field(String(9), label="Must")\n')
    with pytest.raises(StartRefused, match="must is required, and rows may exist"):
        write_migration(name, "Must", {name: name})


def test_check_names_imports_headings_and_missing_migrations(declare: Declare) -> None:
    name = declare()
    registry, plugin = load_one(name, {name: name})
    (Path(plugin.path) / "services.py").write_text(
        '"""Forbidden."""\n\nimport core.server.app\nfrom plugins.customers import services\n'
    )
    found = "\n".join(problems(name, {name: name}))
    assert "services.py:3: core.server.app is private to the kernel" in found
    assert "services.py:4: plugins.customers.services: plugin.toml of" in found
    assert "README.md: a plugin has a page" in found
    assert f"table {name}_thing is missing" in found
    assert registry.plugins[name] == plugin


@pytest.mark.parametrize(("name", "plugins"), [("library", ()), ("lending", ("library",))])
def test_hand_written_chains_are_read_as_what_they_make(
    name: str, plugins: tuple[str, ...]
) -> None:
    packages = {n: f"tests.sample_plugins.{n}" for n in (name, *plugins)}
    registry, plugin = load_one(name, packages)
    found = [step.says for step in differences(registry, plugin)]
    # An index that lending makes by hand and does not declare is all that differs.
    assert [f for f in found if "lending_count" not in f] == []
