"""One Alembic chain and one version table per plugin, run in dependency order.

A plugin whose migration fails is quarantined and named; the others go on. A plugin that was taken
off disk leaves its version table behind and blocks nobody.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from alembic import command
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core.postgres.urls import driver_url
from core.registry.registry import Plugin, Registry
from core.schema.chain_config import alembic_config
from core.schema.chains import (
    chain,
    stored_revisions,
    version_table,
)
from core.schema.lints import lint
from core.schema.migration_guard import Watch
from core.schema.sql.generated import renew
from core.schema.sync import synchronise

log = structlog.get_logger("crm.migrate")

# Any two processes that migrate the same database take turns.
LOCK = 0x7265_6C6C_6973
Progress = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True):
    """What a run did to one plugin's chain. ``error`` is set for a quarantined plugin."""

    plugin: str
    before: str | None
    after: str | None
    error: str | None = None


@asynccontextmanager
async def _turn(owner_url: str) -> AsyncIterator[AsyncConnection]:
    """Connect, and wait until no other process migrates the database."""
    engine = create_async_engine(driver_url(owner_url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            await connection.commit()
            yield connection
    finally:
        await engine.dispose()


async def migrate(
    owner_url: str, registry: Registry, progress: Progress = lambda _: None
) -> list[Outcome]:
    """Bring every chain to its head, then renew policies and grants and lint the catalogue.

    Safe to run from several processes and to run again after a crash: each revision is one
    transaction. Raises ``StartRefused`` when the lint finds an object that breaks a rule.
    """
    async with _turn(owner_url) as connection:
        outcomes = await _chains(connection, registry, progress)
        failed = {o.plugin for o in outcomes if o.error}
        await synchronise(connection, registry, failed)
        await connection.commit()
        await lint(connection, registry, failed)
        await connection.rollback()
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
            error = await _upgrade(connection, plugin, folder, registry)
        if error:
            failed.add(name)
            log.error("plugin_quarantined", plugin=name, error=error)
        after = (await stored_revisions(connection)).get(name)
        await connection.rollback()
        outcomes.append(Outcome(name, stored.get(name), after, error))
        if name == "core" and error:
            raise RuntimeError(f"the kernel's own migration failed: {error}")
    return outcomes


async def _upgrade(
    connection: AsyncConnection, plugin: Plugin, folder: Path, registry: Registry
) -> str | None:
    """Run one chain to its head; return what went wrong, on one line, or None."""
    config = alembic_config(plugin, folder)

    def run(sync: sa.Connection) -> None:
        config.attributes["connection"] = sync
        if plugin.name != "core":
            config.attributes["after_revision"] = Watch(plugin.name, sync, registry)
            sync.commit()
        command.upgrade(config, "head")

    try:
        # A long lock of a migration must not stop the tenants' traffic behind it.
        await connection.execute(sa.text("SET lock_timeout = '2s'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    except Exception as error:  # noqa: BLE001  # whatever a plugin's script raises is its own
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


async def purge(owner_url: str, plugin: Plugin, registry: Registry) -> None:
    """Take a plugin's tables and columns away: its chain down to base, then its version table."""
    folder = chain(plugin)
    async with _turn(owner_url) as connection:
        if folder is not None:
            config = alembic_config(plugin, folder)

            def run(sync: Any) -> None:
                config.attributes["connection"] = sync
                if plugin.name != "core":
                    config.attributes["after_revision"] = lambda ctx, **_: renew(
                        ctx.connection, registry
                    )
                command.downgrade(config, "base")

            await connection.run_sync(run)
            await connection.commit()
        await connection.execute(sa.text(f'DROP TABLE IF EXISTS "{version_table(plugin.name)}"'))
        await connection.commit()
