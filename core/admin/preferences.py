"""What people prefer in the UI: a row per person and name, no business data."""

from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from core.auth.sign_in.changes import own_transaction_settings
from core.database.connections import Unit
from core.model.encoding import encode
from core.runtime.context import Context

ACCOUNT = "account"
STORE = """
INSERT INTO core_preference (tenant_id, user_id, name, value) VALUES ($1, $2, $3, $4::text::jsonb)
ON CONFLICT (tenant_id, user_id, name) WHERE deleted_at IS NULL
DO UPDATE SET value = excluded.value
"""
READ = """
SELECT value FROM core_preference
 WHERE tenant_id = $1 AND user_id = $2 AND name = $3 AND deleted_at IS NULL
"""


class Preferences(msgspec.Struct, frozen=True):
    """A person's settings of the UI; an empty text stands for the tenant's value."""

    locale: str = ""
    timezone: str = ""
    mode: Literal["system", "light", "dark"] = "system"
    shortcuts: bool = True


def parse_preferences(stored: Any) -> Preferences:
    """Return the stored preferences; defaults where another version stored them differently."""
    try:
        found = msgspec.convert(stored or {}, Preferences)
        ZoneInfo(found.timezone or "UTC")
    except (msgspec.ValidationError, ZoneInfoNotFoundError, ValueError):
        return Preferences()
    return found


async def read_preference(ctx: Context, name: str) -> Any:
    """Return what the caller has stored under a name, or None."""
    user = UUID(ctx.principal.id)
    return await ctx.platform.database.read(
        own_transaction_settings(ctx), lambda c: c.fetchval(READ, ctx.tenant.id, user, name)
    )


async def store_preference(ctx: Context, name: str, value: Any) -> None:
    """Store what the caller prefers under a name."""
    user = UUID(ctx.principal.id)

    async def run(unit: Unit) -> None:
        await unit.execute(STORE, ctx.tenant.id, user, name, encode(value).decode())

    await ctx.platform.database.write(own_transaction_settings(ctx), run)
