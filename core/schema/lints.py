"""What must hold in the catalogue before anything is served; each finding names its object."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import StartRefused
from core.model.entities import Declaration
from core.model.standard_fields import STANDARD_TYPES
from core.postgres.roles import Unfit, refuse_unfit
from core.registry.registry import Registry
from core.schema.catalogue import (
    AUDIT,
    KEYS,
    POLICIES,
    PRIVILEGES,
    RULES,
    TABLES,
    TENANT_EXPRESSION,
    WITH,
    Rule,
)
from core.schema.chains import pending, stored_and_head
from core.schema.sql.audit_triggers import BESIDE, EXEMPT, NOISE
from core.schema.sql.scopes import role_policy
from core.schema.sync import policy_mark

GLOBAL_TABLES = {
    "core_tenant": "the directory of the tenants",
    "core_attempt": "counts failed sign-ins, which may name no tenant; without grants",
    "core_search_entity": "numbers the entities for their lexemes; without grants",
}
EXEMPT_INDEXES = {
    "core_user_email_any": "finds the one tenant that knows an address, inside a definer function",
    "core_search_document_tsv": "each lexeme in it begins with the tenant's number; without grants",
}
_FIXED: dict[str, Any] = {
    "global_tables": list(GLOBAL_TABLES),
    "exempt_indexes": list(EXEMPT_INDEXES),
    "tenant_expression": TENANT_EXPRESSION,
    "unaudited_tables": list(EXEMPT),
    "unaudited_columns": [
        *BESIDE,
        *(f"{t}.{name}" for t, names in NOISE.items() for name in names),
    ],
}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# PostgreSQL's own names for what SQLAlchemy writes in its DDL.
_NAMES = {"VARCHAR": "character varying", "FLOAT": "double precision"}


async def lint(
    connection: AsyncConnection, registry: Registry, quarantined: Collection[str] = ()
) -> None:
    """Refuse with ``StartRefused`` every object that breaks a rule of the schema."""
    found = await findings(connection, registry, quarantined)
    if found:
        listed = "\n".join(f"- {one}" for one in found)
        raise StartRefused(f"the database is not fit to be served:\n{listed}")


async def findings(
    connection: AsyncConnection, registry: Registry, quarantined: Collection[str] = ()
) -> list[str]:
    """Return one sentence per broken rule and object, in the order of the rules.

    What the plugins in ``quarantined`` declare may be absent: their chains did not get so far.
    """
    served = {name for name in registry.plugins if name not in quarantined}
    given = _parameters(registry, served)
    return await connection.run_sync(_broken, RULES, given)


def broken_by_revision(connection: sa.Connection) -> list[str]:
    """Return what ``findings`` does for the rules that must hold even between two revisions."""
    return _broken(connection, (*TABLES, *POLICIES, *KEYS, *PRIVILEGES, *AUDIT), dict(_FIXED))


def _broken(connection: sa.Connection, rules: Sequence[Rule], given: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for rule in rules:
        text = sa.text(WITH + rule.sql)
        names = text.compile().params
        rows = connection.execute(text, {name: given.get(name, []) for name in names}).all()
        found.extend(sorted(f"{rule.sentence.format(*row)} [{rule.name}]" for row in rows))
    return found


async def refuse_unfit_catalogue(connection: AsyncConnection, registry: Registry) -> None:
    """Refuse to serve as a role that row security does not bind, or a schema that breaks a rule."""
    raw = await connection.get_raw_connection()
    try:
        await refuse_unfit(raw.driver_connection)
    except Unfit as unfit:
        raise StartRefused(str(unfit)) from None
    state = await stored_and_head(connection, registry)
    await lint(connection, registry, pending(state, registry))


def _parameters(registry: Registry, served: Collection[str]) -> dict[str, Any]:
    entities = [e for e in registry.entities.values() if e.plugin in served]
    wanted = [(e.table, *column) for e in entities for column in _required_columns(e, served)]
    known = [(e.table, name) for e in entities for name in _known(e)]
    added = [
        (e.table, f.name)
        for e in entities
        for f in e.fields.values()
        if f.plugin in served and f.plugin != e.plugin and f.name in e.column_types
    ]
    return {
        **_FIXED,
        "served": sorted(served),
        "role_tables": [e.table for e in entities],
        "role_marks": [policy_mark(role_policy(e, registry.entities)) for e in entities],
        "entity_tables": [e.table for e in entities],
        "entity_names": [e.name for e in entities],
        "wanted_tables": [table for table, _, _ in wanted],
        "wanted_columns": [name for _, name, _ in wanted],
        "wanted_types": [kind for _, _, kind in wanted],
        "known_tables": [table for table, _ in known],
        "known_columns": [name for _, name in known],
        "added_tables": [table for table, _ in added],
        "added_columns": [name for _, name in added],
    }


def _required_columns(entity: Declaration, served: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield name and type of each column that the entity's table must have."""
    for name, type_ in (STANDARD_TYPES | entity.column_types).items():
        field = entity.fields[name]
        if field.plugin in served:
            yield name, _type_name(type_)
            if field.has_key:
                yield field.sort_column, "text"


def _known(entity: Declaration) -> Iterator[str]:
    """Yield each column that the entity's table may have."""
    yield "tenant_id"
    for name in STANDARD_TYPES | entity.column_types:
        yield name
        if entity.fields[name].kind in ("text", "email", "phone", "long_text", "choice"):
            yield f"{name}_key"


def _type_name(type_: Any) -> str:
    """Return a column type as the server prints it."""
    ddl = str(type_.compile(dialect=_DIALECT))
    word, bracket, rest = ddl.partition("(")
    return _NAMES.get(word, word.lower()) + bracket + rest.lower()
