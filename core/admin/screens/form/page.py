"""The page of a form, and one of its fields as it is judged while the form is filled in."""

import re
from collections.abc import Mapping
from typing import Any

from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.forms.form_errors import Mistake, mistakes
from core.admin.page import Page
from core.admin.parts import Link
from core.admin.screens.form.fields import SHOWN, Texts, body_of, fixed_controls, groups
from core.admin.screens.form.form_submit import form_key, id_of, path_after
from core.admin.screens.routing import entity_path
from core.errors import Invalid, NotFound, Refused
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.input_validation import Input

BACK = "_back"
# The control, on the page behind, that wants the record which is made in a dialog.
FOR = "_for"
# Where a step over a page goes, and the form in it.
STEP = ("over", "step-form")
_CONTROL = re.compile(r"field-[a-z0-9_]{1,60}", re.ASCII)


async def form_page(
    page: Page,
    entity: Declaration,
    fields: list[Field],
    texts: Texts,
    *,
    row: Mapping[str, Any] | None = None,
    version: int | None = None,
    marks: str = "",
    refused: Refused | None = None,
    alike: list[Link] | None = None,
    status: int = 200,
) -> ASGIResponse:
    """Return the page of a form; what passes by itself is told over it, where it stands."""
    if page.hx and refused is not None and "Retry-After" in refused.headers:
        raise refused
    wrong = _wrong(page, fields, texts, refused)
    made = groups(page, entity, fields, texts, {m.field: m.text for m in wrong}, row)
    fixed = await fixed_controls(page, entity, row) if row is not None and not page.hx else ()
    id, under = ("", "new/") if row is None else (row["id"], "edit/")
    href = entity_path(entity, id, under)
    back = back_of(page)
    return page.render(
        _template(page),
        status=refused.status if refused is not None else status,
        headers=refused.headers if refused is not None else None,
        entity=entity,
        **_headings(page, entity, row),
        action=href,
        checks=f"{href}?check=",
        groups=made,
        fixed=fixed,
        mistakes=wrong,
        alike=alike or [],
        anyway=not wrong,
        hidden=_hidden(page, version, marks, back),
        cancel=back or path_after(page, entity, id),
        new=row is None,
        control=made[0].controls[0] if page.hx and made else None,
    )


def _hidden(page: Page, version: int | None, marks: str, back: str) -> dict[str, Any]:
    """Return what the form carries along unseen."""
    return {
        "_key": page.form.get("_key") or form_key(),
        "_version": "" if version is None else version,
        SHOWN: marks,
        "_only": page.form.get("_only"),
        BACK: back,
        FOR: requesting_control(page),
    }


def _template(page: Page) -> str:
    if requesting_control(page):
        return "form_quick.html"
    if in_dialog(page):
        return "form_step.html"
    return "form_inline.html" if page.hx else "form.html"


def in_dialog(page: Page) -> bool:
    """Return whether the form stands in a dialog over another page, or will."""
    return page.htmx.target_id in STEP


def requesting_control(page: Page) -> str:
    """Return the control for which a record is made in a dialog, or nothing."""
    found = page.form.get(FOR) or str(page.request.query_params.get(FOR, ""))
    return found if page.hx and _CONTROL.fullmatch(found) else ""


def _wrong(page: Page, fields: list[Field], texts: Texts, refused: Refused | None) -> list[Mistake]:
    """Return what is wrong: links that name nothing, then what the refusal says of the others."""
    known = {f.name: f for f in fields}
    wrong = [Mistake(text, name) for name, text in texts.links.errors.items() if name in known]
    if refused is not None:
        told = {one.field for one in wrong}
        more = mistakes(page, refused, known)
        wrong += [one for one in more if not one.field or one.field not in told]
    return wrong


def back_of(page: Page) -> str:
    """Return the page of ours to which the form leads back, if it says so."""
    back = page.form.get(BACK) or str(page.request.query_params.get(BACK, ""))
    return back if back and paths.local_path(back) == back else ""


def _headings(page: Page, entity: Declaration, row: Mapping[str, Any] | None) -> dict[str, Any]:
    _ = page.translate
    label, start = _(entity.label), Link(_(entity.plural), entity_path(entity))
    if row is None:
        title = _("Add %(thing)s") % {"thing": label}
        submit = _("Create %(thing)s") % {"thing": label}
        return {"title": title, "submit": submit, "crumbs": [start, Link(title, "")]}
    name = str(row.get(entity.title) or label)
    crumbs = [start, Link(name, entity_path(entity, row["id"])), Link(_("Edit"), "")]
    title = _("Edit %(record)s") % {"record": name}
    submit = _("Update %(thing)s") % {"thing": label}
    return {"title": title, "submit": submit, "crumbs": crumbs}


async def check_field(
    page: Page, entity: Declaration, action: str, fields: list[Field], typed: Texts, name: str
) -> ASGIResponse:
    """Answer one field with what is wrong with it, by the rules of REST; nothing is written."""
    field = next((f for f in fields if f.name == name and name in typed.texts), None)
    if field is None:
        raise NotFound
    errors: dict[str, str] = {}
    body = body_of(page, [field], typed.texts)
    if action == "update" or field.required or body[name] not in (None, ""):
        try:
            Input(page.ctx, entity, action).read(body, partial=True)
        except Invalid as invalid:
            errors = {m.field: m.text for m in mistakes(page, invalid, {name: field})}
    await page.ctx.fetchval("SELECT 1")
    (group,) = groups(page, entity, [field], typed, errors)
    checks = f"{entity_path(entity, under='new/')}?check="
    if action == "update":
        checks = f"{entity_path(entity, id_of(page), 'edit/')}?check="
    return page.render("form_field.html", control=group.controls[0], checks=checks)
