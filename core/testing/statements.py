"""Which tables a statement reads or writes without naming the tenant (ruling 2).

A small reader of SQL: tokens, parentheses, scopes. A table's tenant is named when its ``tenant_id``
is compared in WHERE, ON or USING with a value, or with that of a table whose tenant is named; an
INSERT names it among its columns. The select list does not count.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from core.schema.lints import GLOBAL_TABLES

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>[eE]?'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<name>(?:"[^"]+"|[A-Za-z_]\w*)(?:\.(?:"[^"]+"|[A-Za-z_]\w*|\*))*)|(?P<other>\$\d+|\d[\w.]*
    |::|[<>=!]+|.)""",
    re.DOTALL | re.VERBOSE,
)
_STATEMENTS = ("select", "insert", "update", "delete", "with", "values")
# What may follow a table without being its alias.
_AFTER_TABLE = re.compile(
    "where|set|on|using|join|left|right|inner|full|cross|natural|order|group|having|limit|offset"
    "|returning|union|intersect|except|for|as|values|default|select|window|fetch|overriding"
    "|tablesample"
)
_COMBINE = ("union", "intersect", "except")


class Group(list["str | Group"]):
    """What stands between two parentheses."""

    @property
    def is_query(self) -> bool:
        """Whether this is a statement of its own, with tables of its own."""
        first = self[0] if self else ""
        return isinstance(first, str) and first in _STATEMENTS


def unnamed(sql: str) -> tuple[str, ...]:
    """Return the tenant tables of ``sql`` whose tenant is not named, each once, in order."""
    return _unnamed(sql)


@cache
def _unnamed(sql: str) -> tuple[str, ...]:
    found: list[str] = []
    for statement in _statements(sql):
        if statement.is_query:
            found += _unnamed_tables(statement, frozenset(_ctes(statement)), {})
    return tuple(dict.fromkeys(found))


def _tokens(sql: str) -> Iterator[str]:
    for match in _TOKEN.finditer(sql):
        if match["name"]:
            name = match["name"]
            yield name.replace('"', "") if '"' in name else name.lower()
        elif match["text"]:
            yield "''"
        elif match["other"]:
            yield match["other"]


def _statements(sql: str) -> list[Group]:
    done: list[Group] = []
    stack = [Group()]
    for token in _tokens(sql):
        if token == "(":
            stack.append(Group())
        elif token == ")" and len(stack) > 1:
            inner = stack.pop()
            stack[-1].append(inner)
        elif token == ";" and len(stack) == 1:
            done.append(stack.pop())
            stack.append(Group())
        else:
            stack[-1].append(token)
    return [*done, stack[0]]


def _ctes(group: Group) -> Iterator[str]:
    """Yield the names of all common table expressions, at any depth."""
    for place, node in enumerate(group):
        if not isinstance(node, Group):
            continue
        yield from _ctes(node)
        back = place - 1
        while back > 0 and group[back] in ("materialized", "not"):
            back -= 1
        if node.is_query and back > 0 and group[back] == "as":
            named = group[back - 1]
            named = group[back - 2] if isinstance(named, Group) and back > 1 else named
            if isinstance(named, str):
                yield named


def _unnamed_tables(query: Group, ctes: frozenset[str], outer: Mapping[str, bool]) -> list[str]:
    """Return the unnamed tables of a statement and of everything inside it."""
    found: list[str] = []
    for scope in _scopes(query):
        flat = list(_flat(scope))
        tables = dict(_tables(scope, ctes))
        named = _named(flat, set(tables), outer)
        found += [tables[alias] for alias in tables if not named[alias]]
        found += _insert(scope, ctes)
        inside = {**outer, **named}
        for node in flat:
            if isinstance(node, Group):
                found += _unnamed_tables(node, ctes, inside)
    return found


def _scopes(query: Group) -> list[Group]:
    """Split at UNION and its like, and an INSERT from the SELECT that feeds it."""
    scopes = [Group()]
    for node in query:
        feeds = node == "select" and "insert" in scopes[-1]
        if feeds or (isinstance(node, str) and node in _COMBINE):
            scopes.append(Group())
        scopes[-1].append(node)
    return scopes


def _flat(group: Group) -> "Iterator[str | Group]":
    """Yield the tokens of a scope; parentheses that are no query belong to it."""
    for node in group:
        if isinstance(node, Group) and not node.is_query:
            yield "("
            yield from _flat(node)
            yield ")"
        else:
            yield node


def _tables(scope: Sequence["str | Group"], ctes: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (alias, table) of each tenant table that the scope reads, updates or deletes."""
    for place, node in enumerate(scope):
        before = scope[place - 1] if place else ""
        reads = node in ("from", "join") and before != "distinct"
        reads |= node == "using" and "delete" in scope
        writes = node == "update" and before not in ("for", "do", "on", "key")
        if reads or writes:
            yield from _items(scope, place + 1, ctes)


def _items(
    scope: Sequence["str | Group"], place: int, ctes: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Yield (alias, table) of a list of tables, joined by commas, that begins at ``place``."""
    while place < len(scope):
        if scope[place] in ("only", "lateral"):
            place += 1
            continue
        item = scope[place]
        place += 1
        alias, place = _alias(scope, place)
        if isinstance(item, Group):
            if not item.is_query:
                yield from _items(item, 0, ctes)
                yield from _tables(item, ctes)
        elif alias != "(" and _is_tenant_table(item, ctes):
            yield alias or item.rpartition(".")[2], item
        if place >= len(scope) or scope[place] != ",":
            return
        place += 1


def _alias(scope: Sequence["str | Group"], place: int) -> tuple[str, int]:
    """Return the alias at ``place``, or "(" for the arguments of a function, and what follows."""
    if place < len(scope) and isinstance(scope[place], Group):
        _, place = _alias(scope, place + 1)
        return "(", place
    if place < len(scope) and scope[place] == "as":
        place += 1
    node = scope[place] if place < len(scope) else ","
    if isinstance(node, str) and re.fullmatch(r"\w+", node) and not _AFTER_TABLE.fullmatch(node):
        place += 1
        if place < len(scope) and isinstance(scope[place], Group):
            place += 1  # names of the columns
        return node, place
    return "", place


def _is_tenant_table(name: str, ctes: frozenset[str]) -> bool:
    """Return whether ``name`` is a tenant table; the lint admits no others than these."""
    plain = name.removeprefix("public.")
    if not re.fullmatch(r"[a-z]\w*", plain) or plain in ctes or plain in GLOBAL_TABLES:
        return False
    return not plain.startswith(("pg_", "alembic_version_", "import_"))


def _named(
    flat: list["str | Group"], aliases: set[str], outer: Mapping[str, bool]
) -> dict[str, bool]:
    """Return, per alias, whether its tenant is named in the conditions of the scope."""
    start = next((i for i, node in enumerate(flat) if node in ("where", "on", "using")), len(flat))
    named = dict.fromkeys(aliases, False)
    links: list[tuple[str, str]] = []
    for place in range(start, len(flat)):
        for alias in _subject(flat[place], aliases):
            other = _compared_with(flat, place)
            if other is None:
                continue
            partners = _subject(other, aliases | set(outer))
            links += [(alias, partner) for partner in partners]
            if alias in named and not partners:
                named[alias] = True
    for _ in links:
        for one, two in links:
            both = {**outer, **named}
            for alias, partner in ((one, two), (two, one)):
                if both.get(partner) and alias in named:
                    named[alias] = True
    return named


def _subject(node: "str | Group", aliases: set[str]) -> list[str]:
    """Return the aliases whose tenant_id a token is; an unqualified one may be any of them."""
    if not isinstance(node, str):
        return []
    alias, dot, column = node.rpartition(".")
    if column != "tenant_id":
        return []
    return [alias.rpartition(".")[2]] if dot else sorted(aliases)


def _compared_with(flat: list["str | Group"], place: int) -> "str | Group | None":
    """Return what the token at ``place`` is compared with, or None when it is not."""
    after = flat[place + 1] if place + 1 < len(flat) else ""
    if after == "=" and place + 2 < len(flat):
        return flat[place + 2]
    if after == "in" or flat[place - 1] == "=":
        return flat[place - 2] if flat[place - 1] == "=" else "in"
    opened = next((i for i in range(place, -1, -1) if flat[i] in ("(", "where", "on")), 0)
    closed = next((i for i in range(place, len(flat)) if flat[i] == ")"), len(flat))
    if flat[opened] != "(":
        return None
    if flat[opened - 1] == "using" or (closed + 1 < len(flat) and flat[closed + 1] in ("=", "in")):
        return "row"  # (tenant_id, id) = (...), or JOIN ... USING (tenant_id)
    return None


def _insert(scope: Group, ctes: frozenset[str]) -> list[str]:
    """Return the table of an INSERT whose columns do not name the tenant."""
    for place, node in enumerate(scope[:-1]):
        table = scope[place + 1]
        if node == "into" and isinstance(table, str) and _is_tenant_table(table, ctes):
            rest = scope[place + 2 :]
            columns = (rest[2:] if rest[:1] == ["as"] else rest)[:1]
            names = columns[0] if columns else ""
            return [] if isinstance(names, Group) and "tenant_id" in names else [table]
    return []
