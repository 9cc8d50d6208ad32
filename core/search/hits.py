"""What people ask and what is found: a bounded phrase, and the newest records that match it."""

import re
import unicodedata
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core import criteria
from core.criteria.sql import Leaf
from core.errors import Invalid
from core.model.entities import Declaration
from core.runtime.context import Context
from core.schema.sql.search_function import function_name
from core.schema.sql.search_terms import classes

# Filters, sort and count apply to the newest hits, at most so many (ruling 30).
CAP = 1_000
MOST_LETTERS = 100
MOST_WORDS = 12
_WORD = re.compile(r"[^\W_]+")


class Hits(msgspec.Struct, frozen=True):
    """The newest records that match, at most ``CAP``; ``capped`` says that there are more."""

    ids: list[UUID]
    capped: bool = False

    def among(self) -> criteria.Checked:
        """Return the criteria of being one of them."""
        return criteria.Checked(Leaf("in", "id", "uuid"), [self.ids], None)


def read_phrase(name: str, text: str) -> str | None:
    """Return what to search for, None when nothing is; refuses what is too long to be meant."""
    phrase = text.strip()
    if "\0" in phrase or any("\ud800" <= c <= "\udfff" for c in phrase):
        raise Invalid.field(f"?{name}", "A parameter holds unusable text.", "text")
    if len(phrase) > MOST_LETTERS:
        raise Invalid.field(
            f"?{name}", f"{name} has at most {MOST_LETTERS} characters.", "max_length"
        )
    plain = unicodedata.normalize("NFKD", phrase)
    pieces = "".join(c for c in plain if not unicodedata.category(c).startswith("M")).split()
    if sum(1 if "@" in piece else len(_WORD.findall(piece)) for piece in pieces) > MOST_WORDS:
        raise Invalid.field(f"?{name}", f"{name} has at most {MOST_WORDS} words.", "too_many")
    return phrase or None


def searchable(ctx: Context, entity: Declaration) -> list[str]:
    """Return the classes of lexemes in which the caller may search the entity."""
    return classes(entity, ctx.rights.visible(entity.name))


async def find(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, phrase: str
) -> Hits:
    """Return the records that the caller may list and that match in what they see of them."""
    scopes = ctx.rights.scopes(entity.name, "list")
    ids: list[Any] = await connection.fetchval(
        f"SELECT ARRAY(SELECT {function_name(entity)}($1, $2, $3, $4))",
        phrase,
        searchable(ctx, entity),
        list(scopes),
        CAP + 1,
    )
    return Hits(ids[:CAP], len(ids) > CAP)
