"""The plugins' Alembic chains as they lie on disk, and how far the database has run each."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core.errors import StartRefused
from core.postgres.urls import driver_url
from core.registry.registry import Plugin, Registry

SCRIPTS = Path(__file__).parent.parent.parent / "migrations"
UNREADABLE = "(unreadable)"
_REVISION_LINE = re.compile(r"^(revision|down_revision)(?:\s*:[^=\n]+)?\s*=\s*(.+)$", re.MULTILINE)
State = Mapping[str, tuple[str | None, str | None]]

log = structlog.get_logger("crm.migrate")


def version_table(plugin: str) -> str:
    """Return the name of the table that holds the plugin's revision."""
    return f"alembic_version_{plugin}"


def chain(plugin: Plugin) -> Path | None:
    """Return the folder of the plugin's revisions, or None when it has no tables."""
    folder = SCRIPTS / "versions" if plugin.name == "core" else Path(plugin.path) / "migrations"
    return folder if folder.is_dir() else None


def head(plugin: Plugin) -> str | None:
    """Return the newest revision on disk, without running a script; refuses two of them."""
    folder = chain(plugin)
    if folder is None:
        return None
    revisions = [_read_revision(path) for path in folder.glob("[!_.]*.py")]
    newest = {revision for revision, _ in revisions} - {before for _, before in revisions}
    if revisions and len(newest) != 1:
        raise StartRefused(f"{folder} has {len(newest)} newest revisions, not one")
    return newest.pop() if newest else None


def _read_revision(path: Path) -> tuple[str, str | None]:
    """Return the revision of a script and the one before it."""
    values: dict[str, str | None] = {}
    for name, value in _REVISION_LINE.findall(path.read_text("utf-8")):
        values.setdefault(name, ast.literal_eval(value))
    revision = values.get("revision")
    if revision is None:
        raise StartRefused(f"{path} names no revision")
    return revision, values.get("down_revision")


def _readable_head(plugin: Plugin) -> str | None:
    """Return the head, or a revision that nothing can have when the chain cannot be read."""
    try:
        return head(plugin)
    except (StartRefused, OSError, ValueError, SyntaxError) as error:
        log.error("chain_unreadable", plugin=plugin.name, error=str(error))
        return UNREADABLE


async def stored_revisions(connection: AsyncConnection) -> dict[str, str]:
    """Return the revision that the database holds, for every plugin that ever ran a chain."""
    names = await connection.scalars(
        sa.text(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname LIKE 'alembic\\_version\\_%'"
        )
    )
    found: dict[str, str] = {}
    for name in names.all():
        revision = await connection.scalar(sa.text(f'SELECT version_num FROM "{name}"'))  # noqa: S608
        if revision:
            found[name.removeprefix("alembic_version_")] = revision
    return found


async def stored_and_head(connection: AsyncConnection, registry: Registry) -> State:
    """Return (stored, on disk) per plugin; a plugin only in the database has no second one."""
    stored = await stored_revisions(connection)
    heads = {name: _readable_head(plugin) for name, plugin in registry.plugins.items()}
    return {name: (stored.get(name), heads.get(name)) for name in {**heads, **stored}}


async def state(url: str, registry: Registry) -> State:
    """Return what ``stored_and_head`` does, on a connection of its own."""
    engine = create_async_engine(driver_url(url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            return await stored_and_head(connection, registry)
    finally:
        await engine.dispose()


def pending(state: State, registry: Registry) -> set[str]:
    """Return the installed plugins that cannot be served: behind their chain, or needing one."""
    behind = {
        name for name in registry.plugins if state[name][0] != state[name][1] and state[name][1]
    }
    for name, plugin in registry.plugins.items():
        if behind & set(plugin.manifest.requires):
            behind.add(name)
    return behind
