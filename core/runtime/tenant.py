"""A tenant as the kernel sees it between two changes of its configuration."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from core.access.rights import Rights
from core.config import TenantConfig
from core.database.refusals import has_answer
from core.model import relative_dates
from core.model.conversion import Terms
from core.model.entities import HISTORY, Declaration
from core.model.fields import Field
from core.registry.hooks import Hooks
from core.registry.loader import LoadedPlugins
from core.registry.registry import Action, Choice, Grant

log = structlog.get_logger("crm.tenant")


class Overlay(msgspec.Struct, frozen=True):
    """What people edited, laid over the file's defaults."""

    settings: Mapping[str, Mapping[str, Any]] = {}
    dictionaries: Mapping[str, tuple[Choice, ...]] = {}


class Tenant:
    """A snapshot: configuration, enabled plugins and everything compiled from them."""

    def __init__(
        self, id: UUID, number: int, config: TenantConfig, loaded: LoadedPlugins, overlay: Overlay
    ) -> None:
        self.id = id
        self.number = number
        self.config = config
        self.slug = config.slug
        self.overlay = overlay
        self.registry = loaded.registry
        installed = loaded.registry.plugins
        self.enabled = frozenset({"core", *(n for n in config.plugins if n in installed)})
        self.hooks: Hooks = loaded.hooks.for_plugins(self.enabled, has_answer)
        self.entities = self._entities()
        self.roles = {
            name: role for name, role in loaded.registry.roles.items() if self._role_enabled(name)
        }
        self.shapes: dict[Any, Any] = {}
        self.transaction_settings: dict[Any, str] = {}
        # When each person last wrote through this worker: what is kept from before is not for them.
        self.writes: dict[str | None, float] = {}
        self._rights: dict[Any, Rights] = {}
        self._settings: dict[str, msgspec.Struct] = {}
        self.terms = Terms(
            region=config.phone_region,
            currency=config.currency,
            timezone=config.timezone,
            choices=lambda name: tuple(c.code for c in self.dictionary(name)),
        )

    def _entities(self) -> dict[str, Declaration]:
        """Return the enabled entities, without the fields of plugins that are off."""
        on = self.enabled
        return {
            name: msgspec.structs.replace(
                entity,
                fields={k: self._own(f) for k, f in entity.fields.items() if f.plugin in on},
                aggregates=tuple(a for a in entity.aggregates if a.plugin in on),
                named_filters=tuple(f for f in entity.named_filters if f.plugin in on),
                indexed=entity.indexed,
            )
            for name, entity in self.registry.entities.items()
            if entity.plugin in on
        }

    def _own(self, field: Field) -> Field:
        """Return a computed field with the tenant's name where its SQL asks for it."""
        if field.sql is None or "{tenant_name}" not in field.sql:
            return field
        literal = "'" + self.config.name.replace("'", "''") + "'"
        return msgspec.structs.replace(field, sql=field.sql.replace("{tenant_name}", literal))

    def start_of(self, day: date) -> datetime:
        """Return the instant, in UTC, at which ``day`` begins where the tenant is."""
        return relative_dates.start_of_day(day, relative_dates.zone(self.config.timezone))

    def _role_enabled(self, name: str) -> bool:
        owner = self.registry.role_owners.get(name, "core")
        return owner in self.enabled

    def is_internal(self, role: str) -> bool:
        """Return whether a role works for the tenant; its own ones are as those they are like."""
        own = self.config.roles.get(role)
        found = self.roles.get(own.like if own and own.like else role)
        return found.internal if found else own is not None

    def actions(self, entity: str) -> list[Action]:
        """Return the enabled actions on ``entity``."""
        return [a for a in self.registry.actions.get(entity, ()) if a.plugin in self.enabled]

    def rights_of(self, entity: Declaration) -> set[str]:
        """Return every action on ``entity`` that a role of this tenant can hold."""
        declared = (a.right for a in self.actions(entity.name))
        return {HISTORY, *entity.verbs, *entity.actions, *declared}

    def dictionary(self, name: str) -> tuple[Choice, ...]:
        """Return the choices of a dictionary in order: edited, from the file, or as declared."""
        if name in self.overlay.dictionaries:
            found: tuple[Choice, ...] = tuple(self.overlay.dictionaries[name])
        elif name in self.config.dictionaries:
            found = tuple(Choice(c.code, c.label, c.order) for c in self.config.dictionaries[name])
        else:
            found = self.registry.dictionaries[name].choices
        return tuple(sorted(found, key=lambda c: c.order))

    def settings(self, plugin: str) -> Any:
        """Return the plugin's settings: its defaults, the file's values, then what was edited."""
        found = self._settings.get(plugin)
        if found is None:
            struct = self.registry.plugins[plugin].settings
            if struct is None:
                raise LookupError(f"plugin {plugin!r} has no settings")
            found = self._settings[plugin] = self._settings_of(plugin, struct)
        return found

    def _settings_of(self, plugin: str, struct: type[msgspec.Struct]) -> msgspec.Struct:
        """Lay the edits over the file; edits that a newer plugin no longer takes stay aside."""
        file, edited = self.config.settings.get(plugin, {}), self.overlay.settings.get(plugin, {})
        try:
            return msgspec.convert({**file, **edited}, struct)
        except msgspec.ValidationError as error:
            log.error("settings_refused", tenant=self.slug, plugin=plugin, problem=str(error))
            return msgspec.convert(file, struct)

    def rights(
        self,
        roles: tuple[str, ...],
        key_scopes: tuple[str, ...] | None = None,
        *,
        known: bool = True,
    ) -> Rights:
        """Return the compiled rights of a set of roles, narrowed by an API key's scopes."""
        place = (roles, key_scopes, known)
        found = self._rights.get(place)
        if found is None:
            found = self._rights[place] = self._compile(roles, key_scopes, known)
        return found

    def _compile(
        self, roles: tuple[str, ...], key_scopes: tuple[str, ...] | None, known: bool
    ) -> Rights:
        held = {name for name in roles if name in self.roles or name in self.config.roles}
        grants: list[Grant] = []
        audiences: set[str] = set()
        for name in held:
            given = self._grants_of(name)
            own = self.config.roles.get(name)
            if own is not None:
                given += _own_grants(name, own.grants)
                if own.like:
                    audiences.add(own.like)
                    given += self._grants_of(own.like)
            if self.is_internal(name):
                given += [_with_history(g) for g in given if "view" in g.actions]
            grants += given
        usable = [g for g in grants if g.entity in self.entities]
        audiences.discard("admin")
        every = {name: self.rights_of(entity) for name, entity in self.entities.items()}
        return Rights(self.entities, held, audiences, usable, every, key_scopes, known)

    def _grants_of(self, role: str) -> list[Grant]:
        return [g for g in self.registry.grants if g.role == role and g.plugin in self.enabled]


def _with_history(grant: Grant) -> Grant:
    """Internal people read the history of what they may view; portal users never do."""
    return msgspec.structs.replace(grant, actions=(HISTORY,), fields=None)


def _own_grants(role: str, lines: tuple[str, ...]) -> list[Grant]:
    """Read grants of a tenant's own role: ``"customers.customer:list,view:all"``."""
    found = []
    for line in lines:
        entity, actions, scope = line.split(":")
        names = tuple(action.strip() for action in actions.split(","))
        found.append(Grant(role=role, entity=entity, actions=names, scope=scope))
    return found
