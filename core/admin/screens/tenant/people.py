"""What is special about users: an invitation with a one-time link, and which roles they hold."""

from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.forms.body import wrong_fields
from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Option
from core.auth import hooks
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, Rejected
from core.model.entities import Declaration
from core.records.changes.single import (
    DETAIL,
    insert_record,
    read_new_values,
    read_record,
    update_record,
)
from core.records.projection import projection_of
from core.registry.registry import Registry
from core.rest.addresses import base_url
from core.rest.request.decode import read_id
from core.rest.route import Route

USER = "core.user"
INVITE = "/app/people/invite/"
MINUTES = hooks.OneTimeToken("").expires_in // 60


def routes(registry: Registry) -> list[Route]:
    """Return the routes of inviting somebody and of a person's roles."""
    create, update = f"{USER}.create", f"{USER}.update"
    return [
        page_route("/app/people/invite", READ, create, show_invitation),
        page_route("/app/people/invite", WRITE, create, invite),
        page_route("/app/people/{id:str}/roles", READ, update, show_roles),
        page_route("/app/people/{id:str}/roles", WRITE, update, change_roles),
    ]


def role_options(page: Page) -> list[Option]:
    """Return the roles that a user may hold, the kernel's and plugins' first."""
    tenant, _ = page.ctx.tenant, page.translate
    own = {name: role.label for name, role in tenant.config.roles.items()}
    labels = {name: _(role.label) for name, role in tenant.roles.items()} | own
    return [Option(name, label) for name, label in labels.items()]


def _users(page: Page) -> Declaration:
    return page.ctx.tenant.entities[USER]


async def show_invitation(page: Page) -> ASGIResponse:
    """Show the form of an invitation."""
    page.ctx.rights.require(USER, "set_password")
    await page.ctx.fetchval("SELECT 1")
    return _invitation(page, {})


def _invitation(page: Page, errors: dict[str, str], status: int = 200, **made: str) -> ASGIResponse:
    form = page.form
    kept = form if not made else type(form)()
    giving = "roles" in page.ctx.rights.writable(USER, "create")
    return page.render(
        "invite.html",
        status=status,
        errors=errors,
        made=made,
        minutes=MINUTES,
        name=kept.get("name"),
        email=kept.get("email"),
        chosen=kept.getall("roles"),
        roles=role_options(page) if giving else [],
    )


async def invite(page: Page) -> ASGIResponse:
    """Create a user who sets a password with a link; the link is on the answer and nowhere else."""
    ctx, form, users = page.ctx, page.form, _users(page)
    ctx.rights.require(USER, "set_password")
    body: dict[str, Any] = {"name": form.get("name").strip(), "email": form.get("email").strip()}
    if "roles" in ctx.rights.writable(USER, "create"):
        body["roles"] = form.getall("roles")
    shape = projection_of(ctx.tenant, ctx.rights, users, DETAIL)

    async def run(unit: Unit) -> str:
        id, _record = await insert_record(
            ctx, unit, users, read_new_values(ctx, users, body), shape
        )
        return (await hooks.set_password(ctx, unit, {"id": id}, None)).token

    try:
        token = await ctx.write(run)
    except (Invalid, Forbidden) as refused:
        return _invitation(page, _refused(page, refused), refused.status)
    link = f"{base_url(page.request, ctx)}/app/reset/?token={token}"
    return _invitation(page, {}, 201, link=link, email=body["email"], name=body["name"])


def _refused(page: Page, refused: Invalid | Forbidden) -> dict[str, str]:
    """Return what is wrong per field; rights that one does not hold concern the roles."""
    _ = page.translate
    if isinstance(refused, Forbidden):
        return {"roles": _(refused.detail)}
    words = {
        "required": _("Fill this in."),
        "email": _("This is not an e-mail address. Write it like name@example.com."),
        "unique": _("Somebody has this address already."),
    }
    codes = {error.name: error.code for error in refused.errors}
    found = wrong_fields(refused)
    return {name: words.get(codes.get(name, "")) or page.tell(text) for name, text in found.items()}


async def show_roles(page: Page) -> ASGIResponse:
    """Show which roles a person holds."""
    return await _roles(page, "")


async def _roles(page: Page, problem: str, status: int = 200) -> ASGIResponse:
    ctx, id = page.ctx, read_id(page.request.path_params["id"])
    shape = projection_of(ctx.tenant, ctx.rights, _users(page), DETAIL)
    row, version = await read_record(ctx, _users(page), id, shape)
    if "roles" not in row:
        raise Forbidden
    held = page.form.getall("roles") if problem else row["roles"]
    known = role_options(page)
    gone = [Option(name, name) for name in row["roles"] if name not in {o.value for o in known}]
    return page.render(
        "person_roles.html",
        status=status,
        person=row,
        version=version,
        held=held,
        roles=[*known, *gone],
        problem=problem,
    )


async def change_roles(page: Page) -> ASGIResponse:
    """Give a person other roles; nobody grants rights that they do not hold themselves."""
    ctx, id = page.ctx, read_id(page.request.path_params["id"])
    version = page.form.get("_version")
    wanted = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
    shape = projection_of(ctx.tenant, ctx.rights, _users(page), DETAIL)
    body = {"roles": page.form.getall("roles")}

    async def run(unit: Unit) -> None:
        await update_record(
            ctx,
            unit,
            _users(page),
            UUID(str(id)),
            body,
            projection=shape,
            version=wanted,
            partial=True,
        )

    try:
        await ctx.write(run)
    except (Invalid, Forbidden, Rejected) as refused:
        return await _roles(page, page.translate(refused.sentence), refused.status)
    words = page.translate("The roles are saved.")
    return page.redirect(f"/app/people/{id}/roles/", flash=Flash(words))
