"""Whether a user may see one record, rule by rule; the explanation of rights uses it."""

from uuid import UUID

import asyncpg

from core.errors import NotFound
from core.model.entities import Declaration
from core.records.row_filter import where_clause
from core.runtime.context import Context
from core.schema.sql import scopes


async def is_trashed(ctx: Context, entity: Declaration, id: UUID) -> bool:
    """Return whether a record that the caller may view lies in the trash."""
    where, values = where_clause(ctx, entity, "view", (), 3, trash=None)
    row = await ctx.fetchrow(
        f"SELECT x.deleted_at FROM {entity.table} x WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
    if row is None:
        raise NotFound
    return row["deleted_at"] is not None


async def is_in_scope(ctx: Context, entity: Declaration, id: UUID, scope: str) -> bool:
    """Return whether a record is in a scope of the context's principal."""
    inside = scopes.condition(entity, scope, "x", ctx.tenant.entities)
    sql = f"SELECT true FROM {entity.table} x WHERE x.tenant_id = $1 AND x.id = $2 AND {inside}"
    return bool(await ctx.fetchval(sql, ctx.tenant.id, id))


async def is_visible(ctx: Context, entity: Declaration, id: UUID) -> bool:
    """Return whether the context's principal may view a record, whatever decides it."""
    where, values = where_clause(ctx, entity, "view", (), 3)
    sql = f"SELECT true FROM {entity.table} x WHERE x.id = $2 AND {where}"
    return bool(await ctx.fetchval(sql, ctx.tenant.id, id, *values))


async def find_users(ctx: Context, id: UUID | None, text: str) -> list[asyncpg.Record]:
    """Return the users of an id, or of an address or a name, whom the caller may view."""
    where, values = where_clause(ctx, ctx.tenant.entities["core.user"], "view", (), 4)
    return await ctx.fetch(
        "SELECT x.* FROM core_user x WHERE (x.id = $2"
        f" OR ($2 IS NULL AND (x.email = lower($3) OR x.name = $3))) AND {where}"
        " ORDER BY x.id LIMIT 2",
        ctx.tenant.id,
        id,
        text,
        *values,
    )
