"""What a field is: the words with which an entity is declared, and the frozen record of each.

Each word returns a SQLAlchemy ``mapped_column`` whose ``info`` carries the ``Field``, so there is
one declaration and no parallel schema.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeEngine

from core.errors import StartRefused
from core.model.types import Kind, pairs_of

OnDelete = Literal["restrict", "cascade", "null"]
OnMerge = Literal["repoint", "keep", "drop"]
OnErase = Literal["keep", "null", "delete"]
Audience = Literal["all"] | tuple[str, ...]
Pii = Literal["none", "identity", "contact", "location", "financial", "behaviour", "free_text"]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """All that the kernel knows of one field; ``name`` and ``plugin`` come with the entity."""

    name: str = ""
    plugin: str = ""
    kind: Kind = "text"
    label: str = ""
    help: str = ""
    required: bool = False
    nullable: bool = True
    unique: bool = False
    default: Any = None
    readonly: bool = False
    readonly_for: tuple[str, ...] = ()
    system: bool = False
    detail_only: bool = False
    mobile: bool = False
    audience: Audience = "all"
    pii: Pii = "none"
    erase: OnErase = "keep"
    search: bool = False
    filter: bool = False
    sort: bool = False
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    scale: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    dictionary: str | None = None
    target: Any = None
    on_delete: OnDelete = "restrict"
    on_merge: OnMerge = "repoint"
    on_erase: OnErase = "keep"
    currency: str | None = None
    sql: str | None = None
    stored: bool = True
    validators: tuple[Callable[[Any], Any], ...] = ()

    @property
    def sort_column(self) -> str:
        """The column that orders by this field: people's texts sort by a folded key."""
        return f"{self.name}_key" if self.has_key else self.name

    @property
    def has_key(self) -> bool:
        """Whether a stored, folded companion column exists (sorting and prefix search)."""
        return self.kind == "text" and self.sort and self.stored and not self.sql


def field(
    type_: TypeEngine[Any] | type[TypeEngine[Any]] | None = None,
    *,
    label: str,
    help: str = "",
    required: bool | None = None,
    unique: bool = False,
    default: Any = None,
    readonly: bool = False,
    readonly_for: tuple[str, ...] = (),
    detail_only: bool = False,
    mobile: bool = False,
    audience: Audience = "all",
    pii: Pii = "none",
    erase: OnErase = "keep",
    search: bool = False,
    filter: bool = False,
    sort: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    validators: Sequence[Callable[[Any], Any]] = (),
) -> Any:
    """Declare one field of an entity; its type comes from ``type_`` or from the annotation.

    ``Mapped[X | None]`` may be null. A field that may not be null and has no default is required.
    ``audience`` names the roles that see it (a tenant administrator always does); ``readonly_for``
    the roles that may not write it. ``unique`` means among the tenant's records that are not in
    the trash. Each of ``validators`` takes the value, returns what is stored, and raises
    ``ValueError`` with a sentence for people. Refuses a wrong combination at import with
    ``StartRefused``.
    """
    if default is not None and required:
        raise StartRefused(f"field {label!r}: a required field has no default")
    spec = Field(
        label=label,
        help=help,
        required=bool(required),
        unique=unique,
        default=default,
        readonly=readonly,
        readonly_for=readonly_for,
        detail_only=detail_only,
        mobile=mobile,
        audience=audience,
        pii=pii,
        erase=erase,
        search=search,
        filter=filter,
        sort=sort,
        minimum=minimum,
        maximum=maximum,
        validators=tuple(validators),
    )
    if type_ is None:
        return mapped_column(info={"field": spec})
    return mapped_column(type_() if isinstance(type_, type) else type_, info={"field": spec})


def link(
    target: Any,
    *,
    label: str,
    on_delete: OnDelete = "restrict",
    on_merge: OnMerge = "repoint",
    on_erase: OnErase = "keep",
    help: str = "",
    readonly: bool = False,
    readonly_for: tuple[str, ...] = (),
    mobile: bool = False,
    audience: Audience = "all",
    unique: bool = False,
    filter: bool = True,
) -> Any:
    """Declare a reference to a record of ``target`` (a class, or ``"plugin.entity"``).

    It makes the column, the composite foreign key and the relationship. The attribute ends in
    ``_id``. A body may only name a record that its sender can see.
    """
    spec = Field(
        kind="link",
        label=label,
        help=help,
        target=target,
        on_delete=on_delete,
        on_merge=on_merge,
        on_erase=on_erase,
        readonly=readonly,
        readonly_for=readonly_for,
        mobile=mobile,
        audience=audience,
        unique=unique,
        filter=filter,
    )
    return mapped_column(sa.Uuid(), info={"field": spec})


def user_link(*, label: str, on_delete: OnDelete = "restrict", **options: Any) -> Any:
    """Declare a reference to a user of the tenant."""
    return link("core.user", label=label, on_delete=on_delete, **options)


def choice(
    choices: type[StrEnum] | Sequence[tuple[str, str]] | str,
    *,
    label: str,
    default: str | None = None,
    help: str = "",
    readonly: bool = False,
    readonly_for: tuple[str, ...] = (),
    mobile: bool = False,
    audience: Audience = "all",
    filter: bool = True,
    sort: bool = False,
) -> Any:
    """Declare a value out of a list: an enum, pairs of code and label, or a tenant's dictionary.

    A dictionary is named ``"plugin.name"``, and its codes are checked against the tenant's own.
    """
    pairs: tuple[tuple[str, str], ...] = ()
    if isinstance(choices, type):
        pairs = pairs_of(choices)
    elif not isinstance(choices, str):
        pairs = tuple(choices)
    spec = Field(
        kind="choice",
        label=label,
        help=help,
        default=default,
        readonly=readonly,
        readonly_for=readonly_for,
        mobile=mobile,
        audience=audience,
        filter=filter,
        sort=sort,
        choices=pairs,
        dictionary=choices if isinstance(choices, str) else None,
        max_length=50,
    )
    return mapped_column(sa.String(50), info={"field": spec})


def money(
    *,
    label: str,
    currency: str = "currency",
    default: int | None = None,
    help: str = "",
    readonly: bool = False,
    readonly_for: tuple[str, ...] = (),
    mobile: bool = False,
    audience: Audience = "all",
    filter: bool = False,
    sort: bool = False,
) -> Any:
    """Declare an amount: bigint minor units in the database, a string in JSON.

    ``currency`` names the sibling field that holds the ISO 4217 code.
    """
    spec = Field(
        kind="money",
        label=label,
        help=help,
        default=default,
        currency=currency,
        readonly=readonly,
        readonly_for=readonly_for,
        mobile=mobile,
        audience=audience,
        filter=filter,
        sort=sort,
        pii="financial",
    )
    return mapped_column(sa.BigInteger(), info={"field": spec})


def currency(*, label: str = "Currency", readonly: bool = False) -> Any:
    """Declare the ISO 4217 code beside an amount; it defaults to the tenant's currency."""
    spec = Field(kind="currency", label=label, readonly=readonly, max_length=3)
    return mapped_column(sa.String(3), info={"field": spec})


def computed(
    type_: TypeEngine[Any] | type[TypeEngine[Any]],
    sql: str,
    *,
    label: str,
    stored: bool = True,
    help: str = "",
    detail_only: bool = False,
    audience: Audience = "all",
    filter: bool = False,
    sort: bool = False,
    uses: tuple[str, ...] = (),
) -> Any:
    """Declare a value that the database computes from other columns of the row.

    ``stored`` makes it GENERATED … STORED, and only then may it filter or sort; otherwise it is
    computed when shown. ``sql`` may use columns of the row only: unqualified when stored, prefixed
    with ``{t}.`` when not; there ``{tenant_name}`` is the tenant's name as text.
    """
    if (filter or sort) and not stored:
        raise StartRefused(f"computed field {label!r}: only a stored one may filter or sort")
    spec = Field(
        label=label,
        help=help,
        readonly=True,
        detail_only=detail_only,
        audience=audience,
        filter=filter,
        sort=sort,
        sql=sql,
        stored=stored,
    )
    column = type_() if isinstance(type_, type) else type_
    if stored:
        return mapped_column(column, sa.Computed(sql, persisted=True), info={"field": spec})
    return Display(column, spec)


class Display:
    """A computed field without a column: its SQL stands in the select list only."""

    def __init__(self, type_: TypeEngine[Any], spec: Field) -> None:
        self.type = type_
        self.spec = spec
