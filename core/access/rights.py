"""The rights of a set of roles in a tenant: actions, scopes, readable and writable fields."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from core.errors import Forbidden, Unauthenticated
from core.model.entities import HISTORY, Declaration
from core.model.fields import Field
from core.registry.registry import Grant
from core.schema.sql import scopes

ADMIN = "admin"
# Whoever may read the history of anything reads the audit's tables; the query says which rows.
AUDIT = "core.audit"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. ``stamp`` must equal the user's in every transaction (``core_check``)."""

    kind: str
    id: str | None = None
    roles: tuple[str, ...] = ()
    stamp: int = 0
    attributes: Mapping[str, str] = {}
    key_id: str | None = None
    key_scopes: tuple[str, ...] | None = None
    session_id: str | None = None


ANONYMOUS = Principal(kind="anonymous")
SYSTEM = Principal(kind="system", roles=(ADMIN,))


class Rights:
    """What one set of roles may do in one tenant. Immutable; default deny."""

    def __init__(
        self,
        entities: Mapping[str, Declaration],
        roles: Collection[str],
        audiences: Collection[str],
        grants: Iterable[Grant],
        all_rights: Mapping[str, Collection[str]],
        key_scopes: Collection[str] | None,
        known: bool,
    ) -> None:
        self.known = known
        self.roles = frozenset(roles)
        self._entities = entities
        self._audiences = frozenset(audiences) | self.roles
        self._scopes: dict[tuple[str, str], tuple[str, ...]] = {}
        self._limits: dict[tuple[str, str], frozenset[str] | None] = {}
        self._predicates: dict[tuple[str, str, str], str] = {}
        self._writable: dict[tuple[str, str], frozenset[str]] = {}
        held: dict[tuple[str, str], list[Grant]] = defaultdict(list)
        for grant in grants:
            for action in grant.actions:
                if _allowed_by_key(key_scopes, grant.entity, action):
                    held[grant.entity, action].append(grant)
        for place, mine in held.items():
            self._scopes[place] = _widest(grant.scope for grant in mine)
            self._limits[place] = _union(mine)
        if ADMIN in self.roles:
            for name, actions in all_rights.items():
                for action in actions:
                    if _allowed_by_key(key_scopes, name, action):
                        self._scopes[name, action] = ("all",)
                        self._limits[name, action] = None
        self._visible = {name: self._readable(entity) for name, entity in entities.items()}
        self.scopes_setting = self._setting()

    def _readable(self, entity: Declaration) -> frozenset[str]:
        return frozenset(f.name for f in entity.fields.values() if self.sees(f))

    def sees(self, field: Field) -> bool:
        """Return whether the field's audience includes one of the roles."""
        if field.audience == "all" or ADMIN in self.roles:
            return field.audience != ()
        return not self._audiences.isdisjoint(field.audience)

    def may(self, entity: str, action: str) -> bool:
        """Return whether any grant allows ``action`` on some rows of ``entity``."""
        return (entity, action) in self._scopes

    def require(self, entity: str, action: str) -> None:
        """Refuse with ``Unauthenticated`` or ``Forbidden`` when no grant allows the action."""
        if (entity, action) not in self._scopes:
            raise Forbidden() if self.known else Unauthenticated()

    def scopes(self, entity: str, action: str) -> tuple[str, ...]:
        """Return the scopes held for the action; ``("all",)`` stands alone."""
        return self._scopes.get((entity, action), ())

    def actions(self, entity: str) -> list[str]:
        """Return the actions allowed on some rows of ``entity``, sorted."""
        return sorted(action for name, action in self._scopes if name == entity)

    def permissions(self) -> list[str]:
        """Return every permission held, as ``plugin.entity.action``, sorted."""
        return sorted(f"{name}.{action}" for name, action in self._scopes)

    def visible(self, entity: str) -> frozenset[str]:
        """Return the readable fields; only they may filter, sort or be named at all."""
        return self._visible[entity]

    def writable(self, entity: str, action: str) -> frozenset[str]:
        """Return the fields that a body of ``action`` may carry."""
        place = (entity, action)
        found = self._writable.get(place)
        if found is None:
            found = self._writable[place] = self._writes(entity, action)
        return found

    def _writes(self, entity: str, action: str) -> frozenset[str]:
        if (entity, action) not in self._scopes:
            return frozenset()
        limit = self._limits[entity, action]
        fields = self._entities[entity].fields.values()
        return frozenset(
            f.name
            for f in fields
            if f.name in self._visible[entity]
            and not (f.readonly or f.system)
            and (ADMIN in self.roles or not self._locked(f))
            and (limit is None or f.name in limit)
        )

    def _locked(self, field: Field) -> bool:
        """A field is locked when every role held is among those that may not write it."""
        return bool(field.readonly_for) and self._audiences <= set(field.readonly_for)

    def predicate(self, entity: Declaration, action: str, alias: str) -> str:
        """Return the SQL that limits rows to the scopes held for ``action``; no parameters."""
        place = (entity.name, action, alias)
        found = self._predicates.get(place)
        if found is None:
            names = self.scopes(entity.name, action)
            parts = [scopes.condition(entity, name, alias, self._entities) for name in names]
            found = "(" + " OR ".join(parts) + ")" if parts else "false"
            found = self._predicates[place] = "true" if "true" in parts else found
        return found

    def _setting(self) -> str:
        held: dict[str, set[str]] = defaultdict(set)
        for (name, _), names in self._scopes.items():
            held[name].update(names)
        if any(action == HISTORY for _, action in self._scopes):
            held[AUDIT].add("all")
        parts = (f"{name}:{'+'.join(_widest(names))}" for name, names in sorted(held.items()))
        return "|" + "|".join(parts) + "|"


def _allowed_by_key(key_scopes: Collection[str] | None, entity: str, action: str) -> bool:
    """An API key narrows its creator's rights to the permissions, entities or ``*`` it names."""
    if key_scopes is None:
        return True
    return not {f"{entity}.{action}", f"{entity}.*", "*"}.isdisjoint(key_scopes)


def _widest(names: Iterable[str]) -> tuple[str, ...]:
    found = sorted(set(names))
    return ("all",) if "all" in found else tuple(found)


def _union(grants: list[Grant]) -> frozenset[str] | None:
    if any(grant.fields is None for grant in grants):
        return None
    return frozenset(name for grant in grants for name in grant.fields or ())
