"""The list contract: filters, sorting, pages and cursors, as one statement per request."""

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core import criteria
from core.entities import Declaration
from core.errors import FieldError, Invalid
from core.rest.context import Context
from core.rest.replies import reply
from core.rest.shape import Shape, Wanted, expanded, shape_of
from core.values import WrongValue, operand

PAGE = 25
MOST_PAGE = 200
MOST_OFFSET = 10_000
COUNTED = 10_000
MOST_SORTS = 3
OWN = frozenset(
    ("page", "page_size", "cursor", "count", "ordering", "fields", "omit", "expand", "mobile",
     "search", "format")
)


class Sort(msgspec.Struct, frozen=True):
    """One key of the order: its column, direction, and whether it may be null."""

    field: str
    column: str
    down: bool
    nullable: bool


class Paging(msgspec.Struct, frozen=True):
    """Which rows: a page number, or a cursor (``""`` is the first page by cursor)."""

    size: int
    page: int = 1
    cursor: str | None = None
    exact: bool = False


class Query(msgspec.Struct, frozen=True):
    """A list request, read and checked."""

    paging: Paging
    wanted: Wanted
    sorts: tuple[Sort, ...]
    filters: tuple[criteria.Checked, ...]
    trash: bool = False


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12) or not least <= int(text) <= most:
        raise Invalid.field(
            f"?{name}", f"{name} must be a whole number from {least} to {most}.", "range"
        )
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise Invalid.field(f"?{name}", f"{name} must be true or false.", "type", ("true", "false"))
    return text.lower() in ("true", "1")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def read_paging(own: dict[str, str]) -> Paging:
    """Return the page asked for; refuses deep pages with a word about ``cursor`` (ruling 22)."""
    size = _whole("page_size", own.get("page_size", str(PAGE)), 1, MOST_PAGE)
    page = _whole("page", own.get("page", "1"), 1, 10**9)
    cursor = own.get("cursor")
    if cursor is None and page * size > MOST_OFFSET:
        raise Invalid.field(
            "?page",
            f"page × page_size is at most {MOST_OFFSET}; use cursor= to go further.",
            "too_deep",
        )
    if (count := own.get("count", "")) not in ("", "exact"):
        raise Invalid.field("?count", f"count cannot be {count!r}.", "unknown", ("exact",))
    return Paging(size, page, cursor, count == "exact")


def read_wanted(own: dict[str, str], *, detail: bool = False) -> Wanted:
    """Return the shape asked for."""
    return Wanted(
        fields=_words(own.get("fields")),
        omit=_words(own.get("omit")),
        expand=_words(own.get("expand")),
        mobile=_flag("mobile", own.get("mobile", "false")),
        detail=detail,
    )


def sortable(entity: Declaration, visible: frozenset[str]) -> list[str]:
    """Return the fields by which a principal may sort."""
    return [f.name for f in entity.fields.values() if f.sort and f.name in visible]


def read_sorts(entity: Declaration, visible: frozenset[str], text: str | None) -> tuple[Sort, ...]:
    """Return the order asked for, or the entity's own; the id always breaks ties."""
    allowed = sortable(entity, visible)
    names = _words(text)
    if not names:
        plain = entity.order.lstrip("-")
        names = (entity.order if plain in visible else "-created_at",)
        allowed = [*allowed, names[0].lstrip("-")]
    if len(names) > MOST_SORTS:
        raise Invalid.field("?ordering", f"ordering takes at most {MOST_SORTS} fields.", "many")
    found: dict[str, Sort] = {}
    for name in names:
        plain = name.removeprefix("-")
        if plain not in allowed:
            raise Invalid.field(
                "?ordering", f"Records cannot be sorted by {plain!r}.", "unknown", allowed
            )
        field = entity.fields[plain]
        nullable = field.nullable and plain not in ("id", "created_at", "updated_at", "version")
        found.setdefault(plain, Sort(plain, field.sort_column, name.startswith("-"), nullable))
    down = list(found.values())[-1].down
    found.setdefault("id", Sort("id", "id", down, False))
    return tuple(found.values())


def split(request: Request[Any, Any, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the list's own parameters and the filters; refuses text that no column can hold."""
    own: dict[str, str] = {}
    filters: list[tuple[str, str]] = []
    for name, value in request.query_params.multi_items():
        for text in (name, value):
            if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
                raise Invalid.field("?" + repr(name), "A parameter holds unusable text.", "text")
        if name not in OWN:
            filters.append((name, value))
        elif name in own:
            raise Invalid.field(f"?{name}", f"{name} stands twice.", "repeated")
        else:
            own[name] = value
    if "search" in own:
        raise Invalid.field("?search", "Search is not available yet.", "search")
    return own, filters


def read_filters(
    ctx: Context, entity: Declaration, pairs: Sequence[tuple[str, str]]
) -> tuple[criteria.Checked, ...]:
    """Return the checked filters: fields with operators, named filters, plugins' conditions."""
    named = {
        f.key: f
        for f in entity.named_filters
        if all(name in ctx.rights.visible(entity.name) for name in f.uses)
    }
    found: list[criteria.Checked] = []
    plain: list[tuple[str, str]] = []
    errors: list[FieldError] = []
    sight = (entity, ctx.tenant.entities, ctx.rights, ctx.tenant.terms)
    for name, value in pairs:
        if name not in named:
            plain.append((name, value))
            continue
        try:
            tree = named[name].criteria(value)
            found.append(criteria.parse_and_check(tree, *sight, trusted=True))
        except ValueError as error:
            errors.append(FieldError(f"?{name}", str(error), "invalid"))
        except Invalid as invalid:
            # The tree is the plugin's: the caller only knows the parameter.
            errors += [FieldError(f"?{name}", e.detail, e.code, e.allowed) for e in invalid.errors]
    if errors:
        raise Invalid.fields(errors)
    if plain:
        found.append(criteria.parse_and_check(criteria.from_parameters(plain, *sight), *sight))
    return tuple(found)


def plugin_conditions(ctx: Context, entity: Declaration) -> tuple[criteria.Checked, ...]:
    """Return what the enabled plugins demand of every visible row (``visible_rows``)."""
    hooks = ctx.tenant.hooks
    if not hooks.implementations("visible_rows"):
        return ()
    asked = hooks.ask(
        "visible_rows", tenant=ctx.tenant, actor=ctx.principal, entity=entity.name
    )
    every = ctx.tenant.rights(("admin",))
    return tuple(
        criteria.parse_and_check(
            tree, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
        )
        for _, tree in asked
    )


def conditions(
    ctx: Context,
    entity: Declaration,
    action: str,
    checked: Sequence[criteria.Checked],
    first: int,
    *,
    trash: bool = False,
) -> tuple[str, list[Any]]:
    """Return the WHERE text of the rows that ``action`` may touch, and its values from ``first``.

    Tenant, trash, scope, the plugins' conditions and the given criteria are all in it.
    """
    parts = ["x.tenant_id = $1", f"x.deleted_at IS {'NOT ' if trash else ''}NULL"]
    scope = ctx.rights.predicate(entity, action, "x")
    if scope != "true":
        parts.append(scope)
    values: list[Any] = []
    for one in (*checked, *plugin_conditions(ctx, entity)):
        parts.append(one.sql("x", first + len(values)))
        values += one.values
    return " AND ".join(parts), values


def order_by(sorts: Sequence[Sort], *, back: bool = False) -> str:
    """Return the ORDER BY text; a column that may be null puts its nulls last both ways."""
    parts = []
    for sort in sorts:
        direction = " DESC" if sort.down != back else ""
        nulls = (" NULLS FIRST" if back else " NULLS LAST") if sort.nullable else ""
        parts.append(f"x.{sort.column}{direction}{nulls}")
    return ", ".join(parts)


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A place between two rows: the order it belongs to, its direction and the row's keys."""

    order: str
    back: bool
    keys: list[Any]


def _order_name(sorts: Sequence[Sort]) -> str:
    return ",".join(("-" if s.down else "") + s.field for s in sorts)


def write_cursor(sorts: Sequence[Sort], record: asyncpg.Record, *, back: bool) -> str:
    """Return the opaque text that stands for the place of ``record``."""
    keys = [record[f"__s{place}"] for place in range(len(sorts))]
    raw = msgspec.json.encode(Cursor(_order_name(sorts), back, keys))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(text: str, sorts: Sequence[Sort], entity: Declaration, terms: Any) -> Cursor:
    """Return the place that ``text`` stands for; refuses one of another order, or a forged one."""
    wrong = Invalid.field("?cursor", "This cursor does not belong to this list.", "cursor")
    try:
        raw = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        cursor = msgspec.json.decode(raw, type=Cursor)
        if cursor.order != _order_name(sorts) or len(cursor.keys) != len(sorts):
            raise wrong
        keys = [
            _key(entity, sort, value, terms)
            for sort, value in zip(sorts, cursor.keys, strict=True)
        ]
    except (ValueError, msgspec.MsgspecError, WrongValue, TypeError):
        raise wrong from None
    return msgspec.structs.replace(cursor, keys=keys)


def _key(entity: Declaration, sort: Sort, value: Any, terms: Any) -> Any:
    if value is None:
        if not sort.nullable:
            raise ValueError("null")
        return None
    field = entity.fields[sort.field]
    if field.kind in ("money", "decimal", "integer"):
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
            raise ValueError("number")
        return value
    if sort.column != sort.field or field.kind in ("text", "email", "phone", "choice", "currency"):
        if not isinstance(value, str) or "\x00" in value:
            raise ValueError("text")
        return value
    return operand(field, value, terms)


def after(
    sorts: Sequence[Sort], cursor: Cursor, casts: Sequence[str], first: int
) -> tuple[str, list[Any]]:
    """Return the condition of the rows behind a cursor, and its values."""
    values: list[Any] = []
    branches: list[str] = []
    equal: list[str] = []
    plain = not any(s.nullable for s in sorts) and len({s.down for s in sorts}) == 1
    if plain:
        sign = "<" if sorts[0].down != cursor.back else ">"
        columns = ", ".join(f"x.{s.column}" for s in sorts)
        marks = ", ".join(f"${first + i}::{cast}" for i, cast in enumerate(casts))
        return f"({columns}) {sign} ({marks})", list(cursor.keys)
    for sort, key, cast in zip(sorts, cursor.keys, casts, strict=True):
        column = f"x.{sort.column}"
        mark = ""
        if key is not None:
            mark = f"${first + len(values)}::{cast}"
            values.append(key)
        step = _behind(column, sort, mark, back=cursor.back)
        if step:
            branches.append(" AND ".join([*equal, step]))
        equal.append(f"{column} = {mark}" if mark else f"{column} IS NULL")
    return "(" + " OR ".join(f"({b})" for b in branches) + ")", values


def _behind(column: str, sort: Sort, mark: str, *, back: bool) -> str:
    """Return the condition that a column's value comes later in the order; "" for never."""
    if not mark:
        return f"{column} IS NOT NULL" if back else ""
    sign = "<" if sort.down != back else ">"
    step = f"{column} {sign} {mark}"
    if sort.nullable and not back:
        return f"({step} OR {column} IS NULL)"
    return step


CASTS = {
    "integer": "int8",
    "money": "int8",
    "decimal": "int8",
    "boolean": "bool",
    "date": "date",
    "datetime": "timestamptz",
    "link": "uuid",
    "number": "float8",
}


def cast_of(entity: Declaration, sort: Sort) -> str:
    """Return the SQL type of a sort key."""
    if sort.column != sort.field:
        return "text"
    return CASTS.get(entity.fields[sort.field].kind, "text")


async def list_records(ctx: Context, request: Request[Any, Any, Any], entity: Declaration,
                       *, trash: bool = False) -> ASGIResponse:
    """Answer ``GET /api/<resource>/``."""
    action = "trash" if trash else "list"
    ctx.rights.require(entity.name, action)
    own, pairs = split(request)
    query = Query(
        paging=read_paging(own),
        wanted=msgspec.structs.replace(read_wanted(own), trash=trash),
        sorts=read_sorts(entity, ctx.rights.visible(entity.name), own.get("ordering")),
        filters=read_filters(ctx, entity, pairs),
        trash=trash,
    )
    return await answer(ctx, request, entity, query, action)


async def query_records(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, body: dict[str, Any]
) -> ASGIResponse:
    """Answer ``POST /api/<resource>/query/``: the list, filtered by a tree of criteria."""
    ctx.rights.require(entity.name, "list")
    own, pairs = split(request)
    unknown = set(body) - {"criteria"}
    if unknown:
        raise Invalid.field(f"#/{sorted(unknown)[0]}", "Unknown key.", "unknown", ("criteria",))
    filters = list(read_filters(ctx, entity, pairs))
    if body.get("criteria") is not None:
        filters.append(
            criteria.parse_and_check(
                body["criteria"], entity, ctx.tenant.entities, ctx.rights, ctx.tenant.terms
            )
        )
    sorts = read_sorts(entity, ctx.rights.visible(entity.name), own.get("ordering"))
    query = Query(read_paging(own), read_wanted(own), sorts, tuple(filters))
    return await answer(ctx, request, entity, query, "list")


async def answer(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, query: Query, action: str
) -> ASGIResponse:
    """Run a checked list query and return its page."""
    shape = shape_of(ctx.tenant, ctx.rights, entity, query.wanted)
    where, values = conditions(ctx, entity, action, query.filters, 2, trash=query.trash)
    if query.paging.cursor is not None:
        return await _by_cursor(ctx, request, entity, query, shape, where, values)
    return await _by_page(ctx, request, entity, query, shape, where, values)


async def _by_page(
    ctx: Context,
    request: Request[Any, Any, Any],
    entity: Declaration,
    query: Query,
    shape: Shape,
    where: str,
    values: list[Any],
) -> ASGIResponse:
    paging = query.paging
    cap = "" if paging.exact else f" LIMIT {COUNTED + 1}"
    counted = f"(SELECT count(*) FROM (SELECT 1 FROM {entity.table} x WHERE {where}{cap}) n)"
    place = len(values) + 2
    sql = (
        f"SELECT {shape.columns('x')}, {counted} AS __count FROM {entity.table} x WHERE {where}"
        f" ORDER BY {order_by(query.sorts)} LIMIT ${place} OFFSET ${place + 1}"
    )
    given = (ctx.tenant.id, *values)

    async def run(connection: asyncpg.Connection) -> tuple[list[Any], int, bool]:
        offset = (paging.page - 1) * paging.size
        records = await connection.fetch(sql, *given, paging.size, offset)
        if records:
            count = records[0]["__count"]
        elif paging.page > 1:
            count = await connection.fetchval(f"SELECT {counted}", *given)
        else:
            count = 0
        rows = [shape.row(record) for record in records]
        for row in rows:
            del row["__count"]
        if shape.expand:
            await expanded(connection.fetch, ctx, entity, rows, shape.expand)
        if count <= COUNTED or paging.exact:
            return rows, count, False
        return rows, await _estimate(connection, entity, where, given), True

    rows, count, estimated = await ctx.read(run)
    body: dict[str, Any] = {"count": count}
    if estimated:
        body["count_is_estimate"] = True
    more = paging.page * paging.size < count and (paging.page + 1) * paging.size <= MOST_OFFSET
    body["next"] = _url(request, ctx, page=paging.page + 1) if more else None
    body["previous"] = _url(request, ctx, page=paging.page - 1) if paging.page > 1 else None
    body["results"] = rows
    return reply(body)


async def _estimate(
    connection: asyncpg.Connection, entity: Declaration, where: str, given: Sequence[Any]
) -> int:
    """Return the planner's guess of a count that is larger than what is counted exactly."""
    plan = await connection.fetchval(
        f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {entity.table} x WHERE {where}", *given
    )
    rows = plan[0]["Plan"]["Plan Rows"]
    return max(int(rows), COUNTED + 1)


async def _by_cursor(
    ctx: Context,
    request: Request[Any, Any, Any],
    entity: Declaration,
    query: Query,
    shape: Shape,
    where: str,
    values: list[Any],
) -> ASGIResponse:
    sorts, size = query.sorts, query.paging.size
    text = query.paging.cursor or ""
    cursor = read_cursor(text, sorts, entity, ctx.tenant.terms) if text else None
    if cursor is not None:
        casts = [cast_of(entity, sort) for sort in sorts]
        behind, keys = after(sorts, cursor, casts, len(values) + 2)
        where, values = f"{where} AND {behind}", [*values, *keys]
    back = cursor is not None and cursor.back
    keys_sql = ", ".join(f"x.{s.column} AS __s{i}" for i, s in enumerate(sorts))
    sql = (
        f"SELECT {shape.columns('x')}, {keys_sql} FROM {entity.table} x WHERE {where}"
        f" ORDER BY {order_by(sorts, back=back)} LIMIT ${len(values) + 2}"
    )

    async def run(connection: asyncpg.Connection) -> tuple[list[Any], list[Any]]:
        records = await connection.fetch(sql, ctx.tenant.id, *values, size + 1)
        rows = [shape.row(record) for record in records[:size]]
        for row in rows:
            for place in range(len(sorts)):
                del row[f"__s{place}"]
        if shape.expand:
            await expanded(connection.fetch, ctx, entity, rows, shape.expand)
        return records, rows

    records, rows = await ctx.read(run)
    more = len(records) > size
    shown = records[:size]
    if back:
        rows.reverse()
        shown = shown[::-1]
    onward = shown and (more or back)
    backward = shown and cursor is not None and (more or not back)
    return reply(
        {
            "count": None,
            "next": _url(request, ctx, cursor=write_cursor(sorts, shown[-1], back=False))
            if onward
            else None,
            "previous": _url(request, ctx, cursor=write_cursor(sorts, shown[0], back=True))
            if backward
            else None,
            "results": rows,
        }
    )


def _url(request: Request[Any, Any, Any], ctx: Context, **changed: Any) -> str:
    """Return this list's absolute address with other paging, all else equal."""
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in changed]
    pairs += [(k, str(v)) for k, v in changed.items()]
    path = request.scope.get("crm_path", request.url.path).rstrip("/")
    return f"{base_url(request, ctx)}{path}/?{urlencode(pairs)}"


def base_url(request: Request[Any, Any, Any], ctx: Context) -> str:
    """Return the configured address of the server, or the one that the request came to."""
    configured = ctx.platform.config.server.base_url
    if configured:
        return configured.rstrip("/")
    return f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
