"""One's own API keys: programs act for a person, within the scopes of the key."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.forms.body import wrong_fields
from core.admin.page import Flash, Page
from core.admin.parts import Option
from core.admin.screens.account.account import KEYS, tabs
from core.auth.sign_in import changes
from core.auth.tokens import api_keys
from core.auth.tokens.api_keys import MOST_SCOPES, MadeKey, NewKey
from core.database.connections import Unit
from core.errors import Invalid, NotFound
from core.model.struct_values import read_values
from core.rest.request.decode import read_id

LIST = """
SELECT id, name, scopes, created_at, expires_at, last_used_at FROM core_api_key
 WHERE tenant_id = $1 AND user_id = $2 AND deleted_at IS NULL
 ORDER BY created_at DESC, id LIMIT 200
"""
REVOKE = """
UPDATE core_api_key SET deleted_at = now()
 WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND deleted_at IS NULL
"""
DAYS = ("30", "90", "365", "")
READING = ("list", "view")


async def show_keys(page: Page) -> ASGIResponse:
    """Show one's own keys and the form of a new one."""
    return await _keys(page, {})


async def _keys(
    page: Page, errors: dict[str, str], status: int = 200, made: MadeKey | None = None
) -> ASGIResponse:
    ctx = page.ctx
    rows = await ctx.platform.database.read(
        changes.own_transaction_settings(ctx),
        lambda c: c.fetch(LIST, ctx.tenant.id, UUID(ctx.principal.id)),
    )
    return page.render(
        "account_keys.html",
        status=status,
        tabs=tabs(page, KEYS),
        errors=errors,
        keys=rows,
        made=made,
        now=datetime.now(UTC),
        **form_values(page, made),
    )


def form_values(page: Page, made: MadeKey | None) -> dict[str, Any]:
    """Return what stands in the form of a new key: what was typed, unless it is made."""
    _ = page.translate
    kept = page.form if made is None else type(page.form)()
    return {
        "name": kept.get("name"),
        "reach": kept.get("reach", "read"),
        "chosen": kept.getall("scope"),
        "days": kept.get("days", "90"),
        "permissions": [Option(name, name) for name in page.ctx.rights.permissions()],
        "lives": [Option(d, _("%(days)s days") % {"days": d}) for d in DAYS if d],
    }


def _scopes(page: Page) -> list[str]:
    """Return what the form asks for: reading all that one sees, all that one may, or a choice."""
    reach, held = page.form.get("reach"), page.ctx.rights.permissions()
    if reach == "chosen":
        return page.form.getall("scope")
    if reach == "all":
        return sorted({f"{name.rpartition('.')[0]}.*" for name in held})
    return [name for name in held if name.rpartition(".")[2] in READING]


async def create_key(page: Page) -> ASGIResponse:
    """Make a key; its text stands on the page that answers, and nowhere else."""
    made, errors = await make(page)
    return await _keys(page, errors, 400 if errors else 201, made)


async def make(page: Page) -> tuple[MadeKey | None, dict[str, str]]:
    """Return the key that the form asks for, or what is wrong with it per field."""
    form, user, _ = page.form, UUID(page.ctx.principal.id), page.translate
    days, scopes = form.get("days"), _scopes(page)
    if not scopes or len(scopes) > MOST_SCOPES or days not in DAYS:
        text = _("Choose from 1 to %(most)s rights.") % {"most": MOST_SCOPES}
        return None, {"scope": text}
    expires = datetime.now(UTC) + timedelta(days=int(days)) if days else None
    body: dict[str, Any] = {"name": form.get("name").strip(), "scopes": scopes}
    try:
        wanted = read_values(NewKey, body)
        wanted = NewKey(wanted.name, wanted.scopes, expires)
        return await api_keys.create(page.ctx, user, wanted), {}
    except Invalid as refused:
        found = wrong_fields(refused)
    errors = {"scope" if n == "scopes" else n: page.tell(text) for n, text in found.items()}
    if "name" in errors:
        errors["name"] = _("Give the key a name, in at most 200 characters.")
    return None, errors


async def revoke_key(page: Page) -> ASGIResponse:
    """End one of one's own keys at once."""
    ctx, key = page.ctx, read_id(page.request.path_params["id"])
    user = UUID(ctx.principal.id)

    async def run(unit: Unit) -> int:
        return await unit.execute(REVOKE, ctx.tenant.id, user, key)

    if not await ctx.platform.database.write(changes.own_transaction_settings(ctx), run):
        raise NotFound
    return page.redirect(KEYS, flash=Flash(page.translate("The key has ended.")))
