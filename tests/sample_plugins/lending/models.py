"""What lending adds to a book."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from core.model.entities import extend
from core.model.fields import field


@extend("library.book")
class LentBook:
    """How often the book was lent, and on what terms."""

    lending_count: Mapped[int] = field(label="Times lent", default=0, sort=True, filter=True)
    lending_terms: Mapped[str | None] = field(String(50), label="Terms")
