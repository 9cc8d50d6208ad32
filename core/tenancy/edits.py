"""What people of a tenant edit, judged and stored: REST and the screens share it (ruling 14)."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from core.database.connections import Unit
from core.errors import Invalid, NotFound
from core.model.encoding import encode
from core.model.struct_values import read_values
from core.registry.registry import Choice
from core.runtime.context import Context

READ_EDIT = """
SELECT value FROM core_setting
 WHERE tenant_id = $1 AND kind = $2 AND name = $3 AND deleted_at IS NULL
"""
STORE_EDIT = """
INSERT INTO core_setting (tenant_id, kind, name, value) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, kind, name) WHERE deleted_at IS NULL DO UPDATE SET value = excluded.value
"""


async def store_edit(ctx: Context, kind: str, name: str, change: Callable[[Any], Any]) -> None:
    """Store an edit and take it over in this worker at once; the others follow within 2 s.

    ``change`` gets what is stored, or None, and returns what shall be: two people who edit at
    once take turns.
    """
    ctx.rights.require("core.setting", "update")

    async def run(unit: Unit) -> None:
        await unit.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{kind}:{name}"
        )
        stored = await unit.fetchval(READ_EDIT, ctx.tenant.id, kind, name)
        await unit.execute(STORE_EDIT, ctx.tenant.id, kind, name, encode(change(stored)).decode())

    await ctx.write(run)
    await ctx.platform.renew(ctx.tenant)


async def edit_settings(
    ctx: Context, name: str, body: Mapping[str, Any], reset: Collection[str] = ()
) -> Any:
    """Lay settings over the file's and return those in force; ``reset`` go back to the file's.

    The plugin's own struct judges the whole.
    """
    struct = ctx.platform.registry.plugins[name].settings
    defaults = ctx.tenant.config.settings.get(name, {})

    def laid(stored: Any) -> dict[str, Any]:
        edited = {k: v for k, v in {**(stored or {}), **body}.items() if k not in reset}
        read_values(struct, {**defaults, **edited})
        return edited

    await store_edit(ctx, "settings", name, laid)
    return ctx.platform.by_id[ctx.tenant.id].settings(name)


async def edit_dictionary(ctx: Context, name: str, choices: list[Choice]) -> tuple[Choice, ...]:
    """Replace the choices of a dictionary and return them in order."""

    def laid(stored: Any) -> list[Choice]:
        known = msgspec.convert(stored, list[Choice]) if stored else ctx.tenant.dictionary(name)
        _check_choices(choices, {choice.code for choice in known})
        return choices

    await store_edit(ctx, "dictionary", name, laid)
    return ctx.platform.by_id[ctx.tenant.id].dictionary(name)


def _check_choices(choices: list[Choice], stored: set[str]) -> None:
    for place, choice in enumerate(choices):
        for text in (choice.code, choice.label):
            if not text.strip():
                raise Invalid.field(f"#/choices/{place}", "A choice needs a word.", "required")
    codes = [choice.code for choice in choices]
    if len(set(codes)) != len(codes):
        raise Invalid.field("#/choices", "A code stands twice.", "unique")
    if gone := stored - set(codes):
        raise Invalid.field("#/choices", f"Codes stay: {', '.join(sorted(gone))}.", "removed")
    if all(choice.retired for choice in choices):
        raise Invalid.field("#/choices", "At least one choice is not retired.", "required")


def require_settings_plugin(ctx: Context, name: str) -> str:
    """Return the name of an enabled plugin that has settings; refuses any other."""
    if name not in ctx.tenant.enabled or ctx.platform.registry.plugins[name].settings is None:
        raise NotFound
    return name


def require_dictionary(ctx: Context, name: str) -> str:
    """Return the name of a dictionary of an enabled plugin; refuses any other."""
    known = ctx.platform.registry.dictionaries
    if name not in known or name.partition(".")[0] not in ctx.tenant.enabled:
        raise NotFound
    return name
