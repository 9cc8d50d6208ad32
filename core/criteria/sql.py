"""The shape of checked criteria and its SQL text: registry names and fixed operators only."""

from collections.abc import Iterator
from typing import Literal, TypeGuard

import msgspec

TYPES: dict[str, str] = {
    "text": "text",
    "long_text": "text",
    "email": "text",
    "phone": "text",
    "integer": "int8",
    "decimal": "int8",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "money": "int8",
    "currency": "text",
    "choice": "text",
    "tags": "text",
    "json": "jsonb",
    "link": "uuid",
    "number": "float8",
}
# Prefixes use ^@ on the folded key: leakproof, so it stays an index condition under row security.
# Inclusion uses strpos and not LIKE: nothing in the value can act as a pattern.
_FORMS: dict[str, str] = {
    "=": "{column} = {value}",
    "<": "{column} < {value}",
    "<=": "{column} <= {value}",
    ">": "{column} > {value}",
    ">=": "{column} >= {value}",
    "in": "{column} = ANY({values})",
    "between": "({column} >= {value} AND {column} <= {second})",
    "during": "({column} >= {value} AND {column} < {second})",
    "tagged": "{value} = ANY({column})",
    "contains": "strpos(crm_fold({column}), crm_fold({value})) > 0",
    "key_contains": "strpos({column}, crm_fold({value})) > 0",
    "starts_with": "crm_fold({column}) ^@ crm_fold({value})",
    "key_starts_with": "{column} ^@ crm_fold({value})",
    "plain_contains": "strpos({column}, lower({value})) > 0",
    "plain_starts_with": "{column} ^@ lower({value})",
    "null": "({column} IS NULL)",
    "blank": "({column} IS NULL OR {column} = '')",
    "no_tags": "({column} IS NULL OR cardinality({column}) = 0)",
    "no_keys": "({column} IS NULL OR {column} = '{{}}'::jsonb)",
}
_NOTHING = ("null", "blank", "no_tags", "no_keys")
_PLACEHOLDERS = {"between": 2, "during": 2} | dict.fromkeys(_NOTHING, 0)


class Step(msgspec.Struct, frozen=True):
    """One link that is followed: its column, the target's table, and which rows may be seen."""

    column: str
    table: str
    predicate: str


class Leaf(msgspec.Struct, frozen=True):
    """One comparison. ``negated`` makes it the exact complement, empty values included."""

    form: str
    column: str
    type: str
    negated: bool = False
    steps: tuple[Step, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Parts of which all or any must hold, or the one that must not."""

    word: Literal["all", "any", "not"]
    parts: tuple["Leaf | Group", ...]


Shape = Leaf | Group


def leaves(shape: Shape) -> Iterator[Leaf]:
    """Yield all comparisons of a shape."""
    if isinstance(shape, Leaf):
        yield shape
    else:
        for part in shape.parts:
            yield from leaves(part)


def parts_of(shape: Shape) -> Iterator[Shape]:
    """Yield what all must hold for a row to pass, in the order of the values."""
    if isinstance(shape, Group) and shape.word == "all":
        for part in shape.parts:
            yield from parts_of(part)
    else:
        yield shape


def is_plain(part: Shape) -> TypeGuard[Leaf]:
    """Return whether a part compares a column of the entity itself."""
    return isinstance(part, Leaf) and not part.negated and not part.steps


def render(shape: Shape, alias: str, numbers: Iterator[int]) -> str:
    """Return the condition on the rows of ``alias``; ``numbers`` counts the placeholders."""
    if isinstance(shape, Leaf):
        return _leaf(shape, alias, numbers)
    parts = [render(part, alias, numbers) for part in shape.parts]
    if shape.word == "not":
        return f"(({parts[0]}) IS NOT TRUE)"
    if not parts:
        return "true" if shape.word == "all" else "false"
    return "(" + (" AND " if shape.word == "all" else " OR ").join(parts) + ")"


def _leaf(leaf: Leaf, alias: str, numbers: Iterator[int]) -> str:
    if leaf.steps:
        # Over a link, "is empty" means that no visible record there has a value.
        found = _exists(leaf, alias, 0, numbers)
        return f"NOT {found}" if leaf.negated != (leaf.form in _NOTHING) else found
    if leaf.negated and leaf.form == "=":
        return f'{alias}."{leaf.column}" IS DISTINCT FROM ${next(numbers)}::{leaf.type}'
    found = _comparison(leaf, alias, numbers)
    return f"({found}) IS NOT TRUE" if leaf.negated else found


def _comparison(leaf: Leaf, alias: str, numbers: Iterator[int]) -> str:
    count = _PLACEHOLDERS.get(leaf.form, 1)
    values = [f"${next(numbers)}::{leaf.type}" for _ in range(count)] + ["", ""]
    return _FORMS[leaf.form].format(
        column=f'{alias}."{leaf.column}"',
        value=values[0],
        values=f"{values[0]}[]",
        second=values[1],
    )


def _exists(leaf: Leaf, alias: str, position: int, numbers: Iterator[int]) -> str:
    """Follow the links by EXISTS: a join would multiply rows and break counts."""
    if position == len(leaf.steps):
        found = _comparison(leaf, alias, numbers)
        return f"NOT {found}" if leaf.form in _NOTHING else found
    step, own = leaf.steps[position], f"k{position + 1}"
    inner = _exists(leaf, own, position + 1, numbers)
    source = f'"{step.table}" {own} WHERE {own}."tenant_id" = $1 AND {own}."deleted_at" IS NULL'
    linked = f'{own}."id" = {alias}."{step.column}" AND ({step.predicate})'
    # Every part comes from the registry or from the rights.
    return f"EXISTS (SELECT 1 FROM {source} AND {linked} AND {inner})"
