"""Every hook the kernel calls. The first word of a name says when it is called.

register_   Once, at start. No tenant, no I/O, plain ``def``. Returns declarations.
visible_    While a query is built. Returns criteria, or None for no opinion.
before_     Inside the transaction of a write. Raises Rejected to refuse. Returns nothing.
on_         After commit, from the outbox, at least once. Returns nothing.

A plugin leaves out the arguments it does not need, so a hook may gain arguments at any time.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import pluggy
from litestar import Controller

from core.registry.registry import Action, Card, Demo, Dictionary, Grant, Role, Scope, Screen, Tab

hookspec = pluggy.HookspecMarker("crm")
hookimpl = pluggy.HookimplMarker("crm")
F = TypeVar("F", bound=Callable[..., Any])


def applies_to(entity: str, *verbs: str) -> Callable[[F], F]:
    """Limit a ``before_`` hook to these writes; others do not call it.

    Without verbs it applies to every write on ``entity``. Stands below ``@hookimpl``. A plugin with
    rules for several entities has a function for each, with ``@hookimpl(specname="before_write")``.
    """

    def mark(function: F) -> F:
        function.__dict__["applies_to"] = (entity, frozenset(verbs))
        return function

    return mark


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a write is about to do: ``verb`` on the records ``ids`` of ``entity``.

    One change covers all records of a set-based write. ``values`` holds what is written, by column;
    it is empty for ``delete``, ``restore`` and ``purge``. A hook may replace values of a create or
    update and add further ones, also of fields that no body may carry; they are stored as given.
    """

    entity: str
    verb: str
    ids: tuple[Any, ...]
    values: dict[str, Any]


@hookspec
def register_roles() -> Sequence[Role]:  # type: ignore[empty-body]
    """Roles that users of a tenant may hold while the plugin is on."""


@hookspec
def register_scopes() -> Sequence[Scope]:  # type: ignore[empty-body]
    """Scopes: which attribute of a principal limits it to which rows."""


@hookspec
def register_grants() -> Sequence[Grant]:  # type: ignore[empty-body]
    """Who may do what on this plugin's entities or on those of a required plugin."""


@hookspec
def register_actions() -> Sequence[Action]:  # type: ignore[empty-body]
    """Operations on entities of this plugin or of a required one, beyond the generated ones."""


@hookspec
def register_dictionaries() -> Sequence[Dictionary]:  # type: ignore[empty-body]
    """Lists of choices that tenants may adapt."""


@hookspec
def register_routes() -> Sequence[type[Controller]]:  # type: ignore[empty-body]
    """Controllers to mount under ``/api/<plugin>``, for what generated routes cannot say.

    Every handler names its right: ``opt={"permission": "plugin.entity.action"}``.
    """


@hookspec
def register_tabs() -> Sequence[Tab]:  # type: ignore[empty-body]
    """Tabs of the pages of records, of this plugin's entities or of those of a required one."""


@hookspec
def register_cards() -> Sequence[Card]:  # type: ignore[empty-body]
    """Cards of the plugin's dashboard, beside those made of its entities' aggregates."""


@hookspec
def register_screens() -> Sequence[Screen]:  # type: ignore[empty-body]
    """Pages that no declaration of an entity can say: a portal's, a report."""


@hookspec
def register_demo() -> Sequence[Demo]:  # type: ignore[empty-body]
    """Demo records for a tenant that has the plugin on."""


@hookspec
def visible_rows(tenant: Any, actor: Any, entity: str) -> dict[str, Any] | None:
    """Criteria that each row of ``entity`` must meet before ``actor`` may see it.

    The criteria of all plugins are joined with AND. The hook never receives a row: a list page
    costs one query, however long the list.
    """


@hookspec
async def before_write(tenant: Any, actor: Any, change: Change, unit: Any) -> None:
    """Records are about to be created, updated or deleted. Raise ``Rejected`` to refuse.

    ``change.values`` may be completed: what stands there afterwards is written.
    """
