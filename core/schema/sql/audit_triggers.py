"""The triggers that write the audit: three statement-level functions per tenant table.

An insert stores no image (the row is the state, later entries keep what it was), an update the
changed columns, a delete all of them. Values are compared column by column in SQL that is made
once per table, so that a statement over many rows costs a join and no loop.
"""

from collections.abc import Iterator, Sequence

from core.model.entities import Declaration
from core.schema.sql.routines import Generated, routine_name

EXEMPT = {
    "core_audit_entry": "is the audit",
    "core_audit_request": "is the audit",
    "core_idempotency": "holds answers for a day; what they tell is audited where it changed",
    "core_preference": "how people like their screens; no fact of the tenant",
    "core_reset": "one-time links; their use changes core_password",
    "core_search_document": "a copy of what its entities hold",
    "core_search_shelf": "arranges that copy",
    "core_security_event": "is a log itself, append-only",
    "core_session": "sign-ins; their opening and refusal are security events",
}
# Columns that say nothing beside the change itself.
BESIDE = {"tenant_id", "id", "version", "updated_at", "updated_by"}
NOISE = {"core_api_key": {"last_used_at"}, "core_user": {"token_version"}}
# That they changed is told, never what they were.
_SECRET = {"core_api_key": {"hash"}, "core_password": {"hash"}}
_HIDDEN = '"***"'
_MOST_ARGUMENTS = 90  # PostgreSQL takes 100 in one call

# The plan is made once per connection and never guesses how many rows a statement has: a hash
# join is right for one row and for a million.
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC'
SET plan_cache_mode = force_generic_plan SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
  moment timestamptz := clock_timestamp();
  request uuid := nullif(current_setting('app.request_id', true), '')::uuid;
BEGIN{unless_empty}
  IF request IS NULL THEN
    request := gen_random_uuid();
    PERFORM set_config('app.request_id', request::text, true);
  END IF;
  INSERT INTO core_audit_entry (tenant_id, at, request_id, action, entity, record_id, subject_id,
    responsible_id, credited, changes, salt, commitment)
  SELECT e.tenant_id, moment, request, e.action, '{entity}', e.id, e.subject_id,
         e.responsible_id, e.credited, e.changes, e.salt,
         sha256(e.salt || convert_to(e.changes::text, 'UTF8'))
    FROM ({entries}) AS e;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF session_user = 'crm_app' THEN
    PERFORM crm_audit_request(r.tenant_id, request) FROM (
      SELECT tenant_id FROM {rows} LIMIT 1) AS r;
  ELSE
    PERFORM crm_audit_request(r.tenant_id, request) FROM (
      SELECT DISTINCT tenant_id FROM {rows}) AS r;
  END IF;
  RETURN NULL;
END $$
"""
# An update that found no row is spared the join of all columns; the other two have none.
_UNLESS_EMPTY = """
  IF NOT EXISTS (SELECT FROM new_rows) THEN
    RETURN NULL;
  END IF;"""
_SALT = "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"
_TRIGGER = """
CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {table}
REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
_EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def generated(
    table: str, name: str, columns: frozenset[str], entity: Declaration | None
) -> Iterator[Generated]:
    """Yield the three functions of a tenant table; ``columns`` are those that it has now.

    ``name`` is what its entries say they are of; a table without an entity is told as well.
    """
    if table in EXEMPT:
        return
    source = _Source(table, columns, entity)
    for event, tables in _EVENTS.items():
        routine = routine_name("audit", event, table)
        function = _FUNCTION.format(
            name=routine,
            rows="old_rows" if event == "delete" else "new_rows",
            entity=name,
            unless_empty=_UNLESS_EMPTY if event == "update" else "",
            entries=source.entries(event),
        )
        trigger = _TRIGGER.format(name=routine, event=event.upper(), table=table, tables=tables)
        revoke = f"REVOKE ALL ON FUNCTION {routine}() FROM PUBLIC"
        yield Generated(name=routine, table=table, statements=(function, trigger, revoke))


class _Source:
    """The SELECT of one table's entries."""

    def __init__(self, table: str, columns: frozenset[str], entity: Declaration | None) -> None:
        self.table = table
        self.covered = sorted(columns - BESIDE - NOISE.get(table, set()))
        credit = entity.credit if entity else ()
        self.fields = entity.fields if entity else {}
        self.subject = _column(entity, entity.subject if entity else None, columns)
        self.responsible = _column(entity, entity.responsible if entity else None, columns)
        self.credit = [name for name in credit if name in columns]

    def entries(self, event: str) -> str:
        """Return the entries of one event: tenant, action, key, persons, changes and salt."""
        return {"insert": self._inserted, "update": self._updated, "delete": self._deleted}[event]()

    def _inserted(self) -> str:
        """A new row tells only what it was credited with from its first day."""
        changes = "NULL::jsonb"
        credited = "false"
        if self.credit:
            gained = [(name, self._gained(name)) for name in self.credit]
            credited = " OR ".join(f"({condition})" for _, condition in gained)
            parts = [self._pair(name, "NULL", f"n.{name}", on) for name, on in gained]
            changes = f"CASE WHEN {credited} THEN {_object(parts)} END"
        return (
            f"SELECT c.*, CASE WHEN c.changes IS NOT NULL THEN {_SALT} END AS salt FROM ("
            f"SELECT n.tenant_id, 'created' AS action, n.id, {self._person('subject', 'n')},"
            f" {self._person('responsible', 'n')}, coalesce({credited}, false) AS credited,"
            f" {changes} AS changes FROM new_rows n) AS c"
        )

    def _gained(self, name: str) -> str:
        """Whether a new row has more than a row has by default."""
        default = self.fields[name].default
        if isinstance(default, bool):
            return f"n.{name} IS DISTINCT FROM {str(default).lower()}"
        return f"n.{name} IS NOT NULL"

    def _updated(self) -> str:
        parts = [self._changed(name) for name in self.covered]
        moved = [f"o.{name} IS DISTINCT FROM n.{name}" for name in self.credit]
        credited = " OR ".join(moved) or "false"
        action = (
            "CASE WHEN o.deleted_at IS NULL AND n.deleted_at IS NOT NULL THEN 'trashed'"
            " WHEN o.deleted_at IS NOT NULL AND n.deleted_at IS NULL THEN 'restored'"
            " ELSE 'updated' END"
        )
        return (
            f"SELECT c.*, {_SALT} AS salt FROM ("
            f"SELECT n.tenant_id, {action} AS action, n.id, {self._persons('subject', 'n', 'o')},"
            f" {self._persons('responsible', 'o', 'n')}, ({credited}) AS credited,"
            f" {_object(parts)} AS changes FROM new_rows n"
            " JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id) AS c"
            " WHERE c.changes <> '{}'"
        )

    def _deleted(self) -> str:
        parts = [
            self._pair(name, f"o.{name}", "NULL", f"o.{name} IS NOT NULL") for name in self.covered
        ]
        return (
            f"SELECT c.*, {_SALT} AS salt FROM ("
            f"SELECT o.tenant_id, 'purged' AS action, o.id, {self._person('subject', 'o')},"
            f" {self._person('responsible', 'o')}, false AS credited, {_object(parts)} AS changes"
            " FROM old_rows o) AS c"
        )

    def _changed(self, name: str) -> str:
        return self._pair(name, f"o.{name}", f"n.{name}", f"o.{name} IS DISTINCT FROM n.{name}")

    def _pair(self, name: str, old: str, new: str, when: str) -> str:
        """Return ``"name":[old, new]`` as SQL text, null unless ``when``."""
        if name in _SECRET.get(self.table, ()):
            pair = f"'[{_HIDDEN},{_HIDDEN}]'"
        else:
            pair = f"json_build_array({old}, {new})::text"
        return f"CASE WHEN {when} THEN '\"{name}\":' || {pair} END"

    def _person(self, role: str, row: str) -> str:
        column = getattr(self, role)
        return f"{row}.{column} AS {role}_id" if column else f"NULL::uuid AS {role}_id"

    def _persons(self, role: str, first: str, then: str) -> str:
        """The person before the change is the one who was responsible for it."""
        column = getattr(self, role)
        if column is None:
            return f"NULL::uuid AS {role}_id"
        return f"coalesce({first}.{column}, {then}.{column}) AS {role}_id"


def _column(entity: Declaration | None, name: str | None, columns: frozenset[str]) -> str | None:
    """Return the column of a field that the table has already, or None."""
    field = entity.field(name) if entity and name else None
    return field.name if field and field.name in columns else None


def _object(parts: Sequence[str]) -> str:
    """Join the pairs that are not null to a jsonb object."""
    calls = [
        f"concat_ws(',', {', '.join(parts[at : at + _MOST_ARGUMENTS])})"
        for at in range(0, len(parts), _MOST_ARGUMENTS)
    ]
    if len(calls) == 1:
        return f"('{{' || {calls[0]} || '}}')::jsonb"
    whole = ", ".join(f"nullif({call}, '')" for call in calls)
    return f"('{{' || concat_ws(',', {whole}) || '}}')::jsonb"
