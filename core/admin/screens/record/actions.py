"""Declared actions on a record: a dialog made from the action's struct, and what it answers."""

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.forms.controls import Control
from core.admin.forms.form_errors import Mistake, slot_mistakes
from core.admin.forms.struct_controls import (
    Slot,
    slot_control,
    slot_text,
    slot_texts,
    slot_values,
    slots,
)
from core.admin.headers import retarget
from core.admin.page import READ, WRITE, Flash, Page
from core.admin.parts import Fact, Link
from core.admin.screens.form.after_submit import CHANGED, after_submit
from core.admin.screens.form.fields import controls_of
from core.admin.screens.form.form_submit import form_key, id_of, record_gone, save_once
from core.admin.screens.form.lookup import TypedLinks, may_choose, read_links, source, titles
from core.admin.screens.form.page import BACK
from core.admin.screens.routing import entity_path, screen_route
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, NotFound, Refused, Unauthenticated
from core.model.entities import Declaration
from core.model.types import named
from core.records.changes.actions import perform_action, read_action_values
from core.records.changes.single import read_record
from core.records.projection import FieldSelection, projection_of
from core.registry.registry import Action, Registry
from core.rest.route import Route

__all__ = ["Action", "record_actions", "routes"]
FORM = "deed-form"


def record_actions(page: Page, entity: Declaration) -> list[Action]:
    """Return the actions on single records that the reader holds."""
    ctx = page.ctx
    return [
        action
        for action in ctx.tenant.actions(entity.name)
        if action.on == "record"
        and action.method == "POST"
        and ctx.rights.may(entity.name, action.right)
    ]


def _action(page: Page, entity: Declaration) -> Action:
    name = page.request.path_params["action"]
    found = next((a for a in page.ctx.tenant.actions(entity.name) if a.name == name), None)
    if found is None or found.on != "record" or found.method != "POST":
        raise NotFound
    page.ctx.rights.require(entity.name, found.right)
    return found


def _slots(page: Page, entity: Declaration, action: Action) -> list[Slot]:
    return slots(action.values, lambda name: target_of(page, entity, action.plugin, name))


def target_of(page: Page, entity: Declaration, plugin: str, name: str) -> str:
    """Return the entity that a body's ``<noun>_id`` belongs to: a field's, or one of that name."""
    field = entity.fields.get(name)
    if field is not None and field.kind == "link":
        return str(field.target)
    known, noun = page.ctx.tenant.entities, name.removesuffix("_id")
    for place_of in (plugin, entity.plugin):
        for end in (noun, noun.rpartition("_")[2]):
            if f"{place_of}.{end}" in known:
                return f"{place_of}.{end}"
    return ""


async def show_action(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the dialog of an action; without scripts it is a page."""
    action = _action(page, entity)
    try:
        title = await _title(page, entity, action)
    except NotFound:
        return await record_gone(page, entity)
    found = _slots(page, entity, action)
    controls = controls_of(page)
    texts = {s.name: slot_text(controls, s, s.default) for s in found}
    texts |= {n: t for n, t in page.request.query_params.items() if n in texts}
    ids = {s.target: [texts[s.name]] for s in found if s.target and texts[s.name]}
    named = await titles(page, ids)
    words = {s.name: named.get(texts[s.name], "") for s in found if s.target}
    return _dialog(page, entity, action, title, found, texts, TypedLinks(words=words))


async def _title(page: Page, entity: Declaration, action: Action) -> str:
    """Return what the record is called, if it is one that the action may be done to."""
    ctx = page.ctx
    if not ctx.rights.may(entity.name, "view"):
        return page.translate(entity.label)
    visible = entity.title in ctx.rights.visible(entity.name)
    names = (entity.title,) if visible else ("id",)
    shape = projection_of(ctx.tenant, ctx.rights, entity, FieldSelection(fields=names))
    row, _ = await read_record(ctx, entity, id_of(page), shape)
    return str(row.get(entity.title) or page.translate(entity.label))


async def run_action(page: Page, entity: Declaration) -> ASGIResponse:
    """Do an action, once per form; a refusal stands beside its field."""
    action, ctx, id = _action(page, entity), page.ctx, id_of(page)
    found = _slots(page, entity, action)
    links = {s.name: s.target for s in found if s.target}
    typed = await read_links(page, page.form, links)
    texts = slot_texts(page.form, found) | typed.ids
    body = slot_values(controls_of(page), found, texts)
    told: list[Mistake] = [Mistake(text, name) for name, text in typed.errors.items()]

    async def run(unit: Unit) -> Any:
        return await perform_action(ctx, unit, entity, action, id, None, values)

    try:
        values = read_action_values(action, body)
        if told:
            raise Invalid(told[0].text)
        ctx.reason = getattr(values, "reason", None) or ctx.reason
        result = await (ctx.write(run, keyed=True) if action.secret else save_once(page, run))
    except (Unauthenticated, Forbidden):
        raise
    except NotFound:
        return await record_gone(page, entity)
    except Refused as refused:
        if page.hx and "Retry-After" in refused.headers:
            raise  # what passes by itself is told over the dialog
        more = slot_mistakes(page, refused, found, body)
        told += [one for one in more if not told or one.field not in ("", *typed.errors)]
        title = await _title(page, entity, action)
        return _dialog(page, entity, action, title, found, texts, typed, told, refused.status)
    return _done(page, entity, action, result)


def _done(page: Page, entity: Declaration, action: Action, result: Any) -> ASGIResponse:
    """Lead back to the record, or show what the action answered."""
    label, here = page.translate(action.label), entity_path(entity, id_of(page))
    if not page.ctx.rights.may(entity.name, "view"):
        here = entity_path(entity)
    here = _back(page) or here
    if result is None:
        said = page.translate("%(deed)s: done.") % {"deed": label}
        said = page.translate(action.success_message) if action.success_message else said
        return after_submit(page, entity, here, Flash(said))
    answer = msgspec.to_builtins(result)
    controls = controls_of(page)
    facts = [
        Fact(page.translate(named(name)), _result_text(controls, value))
        for name, value in answer.items()
        if not name.endswith("_id") and not isinstance(value, dict | list)
    ]
    return page.render(
        f"record_done{'_dialog' if page.hx else ''}.html",
        headers={**retarget("#deed"), "HX-Trigger": CHANGED},
        title=label,
        facts=facts,
        back=here,
    )


def _back(page: Page) -> str:
    """Return the page from which the action was begun, if it is not the record's own."""
    asked = page.form.get(BACK) or str(page.request.query_params.get(BACK, ""))
    return asked if asked and paths.local_path(asked) == asked else ""


def _result_text(controls: Any, value: Any) -> str:
    return controls.number(value) if type(value) in (int, float) else str(value or "")


def _template(page: Page) -> str:
    if page.htmx.target_id == FORM:  # the dialog stays open, and only its form is another
        return "record_action_form.html"
    return "record_action_dialog.html" if page.hx else "record_action.html"


def _dialog(
    page: Page,
    entity: Declaration,
    action: Action,
    title: str,
    found: list[Slot],
    texts: dict[str, str],
    typed: TypedLinks,
    told: list[Mistake] | None = None,
    status: int = 200,
) -> ASGIResponse:
    errors = {m.field: m.text for m in reversed(told or []) if m.field}
    here = entity_path(entity, id_of(page))
    return page.render(
        _template(page),
        status=status,
        title=page.translate(action.submit or action.label),
        record=title,
        action=entity_path(entity, id_of(page), f"do/{action.name}/"),
        controls=[_control(page, entity, s, texts, typed, errors) for s in found],
        mistakes=[m for m in told or [] if not m.field or m.field not in texts],
        key=page.form.get("_key") or form_key(),
        back=_back(page) or here,
        back_to=_back(page),
        inside=page.hx,
        crumbs=[
            Link(page.translate(entity.plural), entity_path(entity)),
            Link(title, here),
            Link(page.translate(action.label), ""),
        ],
    )


def _control(
    page: Page,
    entity: Declaration,
    slot: Slot,
    texts: dict[str, str],
    typed: TypedLinks,
    errors: dict[str, str],
) -> Control:
    src = ""
    if slot.target and may_choose(page, slot.target):
        target = page.ctx.tenant.entities[slot.target]
        owner = target.field(target.subject) if target.subject else None
        own = owner is not None and owner.target == entity.name
        src = source(page, slot.target, **({owner.name: id_of(page)} if owner and own else {}))
    made = slot_control(
        controls_of(page),
        slot,
        texts.get(slot.name, ""),
        text=typed.words.get(slot.name, ""),
        error=errors.get(slot.name, ""),
        src=src,
        beside=entity,
    )
    if slot.name in typed.found:
        changes: dict[str, Any] = {"kind": "select", "options": typed.found[slot.name], "empty": ""}
        return msgspec.structs.replace(made, **changes)
    if made.kind == "lookup" and not src:
        return msgspec.structs.replace(made, kind="text")
    return made


def routes(registry: Registry) -> list[Route]:
    """Return one pair of routes for the actions of each entity that has any."""
    found = []
    for name, entity in registry.entities.items():
        if any(a.on == "record" and a.method == "POST" for a in registry.actions.get(name, ())):
            path = "/{id:str}/do/{action:str}"
            found.append(screen_route(entity, path, READ, "", show_action))
            found.append(screen_route(entity, path, WRITE, "", run_action))
    return found
