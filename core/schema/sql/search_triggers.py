"""What keeps the search index in step with the tables: one trigger function per searchable entity.

Whatever reaches a table reaches the index in the same statement, set-based: inserts of one row or
of a million, changes of what is searched, the way to the trash and back, deletes and cascades.
"""

from collections.abc import Iterator, Sequence

from core.model.entities import Declaration
from core.registry.registry import Registry
from core.schema.sql import search_function
from core.schema.sql.routines import LONGEST, Generated, routine_name
from core.schema.sql.search_terms import groups

# Documents of one shelf: see migrations/versions/0005_search.py.
SHELF = 25_000
# From this many rows on a statement gets shelves of its own, and a longer list of what the GIN has
# yet to sort in, which it sorts in itself at its end. In normal work that list stays short: each
# search reads all of it, and some insert has to wait while it is sorted in.
MANY = 10_000

# Plans are made once per connection and must be right for one row as for a million: transition
# tables lead, the index follows by its key.
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET gin_pending_list_limit = 256 AS $$
DECLARE
  place record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    FOR place IN {places} LOOP
      IF place.amount > {many} THEN
        PERFORM set_config('gin_pending_list_limit', '65536', true);
        {shelve_new}
        place.shelved := true;
      ELSIF random() * {shelf} < place.amount THEN
        {shelve_one}
      END IF;
      {inserted};
      IF place.amount > {many} THEN
        PERFORM gin_clean_pending_list('core_search_document_tsv'::regclass);
      END IF;
    END LOOP;
  ELSIF TG_OP = 'UPDATE' THEN
    DELETE FROM core_search_document d USING ({gone}) g
     WHERE d.tenant_id = g.tenant_id AND d.entity = {number} AND d.record_id = g.id;
    FOR place IN {places} LOOP
      {updated}
      ON CONFLICT (tenant_id, entity, record_id) DO UPDATE SET tsv = excluded.tsv;
    END LOOP;
  ELSIF TG_OP = 'DELETE' THEN
    DELETE FROM core_search_document d USING old_rows o
     WHERE d.tenant_id = o.tenant_id AND d.entity = {number} AND d.record_id = o.id;
  ELSE
    DELETE FROM core_search_document d WHERE d.entity = {number};
  END IF;
  RETURN NULL;
END $$
"""
_NUMBER = "(SELECT e.number FROM core_search_entity e WHERE e.name = '{entity}')"
_PLACES = """
      SELECT t.id, e.number AS entity, t.number || '.' || e.number AS prefix, c.amount,
             EXISTS (SELECT FROM core_search_shelf s
                      WHERE s.tenant_id = t.id AND s.entity = e.number) AS shelved
        FROM core_search_entity e,
             (SELECT n.tenant_id, count(*) AS amount FROM {rows} n GROUP BY n.tenant_id) c
        JOIN core_tenant t ON t.id = c.tenant_id
       WHERE e.name = '{entity}'"""
_SHELVE_ONE = """
        INSERT INTO core_search_shelf (tenant_id, entity, first_id, number)
        SELECT place.id, place.entity, n.id, 1 + (SELECT count(*) FROM core_search_shelf s
                WHERE s.tenant_id = place.id AND s.entity = place.entity)
          FROM new_rows n WHERE n.tenant_id = place.id ORDER BY n.id LIMIT 1
        ON CONFLICT DO NOTHING;"""
_SHELVE_MANY = """
        INSERT INTO core_search_shelf (tenant_id, entity, first_id, number)
        SELECT place.id, place.entity, r.id, r.at / {shelf} + 1 + (
                SELECT count(*) FROM core_search_shelf s
                 WHERE s.tenant_id = place.id AND s.entity = place.entity)
          FROM (SELECT n.id, row_number() OVER (ORDER BY n.id) AS at
                  FROM {rows} n WHERE n.tenant_id = place.id) r
         WHERE r.at % {shelf} = 1
        ON CONFLICT DO NOTHING;"""
# One level, whatever it does: each join costs more than to index the words of one row.
_DOCUMENTS = """
      INSERT INTO core_search_document (tenant_id, entity, record_id, tsv)
      SELECT place.id, place.entity, w.id, {vector}
        FROM (SELECT n.id, {words},
                     place.prefix || CASE WHEN place.shelved THEN coalesce((
                       SELECT '/' || s.number FROM core_search_shelf s
                        WHERE s.tenant_id = place.id AND s.entity = place.entity
                          AND s.first_id <= n.id
                        ORDER BY s.first_id DESC LIMIT 1), '') ELSE '' END AS prefix
                FROM ({rows}) n WHERE n.tenant_id = place.id OFFSET 0) w"""
_TRIGGER = """
CREATE OR REPLACE TRIGGER {prefix}_{event} AFTER {event} ON {table}
{tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
LONGEST_PREFIX = LONGEST - len("_truncate")
_EVENTS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}
# Whoever writes waits meanwhile: the triggers above hold the table until the end.
_FILL = """
DO $$ DECLARE place record; BEGIN
  PERFORM set_config('gin_pending_list_limit', '65536', true);
  DELETE FROM core_search_document d WHERE d.entity = {number};
  DELETE FROM core_search_shelf s WHERE s.entity = {number};
  FOR place IN {places} LOOP
    IF place.amount > {many} THEN
      {shelve_old}
      place.shelved := true;
    END IF;
    {filled};
  END LOOP;
  IF EXISTS (SELECT FROM core_search_document) THEN
    PERFORM gin_clean_pending_list('core_search_document_tsv'::regclass);
  END IF;
END $$
"""
# What is no longer searched, or whose table is gone, leaves the index with all its words.
TIDY = """
DO $$ DECLARE gone smallint[]; BEGIN
  gone := ARRAY(SELECT e.number FROM core_search_entity e WHERE NOT EXISTS (
    SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relname = replace(e.name, '.', '_') AND starts_with(t.tgname, 'crm_g_search_')));
  IF gone <> '{}' THEN
    DELETE FROM core_search_document WHERE entity = ANY (gone);
    DELETE FROM core_search_shelf WHERE entity = ANY (gone);
    DELETE FROM core_search_entity WHERE number = ANY (gone);
  END IF;
END $$
"""
_NUMBERED = """
INSERT INTO core_search_entity (name, number)
SELECT '{entity}', coalesce(max(number), 0) + 1 FROM core_search_entity
ON CONFLICT (name) DO NOTHING
"""


def generated(
    registry: Registry, entity: Declaration, columns: frozenset[str]
) -> Iterator[Generated]:
    """Yield what a searchable entity's table carries; ``columns`` are those that it has.

    The rows that are there already enter the index with the function that will keep it: when an
    entity gains a search field its function changes, and so all its documents are made anew.
    """
    source = _Source(entity, columns)
    if not source.classes:
        return
    name = routine_name("search", entity.table)
    triggers = (
        _TRIGGER.format(
            prefix=name[:LONGEST_PREFIX], name=name, event=event, table=entity.table, tables=tables
        )
        for event, tables in _EVENTS.items()
    )
    yield Generated(
        name=name,
        table=entity.table,
        statements=(
            _NUMBERED.format(entity=entity.name),
            source.function(name),
            f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
            *triggers,
            source.fill(),
        ),
    )
    yield search_function.generated(registry, entity)


class _Source:
    """The statements that make the documents of one entity."""

    def __init__(self, entity: Declaration, columns: frozenset[str]) -> None:
        self.entity = entity
        self.classes = groups(entity, columns)
        fields = [f.name for group in self.classes for f in group.fields]
        self.columns = ", ".join(("tenant_id", "id", *fields))
        self.given = {
            "number": _NUMBER.format(entity=entity.name),
            "many": MANY,
            "shelf": SHELF,
        }

    def function(self, name: str) -> str:
        """Return the trigger function."""
        live = f"SELECT {self.columns} FROM {{}} WHERE deleted_at IS NULL"
        keys = "SELECT tenant_id, id FROM {} WHERE deleted_at IS NULL"
        new, old = live.format("new_rows"), live.format("old_rows")
        return _FUNCTION.format(
            name=name,
            places=self._tenants_of("new_rows"),
            shelve_one=_SHELVE_ONE,
            shelve_new=_SHELVE_MANY.format(rows="new_rows", **self.given),
            inserted=self._documents(new),
            updated=self._documents(f"{new} EXCEPT {old}"),
            gone=f"{keys.format('old_rows')} EXCEPT {keys.format('new_rows')}",
            **self.given,
        )

    def fill(self) -> str:
        """Return the statement that makes the documents of the rows that are there."""
        table = self.entity.table
        return _FILL.format(
            places=self._tenants_of(table),
            shelve_old=_SHELVE_MANY.format(rows=table, **self.given),
            filled=self._documents(f"SELECT {self.columns} FROM {table} WHERE deleted_at IS NULL"),
            **self.given,
        )

    def _tenants_of(self, rows: str) -> str:
        return _PLACES.format(rows=rows, entity=self.entity.name)

    def _documents(self, rows: str) -> str:
        vectors = [
            f"crm_search_vector(w.c{at}, w.prefix || '{group.suffix}:')"
            for at, group in enumerate(self.classes)
        ]
        words = [f"{group.words('n')} AS c{at}" for at, group in enumerate(self.classes)]
        return _DOCUMENTS.format(rows=rows, vector=" || ".join(vectors), words=_listed(words))


def _listed(parts: Sequence[str]) -> str:
    return ",\n               ".join(parts)
