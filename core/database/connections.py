"""Access to the one pool: reads on the driver, writes in a unit of work.

Every transaction opens with one message: BEGIN, the tenant and the principal (SET LOCAL) and, for
a person, the check that the credential is still good. SQLAlchemy runs in AUTOCOMMIT on the same
connection, inside the transaction that ``Database`` opened, so both begin in the same way.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from core.database.refusals import LOST, Broken, Undone, restated, translate
from core.database.repository import Records, keep_to
from core.errors import Unavailable
from core.model.entities import Entity
from core.postgres.urls import driver_url

__all__ = ["Broken", "Connection", "Database", "Unit", "translate"]

# Planning under row security costs more than fetching one row does, and for rows found by their
# key there is one right plan for every tenant. Elsewhere the role plans each time: a list's plan
# for a small tenant must never serve a large one. Without sequential scans, because such a plan
# may be made while the table is still empty.
KEYED = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off"
T = TypeVar("T")
# How the server lists the connections of the pool.
APPLICATION = "trellis"
# How long at most to wait before each further attempt, in seconds.
PAUSES = (0.01, 0.03, 0.1, 0.3)
# A statement of a plugin may have SET something for the session: the next borrower must not see it.
COMMIT = "COMMIT; RESET ALL"


class Connection(Protocol):
    """The driver's connection inside an open transaction, as far as a read needs it."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return all rows of a statement."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """Return the first row of a statement, or None."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Return the first value of the first row, or None."""


class Unit:
    """One open write transaction. ``connection`` is the driver's; ``session`` is made on demand."""

    def __init__(self, database: "Database", checkout: Any, connection: asyncpg.Connection) -> None:
        self._database = database
        self._checkout = checkout
        self._session: AsyncSession | None = None
        self.connection = connection
        self.ctx: Any = None

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Return all rows of a statement."""
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *values)
        return rows

    async def fetchrow(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """Return the first row of a statement, or None."""
        return await self.connection.fetchrow(sql, *values)

    async def fetchval(self, sql: str, *values: Any) -> Any:
        """Return the first value of the first row, or None."""
        return await self.connection.fetchval(sql, *values)

    async def execute(self, sql: str, *values: Any) -> int:
        """Run a statement; return how many rows it changed."""
        status = await self.connection.execute(sql, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of ``rows`` in one round trip."""
        await self.connection.executemany(sql, rows)

    @property
    def session(self) -> AsyncSession:
        """The ORM's session on this transaction; ``Database`` flushes it before the commit."""
        if self._session is None:
            engine = self._database.engine
            inner = sa.Connection(engine.sync_engine, connection=self._checkout)
            self._session = AsyncSession(
                bind=AsyncConnection(engine, inner), expire_on_commit=False
            )
            if self.ctx is not None:
                keep_to(self._session, self.ctx.tenant.id)
        return self._session

    def records(self, declared: type[Entity]) -> Records:
        """Return the repository of an entity's records in the transaction's tenant."""
        return Records(self.ctx.platform.models[declared], self.session, self.ctx.tenant.id)

    async def finish(self) -> None:
        """Flush what the session still holds."""
        if self._session is not None:
            await self._session.flush()

    async def forget(self) -> None:
        """Remove the session's objects; the connection stays open."""
        if self._session is not None:
            self._session.expunge_all()


class Database:
    """The pool of the application's role, with read-only transactions and units of work."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        pooler: bool = False,
        statement_timeout_ms: int | None = None,
    ) -> None:
        cache = {"statement_cache_size": 0} if pooler else {"statement_cache_size": 512}
        settings = {"application_name": APPLICATION}
        # A pooler shares its connections and refuses settings at the start; the role's 5 s stand.
        if statement_timeout_ms and not pooler:
            settings["statement_timeout"] = str(statement_timeout_ms)
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=10,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            json_deserializer=msgspec.json.decode,
            connect_args={**cache, "server_settings": settings},
        )
        event.listen(self.engine.sync_engine, "checkout", _replace_dead)
        event.listen(self.engine.sync_engine, "reset", _discard_open)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def _checkout(self) -> Any:
        try:
            return await self.engine.raw_connection()
        except sa.exc.TimeoutError:
            raise Unavailable("The server is busy; try again.", code="busy") from None
        except (*LOST, self.engine.dialect.loaded_dbapi.Error) as error:
            raise Unavailable("The database cannot be reached.", code="database") from error

    async def read(self, context: str, fn: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Run ``fn`` in a READ ONLY transaction under ``context``; again when it was lost."""
        return await self._again(lambda: self._transaction("BEGIN READ ONLY", context, fn))

    async def write(self, context: str, fn: Callable[[Unit], Awaitable[T]]) -> T:
        """Run ``fn`` in one transaction and commit; again when it did not happen."""
        return await self._again(lambda: self._write(context, fn))

    async def _again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for pause in PAUSES:
            try:
                return await attempt()
            except Undone:
                # A random pause, so that two conflicting transactions do not meet again.
                await asyncio.sleep(pause * random.random())  # noqa: S311
        try:
            return await attempt()
        except Undone as undone:
            raise undone.refusal from undone

    async def _write(self, context: str, fn: Callable[[Unit], Awaitable[T]]) -> T:
        async def run(connection: asyncpg.Connection) -> T:
            unit = Unit(self, checkout, connection)
            try:
                result = await fn(unit)
                await unit.finish()
            finally:
                await unit.forget()
            return result

        checkout = await self._checkout()
        return await self._run(checkout, "BEGIN", context, run)

    async def _transaction(
        self, begin: str, context: str, fn: Callable[[asyncpg.Connection], Awaitable[T]]
    ) -> T:
        return await self._run(await self._checkout(), begin, context, fn)

    async def _run(
        self,
        checkout: Any,
        begin: str,
        context: str,
        fn: Callable[[asyncpg.Connection], Awaitable[T]],
    ) -> T:
        connection: asyncpg.Connection = checkout.driver_connection
        ended = committing = False
        try:
            await connection.execute(f"{begin}; {context}")
            result = await fn(connection)
            committing = True
            await connection.execute(COMMIT)
            ended = True
            return result
        except Exception as error:
            refusal = restated(error, connection, committing=committing)
            if refusal is None:
                raise
            raise refusal from error
        finally:
            await self._end(checkout, connection, ended)

    async def _end(self, checkout: Any, connection: asyncpg.Connection, ended: bool) -> None:
        """Give the connection back clean, whatever happened, also to a cancelled task."""
        if ended and not connection.is_in_transaction():
            checkout.close()  # waits for nothing, so it needs no greenlet to wait in
            return
        # A cancelled task would otherwise hand its tenant to the next borrower.
        await asyncio.shield(_abandon(checkout, connection))


async def _abandon(checkout: Any, connection: asyncpg.Connection) -> None:
    try:
        # Always: while the opening message is under way the driver says "not in a transaction".
        if not connection.is_closed():
            await asyncio.wait_for(connection.execute("ROLLBACK; RESET ALL"), 2)
    except (*LOST, asyncpg.PostgresError):
        connection.terminate()
    if connection.is_closed() and checkout.is_valid:  # SQLAlchemy may have noticed already
        await greenlet_spawn(checkout.invalidate)
    await greenlet_spawn(checkout.close)


def _replace_dead(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    """Never lend a connection that the server has closed meanwhile; the pool opens another."""
    if dbapi_connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError


def _discard_open(dbapi_connection: Any, record: Any, state: Any) -> None:
    """Never lend a connection on which a transaction is still open."""
    driver = dbapi_connection.driver_connection
    if driver.is_closed() or driver.is_in_transaction():
        driver.terminate()
        record.invalidate()
