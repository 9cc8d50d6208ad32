"""Which fields of an entity are searched, in which classes of lexemes, and how each is worded."""

from collections.abc import Collection, Iterator

import msgspec

from core.model.entities import Declaration
from core.model.fields import Field

# The calling codes (ITU-T E.164). PostgreSQL takes the longest match, so none begins another.
COUNTRY = (
    r"^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|(2[1-689]|3[578]|42|5[09]|6[7-9]|8[035789]|9[679])[0-9])"
)


class Group(msgspec.Struct, frozen=True):
    """Fields that the same people see: those of everybody, or one that some do not see.

    ``suffix`` tells their lexemes from the others.
    """

    suffix: str
    fields: tuple[Field, ...]

    def words(self, alias: str) -> str:
        """Return the SQL of all words of a row."""
        plain = [_plain(f, alias) for f in self.fields if f.kind != "phone"]
        parts = [part for f in self.fields for part in _whole(f, alias)]
        if plain:
            parts.insert(0, f"crm_search_words(concat_ws(' ', {', '.join(plain)}))")
        return f"concat_ws(' ', {', '.join(parts)})"


def is_open(entity: Declaration, field: Field) -> bool:
    """Whether everybody who may list the entity sees the field, whatever plugins are on."""
    return field.audience == "all" and field.plugin == entity.plugin


def searched(entity: Declaration) -> Iterator[Field]:
    """Yield the fields that are searched: stored ones that anybody sees."""
    for field in entity.fields.values():
        if field.search and not field.sql and field.audience != ():
            yield field


def suffix(entity: Declaration, field: Field) -> str:
    """Return what tells the lexemes of a field from those of the fields that all see."""
    return "" if is_open(entity, field) else f".{field.name}"


def groups(entity: Declaration, columns: Collection[str]) -> list[Group]:
    """Return the classes of lexemes of an entity, by what its table has."""
    found: dict[str, list[Field]] = {}
    for field in searched(entity):
        if field.name in columns:
            found.setdefault(suffix(entity, field), []).append(field)
    return [Group(name, tuple(fields)) for name, fields in sorted(found.items())]


def classes(entity: Declaration, visible: Collection[str]) -> list[str]:
    """Return the classes that somebody who sees the fields ``visible`` may search."""
    return sorted({suffix(entity, f) for f in searched(entity) if f.name in visible})


def _plain(field: Field, alias: str) -> str:
    column = f"{alias}.{field.name}"
    if field.kind == "tags":
        return f"array_to_string({column}, ' ')"
    return column


def _whole(field: Field, alias: str) -> Iterator[str]:
    """Yield what is a term as a whole: an address, a number with its end and without its code."""
    column = f"{alias}.{field.name}"
    if field.kind == "email":
        yield f"crm_search_address({column})"
    elif field.kind == "phone":
        digits = f"regexp_replace({column}, '[^0-9]', '', 'g')"
        national = f"regexp_replace(regexp_replace({column}, '{COUNTRY}', ''), '[^0-9]', '', 'g')"
        yield digits
        yield f"ltrim({national}, '0')"
        yield f"'~' || reverse({digits})"
