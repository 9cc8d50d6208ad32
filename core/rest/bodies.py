"""A body against the declaration: every wrong field named, nothing taken that is not writable."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from core.database.doors import Broken, Unit
from core.entities import Declaration
from core.errors import FieldError, Forbidden, Invalid, Refused
from core.fields import Field
from core.rest.context import Context
from core.values import WrongValue, missing, to_database

Values = dict[str, Any]


class Input:
    """The writable fields of an entity for one principal and action, and the check of a body."""

    def __init__(self, ctx: Context, entity: Declaration, action: str) -> None:
        self.ctx = ctx
        self.entity = entity
        self.writable = ctx.rights.writable(entity.name, action)
        self.visible = ctx.rights.visible(entity.name)

    def settled(self, body: Mapping[str, Any]) -> list[str]:
        """Return the names in ``body`` that are readable but not writable."""
        return [n for n in body if n in self.visible and n not in self.writable]

    def read(
        self,
        body: Mapping[str, Any],
        *,
        partial: bool,
        stored: Mapping[str, Any] | None = None,
        prefix: str = "#",
    ) -> Values:
        """Return the values to write, by column; refuses with every wrong field.

        ``stored`` is the record as its reader sees it: a field that may not be written is accepted
        when it is sent back unchanged (GET, then PUT). Without it, nothing readonly is accepted.
        """
        errors: list[FieldError] = []
        values: Values = {}
        terms = self.ctx.tenant.terms
        currency_of = self._currencies(body, stored)
        for name, value in body.items():
            field = self.entity.fields.get(name)
            pointer = f"{prefix}/{name}"
            if field is None or name not in self.visible:
                allowed = tuple(sorted(self.writable))
                errors.append(FieldError(pointer, f"Unknown field {name!r}.", "unknown", allowed))
            elif name not in self.writable:
                if stored is None or not _same(value, stored.get(name)):
                    errors.append(FieldError(pointer, f"{field.label} is read-only.", "readonly"))
            else:
                try:
                    values[name] = to_database(field, value, terms, currency_of.get(field.currency))
                except WrongValue as wrong:
                    errors.append(FieldError(pointer, wrong.detail, wrong.code, wrong.allowed))
        if not partial:
            errors += self._missing(body, prefix)
        if errors:
            raise Invalid.fields(errors)
        return values

    def _currencies(
        self, body: Mapping[str, Any], stored: Mapping[str, Any] | None
    ) -> dict[str | None, str]:
        """Return the currency beside each amount: sent, stored, or the tenant's."""
        default = self.ctx.tenant.config.currency
        found: dict[str | None, str] = {}
        for field in self.entity.fields.values():
            if field.kind == "currency":
                given = body.get(field.name, (stored or {}).get(field.name))
                found[field.name] = given if isinstance(given, str) else default
        return found

    def _missing(self, body: Mapping[str, Any], prefix: str) -> list[FieldError]:
        found = []
        for field in self.entity.fields.values():
            if field.required and field.name in self.writable and field.name not in body:
                wrong = missing(field)
                found.append(FieldError(f"{prefix}/{field.name}", wrong.detail, wrong.code))
        return found

    def needs_stored(self, body: Mapping[str, Any]) -> bool:
        """Return whether the stored record is needed to judge the body."""
        if self.settled(body):
            return True
        return any(
            f.kind == "money" and f.name in body and f.currency not in body
            for f in self.entity.fields.values()
        )


def _same(sent: Any, stored: Any) -> bool:
    """Compare what was sent with what a reader of the record gets."""
    plain: Any = msgspec.json.decode(msgspec.json.encode(stored))
    return bool(sent == plain)


def with_defaults(ctx: Context, entity: Declaration, values: Values) -> Values:
    """Return the values of a new record: the tenant's currency where none was sent."""
    for field in entity.fields.values():
        if field.kind == "currency" and values.get(field.name) is None:
            values[field.name] = ctx.tenant.config.currency
    return values


def with_scope(ctx: Context, entity: Declaration, action: str, values: Values) -> Values:
    """Return the values of a new record inside the creator's scope: its column is forced.

    A sent value must equal the principal's own. A scope over a link table cannot create.
    """
    scopes = ctx.rights.scopes(entity.name, action)
    if "all" in scopes or "author" in scopes:
        return values
    for scope in scopes:
        column = entity.scopes[scope]
        mine = ctx.principal.attributes.get(scope)
        if mine is None or not isinstance(column, str):
            raise Forbidden
        sent = values.get(column)
        if sent is not None and str(sent) != mine:
            field = entity.fields[column]
            raise Invalid.field(f"#/{column}", f"{field.label} does not exist.", "unknown_record")
        values[column] = UUID(mine)
    return values


async def check_links(
    ctx: Context, unit: Unit, entity: Declaration, values: Values, prefix: str = "#"
) -> None:
    """Refuse a link to a record that the sender cannot see, as if it did not exist."""
    links = [
        field
        for field in entity.fields.values()
        if field.kind == "link" and values.get(field.name) is not None and not field.system
    ]
    if not links:
        return
    await check_ids(ctx, unit, {f.name: (f, [values[f.name]]) for f in links}, prefix)


async def check_ids(
    ctx: Context, unit: Unit, wanted: Mapping[str, tuple[Field, list[UUID]]], prefix: str
) -> None:
    """Refuse, per link field, the ids that the principal may not refer to; one statement."""
    parts, given = [], []
    for place, (field, ids) in enumerate(wanted.values(), start=2):
        given.append(list(set(ids)))
        parts.append(f"ARRAY(SELECT x.id FROM {_visible_rows(ctx, field, place)})")
    row = await unit.fetchrow(f"SELECT {', '.join(parts)}", ctx.tenant.id, *given)
    errors = []
    for (name, (field, ids)), seen in zip(wanted.items(), row or (), strict=True):
        known = {str(id) for id in seen}
        if any(str(id) not in known for id in ids):
            errors.append(
                FieldError(f"{prefix}/{name}", f"{field.label} does not exist.", "unknown_record")
            )
    if errors:
        raise Invalid.fields(errors)


def _visible_rows(ctx: Context, field: Field, place: int) -> str:
    target = ctx.tenant.entities[field.target]
    right = "view" if ctx.rights.may(target.name, "view") else "list"
    visible = ctx.rights.predicate(target, right, "x")
    return (
        f"{target.table} x WHERE x.tenant_id = $1 AND x.id = ANY (${place}::uuid[])"
        f" AND x.deleted_at IS NULL AND {visible}"
    )


def constraint_refusal(entity: Declaration, broken: Broken) -> Refused:
    """Return the refusal that names the field behind a broken constraint; values never show."""
    name = broken.constraint
    if broken.sqlstate == "23505" and name.startswith(f"{entity.table}_"):
        columns = name.removeprefix(f"{entity.table}_").removesuffix("_unique")
        field = entity.fields.get(columns)
        if field is not None:
            detail = f"{entity.label} with this {_lower(field.label)} already exists"
            return Invalid.field(f"#/{field.name}", detail, "unique")
        return Invalid(f"{entity.label} with these values already exists", code="unique")
    if broken.sqlstate == "23503":
        return broken_link(entity, name, broken)
    if broken.sqlstate == "23514":
        rule = name.removeprefix(f"{entity.table}_").replace("_", " ")
        return Invalid(f"The values break the rule “{rule}”.", code="rule")
    if broken.sqlstate == "23502":
        return Invalid("A required value is missing.", code="required")
    return broken


def broken_link(entity: Declaration, name: str, broken: Broken) -> Refused:
    """Return the refusal of a link that points nowhere, or of a record that others point at."""
    column = name.removeprefix(f"{entity.table}_").removesuffix("_link")
    field = entity.fields.get(column)
    if field is not None and broken.table == entity.table:
        return Invalid.field(f"#/{column}", f"{field.label} does not exist.", "unknown_record")
    broken.detail = "Other records still refer to this one."
    broken.code = "referenced"
    return broken


def _lower(label: str) -> str:
    """Return a label inside a sentence: ``E-mail`` reads ``email`` as the sources write it."""
    return "email" if label == "E-mail" else label[:1].lower() + label[1:]
