"""Apps: the plugins that are installed, and switching them on and off for a tenant."""

import asyncio
from uuid import UUID

import msgspec

from core.auth import events
from core.database.connections import Unit
from core.errors import NotFound
from core.runtime.context import Context


class App(msgspec.Struct, frozen=True):
    """One installed plugin, as an administrator sees it."""

    name: str
    title: str
    summary: str
    version: str
    requires: tuple[str, ...]
    enabled: bool
    has_settings: bool


class Apps(msgspec.Struct, frozen=True):
    """Every plugin that this server can serve."""

    apps: tuple[App, ...]


class Switched(msgspec.Struct, frozen=True):
    """What a switch changed: the plugin itself and, when enabling, what it requires."""

    changed: tuple[str, ...]
    enabled: tuple[str, ...]


def installed_apps(ctx: Context) -> tuple[App, ...]:
    """Return the plugins that the server has loaded, and whether the tenant has them on."""
    found = []
    for name, plugin in sorted(ctx.platform.registry.plugins.items()):
        if name != "core":
            manifest = plugin.manifest
            found.append(
                App(
                    name=name,
                    title=manifest.title,
                    summary=manifest.summary,
                    version=manifest.version,
                    requires=manifest.requires,
                    enabled=name in ctx.tenant.enabled,
                    has_settings=plugin.settings is not None,
                )
            )
    return tuple(found)


async def switch_app(ctx: Context, name: str, *, on: bool) -> Switched:
    """Edit the configuration file, take it over in this worker and record who did it."""
    ctx.rights.require("core.setting", "update")
    # The credential is judged by the database before a file is touched.
    await ctx.fetchval("SELECT 1")
    if name not in ctx.platform.registry.plugins or name == "core":
        raise NotFound
    # The file is locked and written: nothing else waits for that.
    file = ctx.platform.file
    changed = await asyncio.to_thread(file.switch_plugin, ctx.tenant.slug, name, on)
    await ctx.platform.refresh()
    if changed:
        await _record(ctx, changed, on=on)
    enabled = ctx.platform.by_id[ctx.tenant.id].enabled - {"core"}
    return Switched(changed, tuple(sorted(enabled)))


async def _record(ctx: Context, changed: tuple[str, ...], *, on: bool) -> None:
    kind = "plugin_enabled" if on else "plugin_disabled"
    user = UUID(ctx.principal.id) if ctx.principal.id else None

    async def run(unit: Unit) -> None:
        for name in changed:
            await events.record_event(unit, ctx.tenant.id, kind, user, plugin=name)

    await ctx.write(run)
