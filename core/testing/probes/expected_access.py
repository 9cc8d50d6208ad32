"""Who may see and do what, worked out from declarations and grants without the product's code.

It reads the nouns of the registry and rows in Python; it shares no line with ``core.access``.
"""

from collections.abc import Iterator
from uuid import UUID

from core.model.aggregates import Through
from core.model.entities import Declaration
from core.model.fields import Field
from core.registry.registry import Grant, Registry
from core.testing.probes.dataset import Row, Spot, Stage, Who

IN_TRASH = ("trash", "restore", "purge")
HISTORY = "history"


class DeclaredRights:
    """What follows from the declarations alone, whatever rows there are."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._scopes: dict[tuple[int, str, str], frozenset[str]] = {}
        self._actions: dict[tuple[int, str], frozenset[str]] = {}
        self._people: dict[int, Who] = {}
        self._granted: dict[tuple[str, str], list[Grant]] = {}
        for grant in self.registry.grants:
            self._granted.setdefault((grant.role, grant.entity), []).append(grant)

    def actions(self, who: Who, entity: str) -> frozenset[str]:
        """Return the actions that ``who`` may do on some rows of an entity."""
        place = (self._number(who), entity)
        if place not in self._actions:
            self._actions[place] = frozenset(self._all_actions(who, entity))
        return self._actions[place]

    def _number(self, who: Who) -> int:
        """Return the number under which answers for ``who`` are kept; they stay alive with it."""
        self._people[id(who)] = who
        return id(who)

    def _all_actions(self, who: Who, entity: str) -> set[str]:
        declared = self.registry.entities[entity]
        own = {action.right for action in self.registry.actions.get(entity, ())}
        every = {HISTORY, *declared.verbs, *declared.actions, *own}
        return {action for action in every if self.scopes(who, entity, action)}

    def scopes(self, who: Who, entity: str, action: str) -> frozenset[str]:
        """Return the scopes within which ``who`` may do an action."""
        place = (self._number(who), entity, action)
        if place not in self._scopes:
            self._scopes[place] = frozenset(self._all_scopes(who, entity, action))
        return self._scopes[place]

    def is_scoped(self, who: Who, entity: str) -> bool:
        """Return whether ``who`` may do something on some rows of an entity and not on others."""
        return any(
            scope != "all"
            for action in self.actions(who, entity)
            for scope in self.scopes(who, entity, action)
        )

    def _all_scopes(self, who: Who, entity: str, action: str) -> set[str]:
        if not who.alive or not self._key_allows(who, entity, action):
            return set()
        if "admin" in who.roles:
            return {"all"}
        return {grant.scope for grant in self._grants(who, entity, action)}

    def _grants(self, who: Who, entity: str, action: str) -> list[Grant]:
        return [
            g
            for role in who.roles
            for g in self._granted.get((role, entity), ())
            if self._names(g, action)
        ]

    def _names(self, grant: Grant, action: str) -> bool:
        """Return whether a grant allows an action; internal roles read what they view changed."""
        if action == HISTORY:
            return "view" in grant.actions and self.registry.roles[grant.role].internal
        return action in grant.actions

    def _key_allows(self, who: Who, entity: str, action: str) -> bool:
        allowed = who.key_scopes
        return allowed is None or f"{entity}.{action}" in allowed or f"{entity}.*" in allowed

    def sees(self, who: Who, field: Field) -> bool:
        """Return whether ``who`` is among the field's audience."""
        if field.audience == ():
            return False
        if field.audience == "all" or "admin" in who.roles:
            return True
        return any(role in field.audience for role in who.roles)

    def writes(self, who: Who, entity: str, action: str, field: Field) -> bool:
        """Return whether a body of ``who`` may carry the field."""
        if field.readonly or field.system or field.sql or not self.sees(who, field):
            return False
        if not self.scopes(who, entity, action):
            return False
        if "admin" in who.roles:
            return True
        if all(role in field.readonly_for for role in who.roles):
            return False
        grants = self._grants(who, entity, action)
        return any(g.fields is None or field.name in g.fields for g in grants)


class Oracle(DeclaredRights):
    """Answers for one stage."""

    def __init__(self, stage: Stage, registry: Registry | None = None) -> None:
        super().__init__(registry or stage.registry)
        self.stage = stage
        self._known: dict[tuple[int, UUID], bool] = {}
        self._ids: dict[int, set[str]] = {}
        self._linked: dict[tuple[str, str, str, str], set[tuple[object, object]]] = {}
        self._revision = -1
        self._planted = 0
        paths = (p for e in self.registry.entities.values() for p in e.scopes.values())
        self._joining = {path.entity for path in paths if isinstance(path, Through)}

    def reaches(self, who: Who, action: str, row: Row) -> bool:
        """Return whether ``who`` may do ``action`` on a row."""
        if row.tenant != who.tenant:
            return False
        declared = self.registry.entities[row.entity]
        scopes = self.scopes(who, row.entity, action)
        return any(self._inside(who, declared, scope, row) for scope in scopes)

    def _inside(self, who: Who, declared: Declaration, scope: str, row: Row) -> bool:
        if scope == "all":
            return True
        if scope == "author":
            return row.values.get("created_by") == who.id is not None
        mine = who.attributes.get(scope)
        path = declared.scopes[scope]
        if mine is None:
            return False
        if isinstance(path, Through):
            here = row.id if path.local == "id" else row.values.get(path.local)
            return (here, mine) in self._links(path, row.tenant)
        return bool((row.id if path == "id" else row.values.get(path)) == mine)

    def _links(self, path: Through, tenant: str) -> set[tuple[object, object]]:
        self._catch_up()
        place = (path.entity, path.here, path.there, tenant)
        if place not in self._linked:
            rows = self.stage.of(path.entity, tenant=tenant)
            self._linked[place] = {(k.values[path.here], k.values[path.there]) for k in rows}
        return self._linked[place]

    def _catch_up(self) -> None:
        """Take in what was planted since the last answer; forget all where others may change."""
        new = self.stage.planted[self._planted :]
        joined = any(row.entity in self._joining for row in new)
        if self._revision != self.stage.revision or joined:
            self._known.clear()
            self._ids.clear()
            self._linked.clear()
        self._revision, self._planted = self.stage.revision, len(self.stage.planted)
        for number, ids in self._ids.items():
            for row in new:
                ids.update(self._shown_ids(self._people[number], row))

    def knows(self, who: Who, row: Row) -> bool:
        """Return whether any right of ``who`` shows them the row."""
        self._catch_up()
        place = (self._number(who), row.id)
        if place not in self._known:
            self._known[place] = self._knows(who, row)
        return self._known[place]

    def _knows(self, who: Who, row: Row) -> bool:
        held = self.actions(who, row.entity)
        if row.deleted:
            # Where nobody can look into a trash, its history is an administrator's business.
            kept = "trash" in self.registry.entities[row.entity].verbs
            held &= {HISTORY} if not kept and "admin" in who.roles else set(IN_TRASH)
        return any(self.reaches(who, action, row) for action in held)

    def entitled(self, who: Who, spot: Spot) -> bool:
        """Return whether ``who`` may read what a token names."""
        field = self.registry.entities[spot.entity].fields[spot.field]
        return self.sees(who, field) and self.knows(who, self.stage.rows[spot.row])

    def ids(self, who: Who) -> set[str]:
        """Return the ids that may stand in an answer: known rows and what those link to."""
        self._catch_up()
        number = self._number(who)
        if number not in self._ids:
            rows = self.stage.rows.values()
            self._ids[number] = {id for row in rows for id in self._shown_ids(who, row)}
        return self._ids[number]

    def _shown_ids(self, who: Who, row: Row) -> Iterator[str]:
        """Yield the ids that a row shows: its own and those of its links."""
        if self.knows(who, row):
            fields = self.registry.entities[row.entity].fields
            yield str(row.id)
            for name, value in row.values.items():
                field = fields.get(name)
                if field is not None and field.kind == "link" and self.sees(who, field):
                    yield str(value)
