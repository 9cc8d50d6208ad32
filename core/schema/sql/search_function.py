"""The function that finds the records of one entity: capped, newest first, within the scopes.

The role policy is compiled into it, because the cap must come after the scope: a seller's ten hits
behind a thousand others would never be seen (ruling 30).
"""

from collections.abc import Mapping

from core.model.entities import Declaration
from core.registry.registry import Registry
from core.schema.sql.routines import Generated, routine_name
from core.schema.sql.scopes import condition

# Of a scope with no more records than this, each document is looked at.
NARROW = 2_000
ARGUMENTS = "text, text[], text[], integer"

_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}(phrase text, classes text[], wanted text[], most integer)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1000
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  held text[] := crm_scopes('{entity}');
  template text := crm_search_template(phrase, classes);
  kind smallint;
  place text;
  mine uuid[];
BEGIN
  SELECT e.number, t.number || '.' || e.number INTO kind, place
    FROM core_search_entity e, core_tenant t WHERE e.name = '{entity}' AND t.id = tenant;
  IF kind IS NULL OR template IS NULL OR held IS NULL THEN
    RETURN;
  END IF;
  IF NOT 'all' = ANY (held) THEN
    wanted := ARRAY(SELECT unnest(wanted) INTERSECT SELECT unnest(held));
  END IF;
  IF 'all' = ANY (wanted) THEN
    RETURN QUERY {every};
    RETURN;
  END IF;{narrow}
  RETURN QUERY {within};
END $$
"""
# The fences (OFFSET 0) keep the GIN in front: to walk a key backwards until enough hits have come
# by is what the planner likes best, and slowest for a rare word.
_EVERY = """SELECT h.record_id FROM crm_search_steps(tenant, kind, place, template) AS s
      CROSS JOIN LATERAL (
        SELECT m.record_id FROM (
          SELECT d.record_id FROM core_search_document d
           WHERE d.tsv @@ s.condition AND d.tenant_id = tenant AND d.entity = kind OFFSET 0
        ) AS m ORDER BY m.record_id DESC LIMIT most) AS h LIMIT most"""
_WITHIN = """SELECT h.record_id FROM crm_search_steps(tenant, kind, place, template) AS s
      CROSS JOIN LATERAL (
        SELECT m.record_id FROM (
          SELECT d.record_id FROM core_search_document d
           WHERE d.tsv @@ s.condition AND d.tenant_id = tenant AND d.entity = kind
           ORDER BY d.record_id DESC OFFSET 0
        ) AS m WHERE (
          SELECT {condition} FROM {table} x WHERE x.tenant_id = tenant AND x.id = m.record_id)
        LIMIT most) AS h LIMIT most"""
_NARROW = """
  IF wanted = ARRAY['{scope}'] THEN
    mine := ARRAY(SELECT x.id FROM {table} x
      WHERE x.tenant_id = tenant AND x.deleted_at IS NULL AND {condition} LIMIT {most} + 1);
    IF cardinality(mine) <= {most} THEN
      RETURN QUERY SELECT d.record_id FROM unnest(mine) AS m (id)
        CROSS JOIN LATERAL (SELECT o.record_id, o.tsv FROM core_search_document o
          WHERE o.tenant_id = tenant AND o.entity = kind AND o.record_id = m.id OFFSET 0) AS d
       WHERE d.tsv @@ (SELECT string_agg(s.condition::text, '|')::tsquery
                         FROM crm_search_steps(tenant, kind, place, template) AS s)
       ORDER BY d.record_id DESC LIMIT most;
      RETURN;
    END IF;
  END IF;"""


def function_name(entity: Declaration) -> str:
    """Return the name of the function that finds records of ``entity``."""
    return routine_name("find", entity.table)


def generated(registry: Registry, entity: Declaration) -> Generated:
    """Return the function; nobody but the application may call it."""
    name = function_name(entity)
    conditions = {
        scope: condition(entity, scope, "x", registry.entities)
        for scope in ("author", *entity.scopes)
    }
    function = _FUNCTION.format(
        name=name,
        entity=entity.name,
        every=_EVERY,
        narrow="".join(_narrow(entity, scope, conditions) for scope in entity.scopes),
        within=_WITHIN.format(condition=_any(conditions), table=entity.table),
    )
    return Generated(
        name=name,
        table=entity.table,
        arguments=ARGUMENTS,
        statements=(
            function,
            f"REVOKE ALL ON FUNCTION {name}({ARGUMENTS}) FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {name}({ARGUMENTS}) TO crm_app",
        ),
    )


def _narrow(entity: Declaration, scope: str, conditions: Mapping[str, str]) -> str:
    """Return the way for a scope of few records; that of an author has no index to find them."""
    return _NARROW.format(
        scope=scope,
        table=entity.table,
        condition=conditions[scope],
        most=NARROW,
    )


def _any(conditions: Mapping[str, str]) -> str:
    parts = [f"('{scope}' = ANY (wanted) AND {sql})" for scope, sql in conditions.items()]
    return " OR ".join(parts)
