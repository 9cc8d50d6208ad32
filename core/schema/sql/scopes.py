"""A scope as SQL: one expression serves the query layer and the row policy alike.

The principal's attributes are read from the transaction's settings, so the text has no
parameters and is the same for every principal of a role.
"""

from collections.abc import Iterator, Mapping

from core.model.aggregates import Through
from core.model.entities import Declaration
from core.schema.sql.routines import Generated, routine_name

TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
PRINCIPAL = "nullif(current_setting('app.principal', true), '')::uuid"
# What a scope over a link table asks in a policy, as functions: a sub-query there would be walled
# itself, which keeps the planner from reading in parallel and prices each row forty times too high.
# Statements that find rows by their key ask for each row; the others fetch all ids once.
LINKED = routine_name("linked")
KEYED = "(SELECT current_setting('plan_cache_mode') = 'force_generic_plan')"
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}({argument}) RETURNS {returns} LANGUAGE plpgsql
STABLE PARALLEL SAFE SECURITY DEFINER COST {cost}
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
BEGIN
  {body};
END $$
"""


def attribute(scope: str) -> str:
    """Return the SQL of the principal's attribute for ``scope``; null when it has none."""
    return f"nullif(current_setting('app.scope_{scope}', true), '')::uuid"


def condition(
    entity: Declaration, scope: str, alias: str, entities: Mapping[str, Declaration]
) -> str:
    """Return the SQL that holds for the rows of ``entity`` inside ``scope``.

    A null attribute or column never matches. A scope over a link table matches through any live
    row of it.
    """
    if scope == "all":
        return "true"
    if scope == "author":
        return f"{alias}.created_by = {PRINCIPAL}"
    path = entity.scopes[scope]
    if isinstance(path, str):
        return f"{alias}.{path} = {attribute(scope)}"
    return _through(path, scope, alias, entities[path.entity])


def _through(path: Through, scope: str, alias: str, link: Declaration) -> str:
    inner = f"{alias}_{scope}"
    return (
        f"EXISTS (SELECT 1 FROM {link.table} {inner} WHERE {inner}.tenant_id = {alias}.tenant_id"
        f" AND {inner}.{path.here} = {alias}.{path.local}"
        f" AND {inner}.{path.there} = {attribute(scope)}"
        f" AND {inner}.deleted_at IS NULL)"
    )


def role_policy(entity: Declaration, entities: Mapping[str, Declaration]) -> str:
    """Return the expression of the table's role policy: the widest scope held for any action.

    The scopes come from ``app.scopes``. Sub-selects without a table are evaluated once per
    statement, so that a row costs one comparison.
    """

    def held(scope: str) -> str:
        return f"(SELECT '{scope}' = ANY (crm_scopes('{entity.name}')))"

    parts = [held("all")]
    for scope in ("author", *entity.scopes):
        path = entity.scopes.get(scope)
        if isinstance(path, Through):
            sql = _linked(path, scope, entity.table, entities[path.entity])
        else:
            sql = condition(entity, scope, entity.table, entities)
        parts.append(f"({held(scope)} AND {sql})")
    return "(" + " OR ".join(parts) + ")"


def _linked(path: Through, scope: str, alias: str, link: Declaration) -> str:
    every, one = (f(link, path, scope) for f in (_name_of_all, _name_of_one))
    column = f"{alias}.{path.local}"
    return f"CASE WHEN {KEYED} THEN {one}({column}) ELSE {column} IN (SELECT {every}()) END"


def _name_of_all(link: Declaration, path: Through, scope: str) -> str:
    return routine_name("linked", link.table, path.here, scope)


def _name_of_one(link: Declaration, path: Through, scope: str) -> str:
    return routine_name("linked", "one", link.table, path.here, scope)


def generated(link: Declaration, entities: Mapping[str, Declaration]) -> Iterator[Generated]:
    """Yield the functions that say which records are linked to the principal through ``link``.

    They tell a session nothing but what its own attributes, set by the kernel, let it see anyway.
    """
    found = {
        (path.here, path.there, scope): path
        for entity in entities.values()
        for scope, path in entity.scopes.items()
        if isinstance(path, Through) and path.entity == link.name
    }
    for (_, _, scope), path in found.items():
        rows = (
            f"FROM {link.table} l WHERE l.tenant_id = {TENANT} AND l.deleted_at IS NULL"
            f" AND l.{path.there} = {attribute(scope)}"
        )
        yield _function(
            link,
            _name_of_all(link, path, scope),
            returns="SETOF uuid",
            cost="1000 ROWS 1000",
            body=f"RETURN QUERY SELECT l.{path.here} {rows} AND l.{path.here} IS NOT NULL",
        )
        yield _function(
            link,
            _name_of_one(link, path, scope),
            argument="uuid",
            returns="boolean",
            cost="10",
            body=f"RETURN EXISTS (SELECT 1 {rows} AND l.{path.here} = $1)",
        )


def _function(link: Declaration, name: str, *, argument: str = "", **parts: str) -> Generated:
    return Generated(
        name=name,
        table=link.table,
        arguments=argument,
        statements=(
            _FUNCTION.format(name=name, argument=argument, **parts),
            f"REVOKE ALL ON FUNCTION {name}({argument}) FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {name}({argument}) TO crm_app",
        ),
    )
