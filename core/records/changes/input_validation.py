"""A body checked against the declaration: every wrong field is named, only writable ones pass."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from core.database.connections import Broken
from core.errors import FieldError, Forbidden, Invalid, Refused
from core.model.conversion import WrongValue, missing, to_database
from core.model.entities import Declaration
from core.runtime.context import Context

Values = dict[str, Any]


class Input:
    """The writable fields of an entity for one principal and action, and the check of a body."""

    def __init__(self, ctx: Context, entity: Declaration, action: str) -> None:
        self.ctx = ctx
        self.entity = entity
        self.action = action
        self.writable = ctx.rights.writable(entity.name, action)
        self.visible = ctx.rights.visible(entity.name)

    def readonly_names(self, body: Mapping[str, Any]) -> list[str]:
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
        errors += self._currency_errors(body, stored, prefix)
        for name, value in body.items():
            field = self.entity.fields.get(name)
            pointer = f"{prefix}/{name}"
            if field is None or name not in self.visible:
                allowed = tuple(sorted(self.writable))
                errors.append(FieldError(pointer, f"Unknown field {name!r}.", "unknown", allowed))
            elif name not in self.writable:
                if stored is None or not _equals_stored(value, stored.get(name)):
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
        found: dict[str | None, str] = {}
        for field in self.entity.fields.values():
            if field.kind == "currency":
                given = body.get(field.name, (stored or {}).get(field.name))
                try:
                    code = to_database(field, given, self.ctx.tenant.terms)
                except WrongValue:
                    code = None
                found[field.name] = code or self.ctx.tenant.config.currency
        return found

    def _currency_errors(
        self, body: Mapping[str, Any], stored: Mapping[str, Any] | None, prefix: str
    ) -> list[FieldError]:
        """Refuse another currency beside amounts that stay: they would mean something else."""
        if stored is None:
            return []
        return [
            FieldError(
                f"{prefix}/{field.name}",
                f"Send {field.label} again: its currency changes.",
                "currency",
            )
            for field in self.entity.fields.values()
            if field.currency is not None
            and field.currency in body
            and field.name not in body
            and stored.get(field.name) is not None
            and str(body[field.currency]).upper() != stored.get(field.currency)
        ]

    def _missing(self, body: Mapping[str, Any], prefix: str) -> list[FieldError]:
        found = []
        given = {*body, *self._scope_columns()}
        for field in self.entity.fields.values():
            if field.required and field.name in self.writable and field.name not in given:
                wrong = missing(field)
                found.append(FieldError(f"{prefix}/{field.name}", wrong.detail, wrong.code))
        return found

    def _scope_columns(self) -> list[str]:
        """Return the column that ``with_scope`` fills where a creator's scope leaves no choice."""
        own = own_columns(self.ctx, self.entity, "create") if self.action == "create" else None
        return list(own or ())[:1]

    def needs_stored(self, body: Mapping[str, Any]) -> bool:
        """Return whether the stored record is needed to check the body."""
        if self.readonly_names(body):
            return True
        return any(
            (f.name in body) != (f.currency in body)
            for f in self.entity.fields.values()
            if f.kind == "money"
        )


def _equals_stored(value: Any, stored: Any) -> bool:
    """Compare a value of a body with what a reader of the record gets."""
    plain: Any = msgspec.json.decode(msgspec.json.encode(stored))
    return bool(value == plain)


def with_defaults(ctx: Context, entity: Declaration, values: Values) -> Values:
    """Return the values of a new record: the tenant's currency where none was sent."""
    for field in entity.fields.values():
        if field.kind == "currency" and values.get(field.name) is None:
            values[field.name] = ctx.tenant.config.currency
    return values


def own_columns(ctx: Context, entity: Declaration, action: str) -> dict[str, str] | None:
    """Return the columns that put a record into the principal's scopes; None for no limit.

    A scope over a link table, or over the record's own id, has no such column.
    """
    scopes = ctx.rights.scopes(entity.name, action)
    if "all" in scopes or "author" in scopes:
        return None
    columns = {scope: entity.scopes[scope] for scope in scopes}
    return {
        column: ctx.principal.attributes[scope]
        for scope, column in columns.items()
        if isinstance(column, str) and column != "id" and scope in ctx.principal.attributes
    }


def with_scope(ctx: Context, entity: Declaration, values: Values, prefix: str = "#") -> Values:
    """Return the values of a new record inside the creator's scope: its column is forced.

    A sent value must equal the principal's own. Refuses with ``Forbidden`` where no value could
    put the record into a scope.
    """
    own = own_columns(ctx, entity, "create")
    if own is None:
        return values
    if not own:
        raise Forbidden
    if any(str(values.get(column)) == mine for column, mine in own.items()):
        return values
    column, mine = next(iter(own.items()))
    if values.get(column) is not None:
        raise _out_of_scope(entity, column, prefix)
    values[column] = UUID(mine)
    return values


def stay_in_scope(ctx: Context, entity: Declaration, values: Values, prefix: str = "#") -> None:
    """Refuse to move records out of the writer's own scope."""
    own = own_columns(ctx, entity, "update") or {}
    sent = {column: mine for column, mine in own.items() if column in values}
    if sent and not any(str(values[column]) == mine for column, mine in sent.items()):
        raise _out_of_scope(entity, next(iter(sent)), prefix)


def _out_of_scope(entity: Declaration, column: str, prefix: str) -> Invalid:
    label = entity.fields[column].label
    return Invalid.field(f"{prefix}/{column}", f"{label} does not exist.", "unknown_record")


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
