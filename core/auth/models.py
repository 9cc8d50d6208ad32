"""The kernel's own entity: the people who sign in."""

from sqlalchemy import String
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
        String(200), label="Name", sort=True, pii="identity", erase="null", mobile=True
    )
    roles: Mapped[list[str]] = field(Tags, label="Roles", audience=("admin",))
    is_active: Mapped[bool] = field(label="Active", default=True)
    token_version: Mapped[int] = field(label="Stamp", default=1, readonly=True, audience=())
