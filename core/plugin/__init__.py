"""The plugin API: with ``core.plugin.ui`` and ``core.testing`` all that a plugin may import.

Declare entities in ``models.py``::

    @entity(label="Book", plural="Books", title="title", indexed=(("title",),))
    class Book(Entity):
        \"""A book stands on at most one shelf.\"""

        title: Mapped[str] = field(String(200), label="Title", sort=True)
        shelf_id: Mapped[UUID | None] = link(Shelf, label="Shelf", on_delete="null")

``Entity`` and ``entity`` declare, ``extend`` adds fields to another plugin's entity. ``field``,
``link``, ``user_link``, ``choice``, ``money``, ``currency`` and ``computed`` declare one field;
``Email``, ``Phone``, ``Tags`` and ``ScaledDecimal`` are the types that SQLAlchemy lacks, and
``in_units`` is the SQL of an amount in whole units of its currency, ``digits`` says how many
decimals that currency has, and ``amount`` writes one as it stands in JSON. ``Aggregate``,
``NamedFilter`` and ``Through`` (a scope over a link table) belong to an entity.

Wire the plugin in ``hooks.py``, with ``hookimpl`` on each function: ``Role``, ``Scope``,
``Grant``, ``Dictionary`` with its ``Choice``, ``Action`` and ``Demo`` are what the ``register_``
hooks return; ``Change`` is what a ``before_`` hook gets, and ``applies_to`` limits the hook to the
writes that it names.

Show it in ``ui.py``, with the names of ``core.plugin.ui``: ``Tab`` is a tab of a record's page,
``Card`` a card of the plugin's dashboard (its ``read`` returns a number, a text or a ``Chart``) and
``Screen`` a page of its own, such as one of a portal; ``register_tabs``, ``register_cards`` and
``register_screens`` return them. Their functions get the ``Page`` that is shown, a ``Connection``
to read with, and the ``Declaration`` of an entity.

Make tables in ``migrations/`` with ``tenant_table`` and ``tenant_columns``, and take them away
with ``drop_tenant_table`` and ``drop_tenant_columns``.

Write rules in ``services.py``. They get a ``Context`` (who asks: ``tenant``, ``principal``,
``rights``) and a ``Unit``, the open transaction (``fetch``, ``fetchrow``, ``fetchval``,
``execute``, ``session``). ``$1`` is the tenant's id in every statement. To refuse, raise
``Rejected``, ``Conflict``, ``Invalid`` (with one ``FieldError`` per wrong field), ``NotFound`` or
``Forbidden``. ``read_ids`` reads a list of ids out of a body, and ``change_many`` does one thing
to many records as the caller's rights allow, asking the hooks. ``visible_records`` returns records
of any entity as the caller may see them, and ``conditions`` the WHERE text of those rows for a
statement of your own.

``open_context`` gives a controller of ``register_routes`` the context of its request, ``read_id``
the id in its path, ``read_body`` its JSON object and ``read_values`` that object as a struct;
``error_message`` says in words of your own what is wrong with a field of a struct, and
``query_records`` answers a request with a list. A handler describes itself with
``opt={"doc": OperationDoc(…)}``.
"""

from core.access.rights import Principal, Rights
from core.database.connections import Connection, Unit
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Rejected
from core.model.aggregates import Aggregate, NamedFilter, Through
from core.model.conversion import amount
from core.model.currencies import digits, in_units
from core.model.entities import Declaration, Entity, entity, extend
from core.model.fields import choice, computed, currency, field, link, money, user_link
from core.model.struct_values import error_message, read_values
from core.model.types import Email, Phone, ScaledDecimal, Tags
from core.records.changes.bulk import change_many, read_ids
from core.records.row_filter import where_clause as conditions
from core.records.visible_records import visible_records
from core.registry.hookspecs import Change, applies_to, hookimpl
from core.registry.registry import (
    Action,
    Choice,
    Demo,
    Dictionary,
    Grant,
    Role,
    Scope,
)
from core.rest.entity.lists import query_records
from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.request.decode import read_body, read_id
from core.runtime.context import Context
from core.runtime.tenant import Tenant
from core.schema.sql.tables import (
    drop_tenant_columns,
    drop_tenant_table,
    tenant_columns,
    tenant_table,
)

__all__ = [
    "Action",
    "Aggregate",
    "Change",
    "Choice",
    "Conflict",
    "Connection",
    "Context",
    "Declaration",
    "Demo",
    "Dictionary",
    "Email",
    "Entity",
    "FieldError",
    "Forbidden",
    "Grant",
    "Invalid",
    "NamedFilter",
    "NotFound",
    "OperationDoc",
    "Phone",
    "Principal",
    "Rejected",
    "Rights",
    "Role",
    "ScaledDecimal",
    "Scope",
    "Tags",
    "Tenant",
    "Through",
    "Unit",
    "amount",
    "applies_to",
    "change_many",
    "choice",
    "computed",
    "conditions",
    "currency",
    "digits",
    "drop_tenant_columns",
    "drop_tenant_table",
    "entity",
    "error_message",
    "extend",
    "field",
    "hookimpl",
    "in_units",
    "link",
    "money",
    "open_context",
    "query_records",
    "read_body",
    "read_id",
    "read_ids",
    "read_values",
    "tenant_columns",
    "tenant_table",
    "user_link",
    "visible_records",
]
