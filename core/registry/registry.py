"""What exists: the nouns that plugins declare, collected once and then frozen.

Context, unit, connection and page belong to packages above this one: in the functions of these
nouns they are ``Any`` here, and typed where a plugin writes them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from core.errors import StartRefused
from core.model.entities import HISTORY, Declaration, Extension
from core.registry.manifest import Manifest


class Choice(msgspec.Struct, frozen=True):
    """One entry of a dictionary: a stable code, the word people see, and its place.

    A ``retired`` one is no longer offered; the records that have it keep it.
    """

    code: str
    label: str
    order: int = 0
    retired: bool = False


class Dictionary(msgspec.Struct, frozen=True):
    """A list of choices that a tenant may reword, reorder and extend; named ``plugin.noun``."""

    name: str
    label: str
    choices: tuple[Choice, ...]


class Role(msgspec.Struct, frozen=True):
    """A role that users of a tenant may hold. ``internal`` roles work for the tenant.

    Who holds it alone begins at ``home``, if it has one, and finds in the menu its own screens and
    the entities in ``menu``. Whoever holds no internal role sees their own screens only.
    """

    name: str
    label: str
    internal: bool = True
    home: str = ""
    menu: tuple[str, ...] = ()


class Scope(msgspec.Struct, frozen=True):
    """A part of the tenant's rows: those whose column equals ``attribute`` of the principal.

    ``attribute`` is a column of the user, ``None`` for the kernel's own scopes.
    """

    name: str
    attribute: str | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A right: ``role`` may do ``actions`` on ``entity`` within ``scope``; nothing else allows.

    ``fields`` limits what may be written; ``None`` leaves that to the fields' own rules.
    """

    role: str
    entity: Any
    actions: tuple[str, ...]
    scope: str
    fields: tuple[str, ...] | None = None
    plugin: str = "core"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An operation beyond the generated ones: ``/api/<resource>/{id}/<name>/``.

    ``run(ctx, unit, record, values)`` gets the open transaction, the locked record as a mapping of
    its columns (``None`` on a collection) and the decoded body. It returns ``None`` to answer with
    the record as the caller may see it, or a struct. ``permission`` defaults to ``name``. What a
    ``secret`` action answers is never stored, so an Idempotency-Key has no effect on it. A list
    offers it with each of its rows under ``row_label``, drawn as ``icon``. ``submit`` stands on the
    button of its form; ``success_message`` is shown afterwards.
    """

    entity: Any
    name: str
    label: str
    run: Callable[[Any, Any, Any, Any], Awaitable[Any]]
    on: Literal["record", "collection"] = "record"
    method: Literal["POST", "GET"] = "POST"
    values: Any = None
    returns: Any = None
    permission: str | None = None
    description: str = ""
    row_label: str = ""
    icon: str = "zap"
    submit: str = ""
    success_message: str = ""
    secret: bool = False
    plugin: str = ""

    @property
    def right(self) -> str:
        """The name of the permission that guards this action."""
        return self.permission or self.name


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """A tab of a record's page, for who holds ``right`` on ``entity``.

    ``read(page, entity, row)`` returns what ``template``, a file of the plugin's ``templates/``,
    is shown with; it reads through ``page.ctx`` and is asked when the tab is opened.
    """

    key: str
    label: str
    template: str
    read: Callable[[Any, Declaration, dict[str, Any]], Awaitable[Mapping[str, Any]]]
    entity: Any = None
    right: str = "view"
    icon: str = ""
    plugin: str = "core"


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What a card shows: numbers by label. ``hrefs`` lead to what is behind each label.

    ``kind`` is one of the chart macro, or ``bars`` for bars that need no script.
    """

    kind: Literal["bars", "bar", "line", "doughnut", "stacked"] = "bars"
    first: str
    labels: tuple[str, ...]
    series: Mapping[str, tuple[float | Decimal, ...]]
    hrefs: tuple[str, ...] = ()
    currency: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card of its plugin's dashboard, for who holds ``right`` on ``entity``.

    ``read(page, connection)`` returns a number, a text such as an amount, a ``Chart``, or None
    where there is nothing to tell; all cards are read in one transaction. ``href`` leads to what is
    behind it. With ``home`` it stands on the first page too.
    """

    key: str
    label: str
    read: Callable[[Any, Any], Awaitable[Any]]
    entity: Any
    right: str = "list"
    text: str = ""
    icon: str = ""
    href: str = ""
    home: bool = False
    plugin: str = "core"


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a plugin's own at ``/app/<path>/``, for who holds ``right`` on ``entity``.

    ``read(page)`` returns what ``template`` is shown with. ``submit(page)`` returns what a form of
    the page asks for: the name of an action of the entity, the record's id and the action's body.
    ``portal_role`` is the role in whose menu the page stands; without one all have it there.
    """

    path: str
    label: str
    template: str
    read: Callable[[Any], Awaitable[Mapping[str, Any]]]
    entity: Any
    right: str = "view"
    submit: Callable[[Any], Awaitable[tuple[str, UUID, dict[str, Any]]]] | None = None
    icon: str = "table-2"
    portal_role: str = ""
    plugin: str = "core"


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """Demo records of a plugin: ``run(unit, tenant, scale, progress)``, repeatable without effect.

    ``unit`` is a transaction of the system in the ``Tenant``; ``scale`` multiplies the number of
    records; ``progress(done, total)`` is told how far it is. It runs after the demo users exist.
    """

    run: Callable[[Any, Any, float, Callable[[int, int], None]], Awaitable[None]]


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded plugin: manifest, package and what its files declare."""

    manifest: Manifest
    package: str
    path: str
    settings: type[msgspec.Struct] | None = None

    @property
    def name(self) -> str:
        """The manifest's name."""
        return self.manifest.name


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """Everything declared by the kernel and the loaded plugins, in dependency order."""

    plugins: Mapping[str, Plugin]
    entities: Mapping[str, Declaration]
    roles: Mapping[str, Role]
    scopes: Mapping[str, Scope]
    grants: tuple[Grant, ...]
    actions: Mapping[str, tuple[Action, ...]]
    dictionaries: Mapping[str, Dictionary]
    controllers: tuple[tuple[str, Any], ...]
    demos: tuple[tuple[str, Demo], ...]
    by_class: Mapping[Any, str]
    extensions: tuple[tuple[str, Extension], ...] = ()
    role_owners: Mapping[str, str] = {}
    tabs: Mapping[str, tuple[Tab, ...]] = {}
    cards: tuple[Card, ...] = ()
    screens: tuple[Screen, ...] = ()

    def entity(self, target: Any) -> Declaration:
        """Return the entity of a class or of a name ``plugin.entity``."""
        name = target if isinstance(target, str) else self.by_class.get(target)
        if name is None or name not in self.entities:
            raise StartRefused(f"{target!r} is not an entity; known are {sorted(self.entities)}")
        return self.entities[name]

    def rights(self, entity: Declaration) -> set[str]:
        """Return every action that a grant on ``entity`` may name."""
        declared = {action.right for action in self.actions.get(entity.name, ())}
        return {HISTORY, *entity.verbs, *entity.actions, *declared}

    def reach(self, plugin: str) -> set[str]:
        """Return the plugins whose entities ``plugin`` may name: its own and all it requires."""
        names, todo = {plugin}, [plugin]
        while todo:
            for target in self.plugins[todo.pop()].manifest.requires:
                if target not in names:
                    names.add(target)
                    todo.append(target)
        return names

    def links_to(self, name: str) -> Sequence[tuple[Declaration, str]]:
        """Return each (entity, field) whose link points at the entity called ``name``."""
        return [
            (entity, field.name)
            for entity in self.entities.values()
            for field in entity.fields.values()
            if field.target == name
        ]
