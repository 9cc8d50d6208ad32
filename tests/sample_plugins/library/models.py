"""Shelves, the books on them, and a ledger of what was read."""

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from core.model.entities import Entity, entity, extend
from core.model.fields import currency, field, link, money
from core.model.types import Tags


@entity(label="Shelf", plural="Shelves", title="name")
class Shelf(Entity):
    """A place for books. Its code is unique in the library."""

    name: Mapped[str] = field(String(100), label="Name", sort=True)
    code: Mapped[str] = field(String(20), label="Code", unique=True)


@entity(
    label="Book",
    plural="Books",
    title="title",
    indexed=(("title",), ("shelf_id", "created_at")),
    scopes={"shelf": "shelf_id"},
)
class Book(Entity):
    """A book stands on at most one shelf."""

    title: Mapped[str] = field(String(200), label="Title", sort=True)
    pages: Mapped[int] = field(label="Pages", default=0)
    shelf_id: Mapped[UUID | None] = link(Shelf, label="Shelf", on_delete="null")
    price: Mapped[int | None] = money(label="Price")
    currency: Mapped[str | None] = currency()
    tags: Mapped[list[str]] = field(Tags, label="Tags")


@entity(label="Reading", plural="Readings", title="reason", verbs=("list", "view"))
class Reading(Entity):
    """Somebody read a book. Readings are never changed."""

    book_id: Mapped[UUID] = link(Book, label="Book")
    reason: Mapped[str] = field(String(100), label="Reason")


@extend("core.user")
class Reader:
    """The shelf that a user looks after."""

    library_shelf_id: Mapped[UUID | None] = link(Shelf, label="Shelf")
