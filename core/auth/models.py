"""The kernel's own entities: the people who sign in, and what they edited."""

from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.entities import Entity, entity
from core.fields import Email, Tags, field


@entity(
    label="User",
    plural="Users",
    title="name",
    columns=("name", "email", "roles", "is_active"),
    search=("name", "email"),
    filters=("is_active", "email"),
    order="name",
    indexed=(("created_at",), ("name",)),
    actions=("deactivate", "set_password"),
)
class User(Entity):
    """A person of one tenant. Rights follow from the roles; the stamp ends old tokens."""

    email: Mapped[str] = field(
        Email, label="E-mail", unique=True, pii="contact", erase="null", mobile=True
    )
    name: Mapped[str] = field(
        String(200),
        label="Name",
        filter=True,
        sort=True,
        pii="identity",
        erase="null",
        mobile=True,
    )
    roles: Mapped[list[str]] = field(Tags, label="Roles", audience=("admin",))
    is_active: Mapped[bool] = field(label="Active", default=True)
    token_version: Mapped[int] = field(label="Stamp", default=1, readonly=True, audience=())


@entity(
    label="Setting",
    plural="Settings",
    title="name",
    verbs=(),
    actions=("view", "update"),
)
class Setting(Entity):
    """What people of a tenant edited, laid over the file's defaults; one row per kind and name."""

    kind: Mapped[str] = field(Text, label="Kind")
    name: Mapped[str] = field(Text, label="Name")
    value: Mapped[dict[str, Any]] = field(JSONB, label="Value")
