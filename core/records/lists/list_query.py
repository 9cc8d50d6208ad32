"""The parameters of a list: paging, order, fields and filters; unknown ones are refused."""

from collections.abc import Sequence

import msgspec

from core import criteria
from core.errors import FieldError, Invalid
from core.model.entities import Declaration
from core.records.projection import FieldSelection
from core.records.row_filter import FieldAccess
from core.runtime.context import Context
from core.search.hits import read_phrase, searchable

PAGE = 25
MOST_PAGE = 200
MOST_OFFSET = 10_000
MOST_SORTS = 3


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
    selection: FieldSelection
    sorts: tuple[Sort, ...]
    filters: tuple[criteria.Checked, ...]
    trash: bool = False
    phrase: str | None = None


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


def _words(name: str, text: str | None) -> tuple[str, ...]:
    """Return the names in a parameter; refuses one that is there and names nothing."""
    words = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if text is not None and not words:
        raise Invalid.field(f"?{name}", f"{name} names no field.", "required")
    return words


def read_paging(own: dict[str, str]) -> Paging:
    """Return the requested page; refuses deep pages and names ``cursor`` (ruling 22)."""
    size = _whole("page_size", own.get("page_size", str(PAGE)), 1, MOST_PAGE)
    page = _whole("page", own.get("page", "1"), 1, 10**9)
    cursor = own.get("cursor")
    if cursor is None and page * size > MOST_OFFSET:
        raise Invalid.field(
            "?page",
            f"page times page_size is at most {MOST_OFFSET}; use cursor= to go further.",
            "too_deep",
        )
    if (count := own.get("count")) not in (None, "exact"):
        raise Invalid.field("?count", f"count cannot be {count!r}.", "unknown", ("exact",))
    return Paging(size, page, cursor, count == "exact")


def read_field_selection(own: dict[str, str], *, detail: bool = False) -> FieldSelection:
    """Return which fields are requested."""
    return FieldSelection(
        fields=_words("fields", own.get("fields")),
        omit=_words("omit", own.get("omit")),
        expand=_words("expand", own.get("expand")),
        mobile=_flag("mobile", own.get("mobile", "false")),
        detail=detail,
    )


def sortable(entity: Declaration, visible: frozenset[str]) -> list[str]:
    """Return the fields by which a principal may sort."""
    return [f.name for f in entity.fields.values() if f.sort and f.name in visible]


def read_sorts(entity: Declaration, visible: frozenset[str], text: str | None) -> tuple[Sort, ...]:
    """Return the requested order, or the entity's own; the id always breaks ties."""
    allowed = sortable(entity, visible)
    names = _words("ordering", text)
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
        sort = Sort(plain, field.sort_column, name.startswith("-"), field.nullable)
        found.setdefault(plain, sort)
    down = list(found.values())[-1].down
    found.setdefault("id", Sort("id", "id", down, False))
    return tuple(found.values())


def read_search(ctx: Context, entity: Declaration, text: str | None, *, trash: bool) -> str | None:
    """Return what to search for; refuses where nothing can be found that way."""
    if text is None:
        return None
    if trash or not searchable(ctx, entity):
        where = "The trash" if trash else entity.plural
        raise Invalid.field("?search", f"{where} cannot be searched.", "search")
    return read_phrase("search", text)


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
    terms = (entity, ctx.tenant.entities, FieldAccess(ctx), ctx.tenant.terms)
    for name, value in pairs:
        if name not in named:
            plain.append((name, value))
            continue
        try:
            tree = named[name].criteria(value)
            found.append(criteria.parse_and_check(tree, *terms, trusted=True))
        except ValueError as error:
            errors.append(FieldError(f"?{name}", str(error), "invalid"))
        except Invalid as invalid:
            # The tree is the plugin's: the caller only knows the parameter.
            errors += [FieldError(f"?{name}", e.detail, e.code, e.allowed) for e in invalid.errors]
    if errors:
        raise Invalid.fields(errors)
    if plain:
        found.append(criteria.parse_and_check(criteria.from_parameters(plain, *terms), *terms))
    return tuple(found)
