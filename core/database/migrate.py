"""One Alembic chain and one version table per plugin, run in dependency order.

A plugin whose migration fails is quarantined and named; the others go on. A plugin that was taken
off disk leaves its version table behind and blocks nobody.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core.database.lints import lint
from core.database.sync import synchronise
from core.registry import Plugin, Registry

log = structlog.get_logger("crm.migrate")

SCRIPTS = Path(__file__).parent.parent.parent / "migrations"
# Any two processes that migrate the same database take turns.
LOCK = 0x7265_6C6C_6973
Progress = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True):
    """What a run did to one plugin's chain. ``error`` is set for a quarantined plugin."""

    plugin: str
    before: str | None
    after: str | None
    error: str | None = None


def driver_url(url: str) -> str:
    """Return a plain postgresql URL in the form that SQLAlchemy wants for asyncpg."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


def version_table(plugin: str) -> str:
    """Return the name of the table that holds the plugin's revision."""
    return f"alembic_version_{plugin}"


def chain(plugin: Plugin) -> Path | None:
    """Return the folder of the plugin's revisions, or None when it has no tables."""
    folder = SCRIPTS / "versions" if plugin.name == "core" else Path(plugin.path) / "migrations"
    return folder if folder.is_dir() else None


def _alembic(plugin: Plugin, folder: Path) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = version_table(plugin.name)
    return config


def head(plugin: Plugin) -> str | None:
    """Return the newest revision on disk; refuses a chain with two heads (Alembic's error)."""
    folder = chain(plugin)
    if folder is None:
        return None
    return ScriptDirectory.from_config(_alembic(plugin, folder)).get_current_head()


async def stored_revisions(connection: AsyncConnection) -> dict[str, str]:
    """Return the revision that the database holds, for every plugin that ever ran a chain."""
    names = await connection.scalars(
        sa.text(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname LIKE 'alembic\\_version\\_%'"
        )
    )
    found: dict[str, str] = {}
    for name in names.all():
        revision = await connection.scalar(sa.text(f'SELECT version_num FROM "{name}"'))  # noqa: S608
        if revision:
            found[name.removeprefix("alembic_version_")] = revision
    return found


async def state(url: str, registry: Registry) -> dict[str, tuple[str | None, str | None]]:
    """Return (stored, on disk) per plugin; a plugin only in the database has no second one."""
    engine = create_async_engine(driver_url(url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            stored = await stored_revisions(connection)
    finally:
        await engine.dispose()
    heads = {name: head(plugin) for name, plugin in registry.plugins.items()}
    return {name: (stored.get(name), heads.get(name)) for name in {**heads, **stored}}


def pending(state: Mapping[str, tuple[str | None, str | None]], registry: Registry) -> set[str]:
    """Return the installed plugins that cannot be served: behind their chain, or needing one."""
    behind = {
        name for name in registry.plugins if state[name][0] != state[name][1] and state[name][1]
    }
    for name, plugin in registry.plugins.items():
        if behind & set(plugin.manifest.requires):
            behind.add(name)
    return behind


async def migrate(
    owner_url: str, registry: Registry, progress: Progress = lambda _: None
) -> list[Outcome]:
    """Bring every chain to its head, then renew policies and grants and lint the catalogue.

    Safe to run from several processes and to run again after a crash: each revision is one
    transaction. Raises ``StartRefused`` when the lint finds an object that breaks a rule.
    """
    engine = create_async_engine(driver_url(owner_url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            outcomes = await _chains(connection, registry, progress)
            await synchronise(connection, registry, {o.plugin for o in outcomes if o.error})
            await connection.commit()
            await lint(connection, registry)
            await connection.rollback()
    finally:
        await engine.dispose()
    return outcomes


async def _chains(
    connection: AsyncConnection, registry: Registry, progress: Progress
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    failed: set[str] = set()
    stored = await stored_revisions(connection)
    await connection.rollback()
    for name, plugin in registry.plugins.items():
        folder = chain(plugin)
        if folder is None:
            continue
        progress(name)
        missing = failed & set(plugin.manifest.requires)
        error = f"requires {sorted(missing)[0]!r}, which failed" if missing else None
        if error is None:
            error = await _upgrade(connection, plugin, folder)
        if error:
            failed.add(name)
            log.error("plugin_quarantined", plugin=name, error=error)
        after = (await stored_revisions(connection)).get(name)
        await connection.rollback()
        outcomes.append(Outcome(name, stored.get(name), after, error))
        if name == "core" and error:
            raise RuntimeError(f"the kernel's own migration failed: {error}")
    return outcomes


async def _upgrade(connection: AsyncConnection, plugin: Plugin, folder: Path) -> str | None:
    """Run one chain to its head; return what went wrong, on one line, or None."""
    config = _alembic(plugin, folder)

    def run(sync: sa.Connection) -> None:
        config.attributes["connection"] = sync
        command.upgrade(config, "head")

    try:
        # A long lock of a migration must not stop the tenants' traffic behind it.
        await connection.execute(sa.text("SET lock_timeout = '2s'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    except Exception as error:  # whatever a plugin's script raises concerns that plugin only
        await connection.rollback()
        return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    return None


async def tables_of(owner_url: str, plugin: str) -> dict[str, int]:
    """Return the plugin's tables with their row counts, and the columns it added, as 0 or more."""
    engine = create_async_engine(driver_url(owner_url), poolclass=sa.NullPool)
    found: dict[str, int] = {}
    try:
        async with engine.connect() as connection:
            names = await connection.scalars(
                sa.text(
                    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                    " AND relnamespace = 'public'::regnamespace AND starts_with(relname, :own)"
                    " ORDER BY relname"
                ),
                {"own": f"{plugin}_"},
            )
            for name in names.all():
                count = await connection.scalar(sa.text(f'SELECT count(*) FROM "{name}"'))  # noqa: S608
                found[name] = int(count or 0)
            columns = await connection.execute(
                sa.text(
                    "SELECT table_name, column_name FROM information_schema.columns"
                    " WHERE table_schema = 'public' AND starts_with(column_name, :own)"
                    " AND NOT starts_with(table_name, :own) ORDER BY 1, 2"
                ),
                {"own": f"{plugin}_"},
            )
            for table, column in columns.all():
                count = await connection.scalar(
                    sa.text(f'SELECT count("{column}") FROM "{table}"')  # noqa: S608
                )
                found[f"{table}.{column}"] = int(count or 0)
    finally:
        await engine.dispose()
    return found


async def purge(owner_url: str, plugin: Plugin) -> None:
    """Take a plugin's tables and columns away: its chain down to base, then its version table."""
    folder = chain(plugin)
    engine = create_async_engine(driver_url(owner_url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            if folder is not None:
                config = _alembic(plugin, folder)

                def run(sync: Any) -> None:
                    config.attributes["connection"] = sync
                    command.downgrade(config, "base")

                await connection.run_sync(run)
                await connection.commit()
            await connection.execute(
                sa.text(f'DROP TABLE IF EXISTS "{version_table(plugin.name)}"')
            )
            await connection.commit()
    finally:
        await engine.dispose()
