"""The kernel's own entities: the people who sign in, their keys, and what they edited."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.model.entities import Entity, entity
from core.model.fields import field, user_link
from core.model.types import Email, Tags


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


@entity(
    label="API key",
    plural="API keys",
    title="name",
    resource="api-keys",
    columns=("name", "user_id", "scopes", "expires_at", "last_used_at"),
    verbs=("list", "view", "delete"),
    actions=("create",),
    indexed=(("created_at",), ("name",)),
)
class ApiKey(Entity):
    """A program's right to act for one person, within scopes; deleting it ends it at once."""

    user_id: Mapped[UUID] = user_link(label="User", on_delete="cascade", readonly=True, filter=True)
    name: Mapped[str] = field(String(200), label="Name", sort=True, readonly=True)
    hash: Mapped[str] = field(String(64), label="Digest", readonly=True, audience=())
    scopes: Mapped[list[str]] = field(Tags, label="Scopes", readonly=True)
    expires_at: Mapped[datetime | None] = field(
        DateTime(timezone=True), label="Expires", readonly=True
    )
    last_used_at: Mapped[datetime | None] = field(
        DateTime(timezone=True), label="Last used", readonly=True
    )
