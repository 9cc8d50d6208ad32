"""The ORM for plugin services: advanced-alchemy's repository, by bare id, in one tenant.

Generated routes do not use it: they write SQL of their own (decision 3).
"""

from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from core.model.entities import Entity

E = TypeVar("E", bound=Entity)


class Records(SQLAlchemyAsyncRepository[Any]):
    """The records of one entity in one tenant, without those in the trash.

    Takes a bare id and adds the tenant, so that every statement names both parts of the key.
    Refuses with advanced-alchemy's ``NotFoundError`` what is not there. Values that the database
    sets are read back by the flush; nothing is refreshed twice. Do not use ``list_and_count`` on
    large entities: its window function counts every row.
    """

    def __init__(self, model: type[E], session: AsyncSession, tenant_id: UUID) -> None:
        self.model_type = model
        self.tenant_id = tenant_id
        live: Any = sa.select(model).where(model.tenant_id == tenant_id, model.deleted_at.is_(None))
        super().__init__(session=session, statement=live, auto_refresh=False, wrap_exceptions=False)

    def new(self, **values: Any) -> Any:
        """Return a record of this tenant that is not stored yet; ``add`` stores it."""
        return self.model_type(tenant_id=self.tenant_id, **values)

    async def get(self, item_id: Any, **options: Any) -> Any:
        """Return the record with this id."""
        return await super().get((self.tenant_id, item_id), **options)

    async def delete(self, item_id: Any, **options: Any) -> Any:
        """Delete the record with this id for good and return it."""
        return await super().delete((self.tenant_id, item_id), **options)


def keep_to(session: AsyncSession, tenant_id: UUID) -> None:
    """Let the session write records of one tenant only; the database would refuse others later."""

    def check(inner: Session, *_: Any) -> None:
        for record in (*inner.new, *inner.dirty, *inner.deleted):
            if getattr(record, "tenant_id", tenant_id) != tenant_id:
                raise ValueError(f"{type(record).__name__} belongs to another tenant")

    sa.event.listen(session.sync_session, "before_flush", check)
