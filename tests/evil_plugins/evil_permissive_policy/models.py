"""One entity, declared as it should be."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from core.model.entities import Entity, entity
from core.model.fields import field


@entity(label="Note", plural="Evil permissive policy notes", title="code")
class Note(Entity):
    """A note with a code."""

    code: Mapped[str] = field(String(20), label="Code")
