"""The order of a list, and cursors: opaque positions between two of its rows."""

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

import asyncpg
import msgspec

from core.errors import Invalid
from core.model.entities import Declaration
from core.model.parsing import READ, WrongValue
from core.records.lists.list_query import Sort

T = TypeVar("T", bound=msgspec.Struct)


def order_by(sorts: Sequence[Sort], *, back: bool = False) -> str:
    """Return the ORDER BY text; a column that may be null puts its nulls last both ways."""
    parts = []
    for sort in sorts:
        direction = " DESC" if sort.down != back else ""
        nulls = (" NULLS FIRST" if back else " NULLS LAST") if sort.nullable else ""
        parts.append(f"x.{sort.column}{direction}{nulls}")
    return ", ".join(parts)


def encode_cursor(cursor: msgspec.Struct) -> str:
    """Return the opaque text that stands for a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode_cursor(text: str, kind: type[T]) -> T:
    """Return the cursor that ``encode_cursor`` wrote; raises ValueError for any other text."""
    raw = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError("not a cursor") from error


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A position between two rows: the order it belongs to, its direction and the row's keys."""

    order: str
    back: bool
    keys: list[Any]


def _order_name(entity: Declaration, sorts: Sequence[Sort]) -> str:
    names = ",".join(("-" if s.down else "") + s.field for s in sorts)
    return f"{entity.resource}:{names}"


def write_cursor(
    entity: Declaration, sorts: Sequence[Sort], record: asyncpg.Record, *, back: bool
) -> str:
    """Return the opaque text that stands for the position of ``record``."""
    keys = [record[f"__s{place}"] for place in range(len(sorts))]
    return encode_cursor(Cursor(_order_name(entity, sorts), back, keys))


def read_cursor(text: str, sorts: Sequence[Sort], entity: Declaration, terms: Any) -> Cursor:
    """Return the position that ``text`` stands for; refuses other orders and forgeries."""
    wrong = Invalid.field("?cursor", "This cursor does not belong to this list.", "cursor")
    try:
        cursor = decode_cursor(text, Cursor)
        if cursor.order != _order_name(entity, sorts) or len(cursor.keys) != len(sorts):
            raise wrong
        keys = [
            _key(entity, sort, value, terms) for sort, value in zip(sorts, cursor.keys, strict=True)
        ]
    except (ValueError, WrongValue, TypeError):
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
    if field.kind in ("date", "datetime") and not isinstance(value, str):
        raise ValueError("time")
    # As it was written: a relative day would be a position that moves.
    return READ[field.kind](field, value, terms, None)


def after_cursor(
    entity: Declaration, sorts: Sequence[Sort], cursor: Cursor, first: int
) -> tuple[list[str], list[Any]]:
    """Return the conditions of the rows behind a cursor, of which one must hold, and their values.

    They exclude each other, and each is a range of an index: together they would be a filter that
    reads everything before the position.
    """
    casts = [cast_of(entity, sort) for sort in sorts]
    values: list[Any] = []
    branches: list[str] = []
    equal: list[str] = []
    plain = not any(s.nullable for s in sorts) and len({s.down for s in sorts}) == 1
    if plain:
        sign = "<" if sorts[0].down != cursor.back else ">"
        columns = ", ".join(f"x.{s.column}" for s in sorts)
        marks = ", ".join(f"${first + i}::{cast}" for i, cast in enumerate(casts))
        return [f"({columns}) {sign} ({marks})"], list(cursor.keys)
    for sort, key, cast in zip(sorts, cursor.keys, casts, strict=True):
        column = f"x.{sort.column}"
        mark = ""
        if key is not None:
            mark = f"${first + len(values)}::{cast}"
            values.append(key)
        steps = _after_conditions(column, sort, mark, back=cursor.back)
        branches += [" AND ".join([*equal, step]) for step in steps]
        equal.append(f"{column} = {mark}" if mark else f"{column} IS NULL")
    return branches, values


def _after_conditions(column: str, sort: Sort, mark: str, *, back: bool) -> list[str]:
    """Return the conditions under which a column's value comes later in the order."""
    if not mark:
        return [f"{column} IS NOT NULL"] if back else []
    sign = "<" if sort.down != back else ">"
    nulls = [f"{column} IS NULL"] if sort.nullable and not back else []
    return [f"{column} {sign} {mark}", *nulls]


def rows_in_branches(
    table: str, where: str, branches: Sequence[str], order: str, limit: str
) -> str:
    """Return the FROM text of rows that meet ``where`` and one of ``branches``, as ``x``.

    Each branch gives at most a page in the requested order, so that each is read by its index.
    """
    if len(branches) == 1:
        return f"{table} x WHERE {where} AND {branches[0]}"
    parts = (
        f"SELECT * FROM (SELECT x.* FROM {table} x WHERE {where} AND {branch}"
        f" ORDER BY {order} LIMIT {limit}) b{place}"
        for place, branch in enumerate(branches)
    )
    return f"({' UNION ALL '.join(parts)}) x"


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
