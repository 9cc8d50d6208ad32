"""What a record looks like to one principal: the columns, and how a row becomes JSON."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from core.errors import FieldError, Invalid
from core.model.conversion import from_database
from core.model.entities import Declaration
from core.model.standard_fields import STANDARD
from core.records.row_filter import where_clause

Row = dict[str, Any]
MOST_EXPANDED = 2
_FIRST = ("id",)
_LAST = ("custom", "version", "created_at", "created_by", "updated_at", "updated_by")


class FieldSelection(msgspec.Struct, frozen=True):
    """Which fields a request selects: ``fields``, ``omit``, ``expand``, ``mobile``."""

    fields: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    mobile: bool = False
    detail: bool = False
    trash: bool = False


class Projection:
    """The readable columns of an entity, as text for a select list, and the row's conversion."""

    def __init__(
        self, entity: Declaration, names: Sequence[str], selection: FieldSelection
    ) -> None:
        self.entity = entity
        self.names = tuple(names)
        self.expand = selection.expand
        self._converters: list[tuple[str, Callable[[Any, Any], Any], str | None]] = []
        self._hidden: list[str] = []
        columns = [self._column(name) for name in names]
        columns += [f"{{t}}.{name} AS __{name}" for name in self._hidden]
        self._columns = ", ".join(columns)
        text = f"{entity.name}{self.names}{selection.expand}"
        self.hash = hashlib.blake2s(text.encode(), digest_size=4).hexdigest()

    def _column(self, name: str) -> str:
        field = self.entity.fields[name]
        convert = from_database(field)
        if convert is not None:
            beside = field.currency
            if beside is not None and beside not in self.names:
                if beside not in self._hidden:
                    self._hidden.append(beside)
                beside = f"__{beside}"
            self._converters.append((name, convert, beside))
        if field.sql and not field.stored:
            return f"({field.sql}) AS {name}"
        return f"{{t}}.{name}"

    def columns(self, alias: str) -> str:
        """Return the select list for a table called ``alias``."""
        return self._columns.replace("{t}", alias)

    def row(self, record: Mapping[str, Any]) -> Row:
        """Return a driver's record as the JSON object that the caller gets."""
        row = dict(record)
        for name, convert, beside in self._converters:
            row[name] = convert(row[name], row[beside] if beside else None)
        for name in self._hidden:
            del row[f"__{name}"]
        return row


def readable(entity: Declaration, visible: frozenset[str]) -> list[str]:
    """Return the fields that a principal may see, in the order of the declaration."""
    own = [n for n in entity.fields if n not in STANDARD and n in visible]
    return [*_FIRST, *own, *(n for n in _LAST if n in visible)]


def _names(entity: Declaration, visible: frozenset[str], selection: FieldSelection) -> list[str]:
    names = readable(entity, visible)
    for option, given in (("fields", selection.fields), ("omit", selection.omit)):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise Invalid.fields(
                [
                    FieldError(f"?{option}", f"There is no field {n!r}.", "unknown", tuple(names))
                    for n in unknown
                ]
            )
    # A link that is expanded is shown itself, whatever else is asked for.
    roots = [path.partition(".")[0] for path in selection.expand]
    expanded_links = [field.name for root in roots if (field := entity.field(root)) is not None]
    if selection.fields:
        return list(dict.fromkeys(("id", *selection.fields, *expanded_links)))
    shown = [
        n
        for n in names
        if n in expanded_links
        or (
            n not in selection.omit
            and (selection.detail or not entity.fields[n].detail_only)
            and (not selection.mobile or entity.fields[n].mobile)
        )
    ]
    if selection.trash and "deleted_at" in visible:
        shown.append("deleted_at")
    return ["id", *(n for n in shown if n != "id")]


def projection_of(
    tenant: Any, rights: Any, entity: Declaration, selection: FieldSelection
) -> Projection:
    """Return the projection for a principal's rights; compiled once and kept with the tenant."""
    key = ("projection", entity.name, rights, selection)
    projection: Projection | None = tenant.shapes.get(key)
    if projection is None:
        visible = rights.visible(entity.name)
        names = _names(entity, visible, selection)
        _check_expand(tenant, rights, entity, selection.expand)
        projection = Projection(entity, names, selection)
        if len(tenant.shapes) > 2000:
            tenant.shapes.clear()
        tenant.shapes[key] = projection
    return projection


def expandable(tenant: Any, rights: Any, entity: Declaration) -> list[str]:
    """Return the links of an entity whose target the principal may see."""
    return [
        field.name.removesuffix("_id")
        for field in entity.fields.values()
        if field.kind == "link"
        and field.target in tenant.entities
        and field.name in rights.visible(entity.name)
        and rights.may(field.target, "view")
    ]


def _check_expand(tenant: Any, rights: Any, entity: Declaration, paths: tuple[str, ...]) -> None:
    for path in paths:
        here = entity
        steps = path.split(".")
        if len(steps) > MOST_EXPANDED:
            raise Invalid.field("?expand", f"{path!r} goes deeper than two links.", "depth")
        for step in steps:
            allowed = expandable(tenant, rights, here)
            if step not in allowed:
                raise Invalid.field("?expand", f"There is no link {step!r}.", "unknown", allowed)
            field = here.fields.get(f"{step}_id") or here.fields[step]
            here = tenant.entities[field.target]


async def expand_links(
    fetch: Callable[..., Any], ctx: Any, entity: Declaration, rows: list[Row], paths: Sequence[str]
) -> None:
    """Put the linked records beside their ids: one query per link, however many rows."""
    tree: dict[str, list[str]] = {}
    for path in paths:
        step, _, further = path.partition(".")
        tree.setdefault(step, [])
        if further:
            tree[step].append(further)
    for step, rest in tree.items():
        column = f"{step}_id" if f"{step}_id" in entity.fields else step
        target = ctx.tenant.entities[entity.fields[column].target]
        projection = projection_of(ctx.tenant, ctx.rights, target, FieldSelection())
        ids = list({row[column] for row in rows if row.get(column) is not None})
        found: dict[Any, Row] = {}
        if ids:
            where, values = where_clause(ctx, target, "view", (), 3)
            records = await fetch(
                f"SELECT {projection.columns('x')} FROM {target.table} x"
                f" WHERE x.id = ANY ($2) AND {where}",
                ctx.tenant.id,
                ids,
                *values,
            )
            found = {record["id"]: projection.row(record) for record in records}
            await expand_links(fetch, ctx, target, list(found.values()), rest)
        name = step if step != column else f"{step}_record"
        for row in rows:
            row[name] = found.get(row.get(column))
