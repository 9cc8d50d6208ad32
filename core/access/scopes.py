"""A scope as SQL: one expression serves the query layer and the row policy alike.

The principal's attributes are read from the transaction's settings, so the text has no
parameters and is the same for every principal of a role.
"""

from collections.abc import Mapping

from core.entities import Declaration, Through

TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
PRINCIPAL = "nullif(current_setting('app.principal', true), '')::uuid"


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
        sql = condition(entity, scope, entity.table, entities)
        parts.append(f"({held(scope)} AND {sql})")
    return "(" + " OR ".join(parts) + ")"
