"""Why somebody sees a record or not: the rules that decide it, checked one after the other."""

from uuid import UUID

import msgspec

from core.access.rights import Principal
from core.admin.forms.struct_controls import is_id
from core.admin.page import Page
from core.auth.users.rules import attributes_of
from core.errors import NotFound
from core.model.entities import Declaration
from core.records.access import find_users, is_in_scope, is_trashed, is_visible
from core.records.row_filter import plugin_conditions
from core.runtime.context import Context


class Person(msgspec.Struct, frozen=True):
    """The person whose access is explained."""

    id: str
    name: str
    roles: tuple[str, ...] = ()
    active: bool = True
    stamp: int = 0
    attributes: dict[str, str | None] = {}


class Step(msgspec.Struct, frozen=True):
    """One rule and its result: passed, not passed, or a remark (None)."""

    passed: bool | None
    text: str


class Explanation(msgspec.Struct, frozen=True):
    """All steps, and whether the person sees it."""

    steps: list[Step]
    seen: bool


async def person_of(page: Page, text: str) -> Person | None:
    """Return the user of an id, an address or a name, if the reader may see them."""
    ctx = page.ctx
    rows = await find_users(ctx, UUID(text) if is_id(text) else None, text)
    if len(rows) != 1:
        return None
    row = rows[0]
    return Person(
        id=str(row["id"]),
        name=row["name"],
        roles=tuple(sorted(row["roles"])),
        active=row["is_active"],
        stamp=row["token_version"],
        attributes={
            scope: None if row[column] is None else str(row[column])
            for scope, column in attributes_of(ctx.tenant).items()
        },
    )


async def explain(page: Page, person: Person, entity: Declaration, id: UUID | None) -> Explanation:
    """Return the rules in the order of the checks; the first that fails ends it."""
    steps = _standing(page, person, entity)
    if all(step.passed is not False for step in steps):
        steps += _granted(page, person, entity)
    known = page.ctx.tenant.entities.get(entity.name)
    if known is not None and id is not None and all(step.passed is not False for step in steps):
        steps += await _record(page, person, known, id)
    seen = all(step.passed is not False for step in steps)
    if seen and known is not None:
        steps += _fields(page, person, known)
    return Explanation(steps, seen)


def _standing(page: Page, person: Person, entity: Declaration) -> list[Step]:
    """Return what concerns the person and the app, whatever the record."""
    _, tenant = page.translate, page.ctx.tenant
    if not person.active:
        return [Step(False, _("The account is not active: nobody can sign in with it."))]
    found = [Step(True, _("The account is active."))]
    plugin = tenant.registry.plugins.get(entity.plugin)
    if entity.plugin not in tenant.enabled and plugin is not None:
        text = _("The app %(app)s is switched off.") % {"app": _(plugin.manifest.title)}
        return [*found, Step(False, text)]
    if not person.roles:
        return [*found, Step(False, _("No role is held, and without one nothing is allowed."))]
    names = {"roles": ", ".join(_label(page, role) for role in person.roles)}
    found.append(Step(None, _("Roles held: %(roles)s.") % names))
    for role in person.roles:
        if role not in tenant.roles and role not in tenant.config.roles:
            text = _("The role %(role)s does not exist here (any more); it allows nothing.")
            found.append(Step(None, text % {"role": role}))
    return found


def _label(page: Page, role: str) -> str:
    tenant = page.ctx.tenant
    own, known = tenant.config.roles.get(role), tenant.roles.get(role)
    return own.label if own else page.translate(known.label) if known else role


def _granted(page: Page, person: Person, entity: Declaration) -> list[Step]:
    """Return which role lets the person see some records of the entity, and which."""
    _, tenant = page.translate, page.ctx.tenant
    said: list[Step] = []
    for role in person.roles:
        rights = tenant.rights((role,))
        for action, text in (
            ("list", _("The role %(role)s may list %(things)s: %(scopes)s.")),
            ("view", _("The role %(role)s may view %(things)s: %(scopes)s.")),
        ):
            if held := rights.scopes(entity.name, action):
                words = {
                    "role": _label(page, role),
                    "things": _(entity.plural),
                    "scopes": ", ".join(_reach(page, scope) for scope in held),
                }
                said.append(Step(True if action == "view" else None, text % words))
    if not tenant.rights(person.roles).may(entity.name, "view"):
        text = _("No role of this person may view %(things)s. What is not granted is denied.")
        said.append(Step(False, text % {"things": _(entity.plural)}))
    return said


def _reach(page: Page, scope: str) -> str:
    """Return which records a scope reaches."""
    _ = page.translate
    known = {
        "all": _("all of them"),
        "author": _("those that the person made"),
        "own": _("those of the person"),
        "company": _("those of the person's company"),
    }
    return known.get(scope) or _("those of the scope “%(scope)s”") % {"scope": scope}


def as_person(ctx: Context, person: Person) -> Context:
    """Return a context that reads with a person's rights."""
    principal = Principal(
        kind="user",
        id=person.id,
        roles=person.roles,
        stamp=person.stamp,
        attributes={name: value for name, value in person.attributes.items() if value},
    )
    return Context(ctx.platform, ctx.tenant, principal, ctx.request_id)


async def _record(page: Page, person: Person, entity: Declaration, id: UUID) -> list[Step]:
    """Return what hides one record from the person; the reader must be allowed to see it."""
    ctx, _ = page.ctx, page.translate
    if not ctx.rights.may(entity.name, "view"):
        return [Step(False, _("You may not look at this record yourself."))]
    try:
        trashed = await is_trashed(ctx, entity, id)
    except NotFound:
        text = _("There is no such record here, or you may not see it yourself.")
        return [Step(False, text)]
    if trashed:
        return [Step(False, _("The record is in the trash."))]
    found = await _scopes(page, person, entity, id)
    if not any(step.passed for step in found):
        return [*found, Step(False, _("So the record is outside of what the person may see."))]
    return [*(s for s in found if s.passed), *await _rules(page, person, entity, id)]


async def _scopes(page: Page, person: Person, entity: Declaration, id: UUID) -> list[Step]:
    """Return, per scope held, whether the record lies in it; asked with the person's rights."""
    ctx, _ = page.ctx, page.translate
    other = as_person(ctx, person)
    found: list[Step] = []
    for scope in other.rights.scopes(entity.name, "view"):
        words = {"reach": _reach(page, scope)}
        column = attributes_of(ctx.tenant).get(scope)
        if column is not None and not person.attributes.get(scope):
            label = _(ctx.tenant.entities["core.user"].fields[column].label)
            text = _("The role reaches %(reach)s, but the user's field “%(field)s” is empty.")
            found.append(Step(None, text % {**words, "field": label}))
            continue
        if await is_in_scope(other, entity, id, scope):
            found.append(Step(True, _("The record is one of %(reach)s.") % words))
        else:
            text = _("The role reaches %(reach)s; the record is none of them.")
            found.append(Step(None, text % words))
    return found


async def _rules(page: Page, person: Person, entity: Declaration, id: UUID) -> list[Step]:
    """Return whether a rule of an app hides the record from the person."""
    _, other = page.translate, as_person(page.ctx, person)
    if not plugin_conditions(other, entity):
        return []
    if await is_visible(other, entity, id):
        return [Step(True, _("No rule of an app hides the record."))]
    return [Step(False, _("A rule of an app hides this record from everybody with these rights."))]


def _fields(page: Page, person: Person, entity: Declaration) -> list[Step]:
    """Return which fields the person does not see of what the reader sees."""
    ctx, _ = page.ctx, page.translate
    mine = ctx.rights.visible(entity.name)
    theirs = ctx.tenant.rights(person.roles).visible(entity.name)
    hidden = [_(f.label) for name, f in entity.fields.items() if name in mine - theirs]
    if not hidden:
        return [Step(None, _("All fields that you see are seen too."))]
    text = _("These fields are hidden from the person's roles: %(fields)s.")
    return [Step(None, text % {"fields": ", ".join(hidden)})]
