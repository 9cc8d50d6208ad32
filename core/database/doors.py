"""The two doors to the one pool: reads on the driver, writes in one transaction.

Every transaction opens with one message: BEGIN, the tenant and the principal (SET LOCAL) and, for
a person, the check that the credential is still good. SQLAlchemy runs in AUTOCOMMIT on the same
connection, inside the transaction that the door opened, so both doors have one way to begin.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from core.access.rights import Principal
from core.database.migrate import driver_url
from core.errors import Forbidden, Refused, Unauthenticated, Unavailable

T = TypeVar("T")
ATTEMPTS = 4
_SAFE = re.compile(r"[A-Za-z0-9_.:+|*-]*")
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
    OSError,
)
_AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


def _literal(value: str) -> str:
    """Quote a value for SET LOCAL, which takes no parameters; refuses any unexpected character."""
    if not _SAFE.fullmatch(value):
        raise ValueError(f"not a value for a setting: {value!r}")
    return f"'{value}'"


def opening(tenant: UUID, principal: Principal, scopes: str) -> str:
    """Return the settings of a transaction and the check of its principal, as one text."""
    parts = [f"SET LOCAL app.tenant_id = {_literal(str(tenant))}"]
    if principal.id:
        parts.append(f"SET LOCAL app.principal = {_literal(principal.id)}")
    parts.append(f"SET LOCAL app.scopes = {_literal(scopes)}")
    for scope, value in principal.attributes.items():
        parts.append(f"SET LOCAL app.scope_{scope} = {_literal(value)}")
    if principal.kind in ("user", "api_key"):
        person = f"{_literal(principal.id or '')}, {int(principal.stamp)}"
        parts.append(f"SELECT crm_check({person})")
    if principal.session_id:
        parts.append(f"SELECT crm_check_session({_literal(principal.session_id)})")
    if principal.key_id:
        parts.append(f"SELECT crm_check_key({_literal(principal.key_id)})")
    return "; ".join(parts)


class Unit:
    """One open write transaction. ``connection`` is the driver's; ``session`` is made when asked."""

    def __init__(self, door: "Database", checkout: Any, connection: asyncpg.Connection) -> None:
        self._door = door
        self._checkout = checkout
        self._session: AsyncSession | None = None
        self.connection = connection
        self.ctx: Any = None

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Return all rows of a statement."""
        return await self.connection.fetch(sql, *values)

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
        """The ORM's session on this transaction; the door flushes it before the commit."""
        if self._session is None:
            engine = self._door.engine
            inner = sa.Connection(engine.sync_engine, connection=self._checkout)
            self._session = AsyncSession(
                bind=AsyncConnection(engine, inner), expire_on_commit=False
            )
        return self._session

    async def finish(self) -> None:
        """Send what the session still holds."""
        if self._session is not None:
            await self._session.flush()

    async def forget(self) -> None:
        """Let go of the session's objects; the connection stays with the door."""
        if self._session is not None:
            self._session.expunge_all()


class Database:
    """The pool of the application's role, and the two doors to it."""

    def __init__(self, url: str, *, size: int = 10, pooler: bool = False) -> None:
        cache = {"statement_cache_size": 0} if pooler else {"statement_cache_size": 512}
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=size,
            max_overflow=0,
            pool_timeout=10,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            connect_args={**cache, "server_settings": {"application_name": "trellis"}},
        )
        event.listen(self.engine.sync_engine, "reset", _discard_open)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def _checkout(self) -> Any:
        try:
            return await self.engine.raw_connection()
        except sa.exc.TimeoutError:
            raise Unavailable("The server is busy; try again.", code="busy") from None
        except _LOST as error:
            raise Unavailable("The database cannot be reached.", code="database") from error

    async def read(
        self, context: str, fn: Callable[[asyncpg.Connection], Awaitable[T]]
    ) -> T:
        """Run ``fn`` in a READ ONLY transaction under ``context``; a lost connection is retried."""
        try:
            return await self._read(context, fn)
        except _LOST:
            return await self._read(context, fn)

    async def _read(
        self, context: str, fn: Callable[[asyncpg.Connection], Awaitable[T]]
    ) -> T:
        checkout = await self._checkout()
        connection: asyncpg.Connection = checkout.driver_connection
        ended = False
        try:
            await connection.execute(f"BEGIN READ ONLY; {context}")
            result = await fn(connection)
            await connection.execute("COMMIT")
            ended = True
            return result
        except asyncpg.PostgresError as error:
            raise translate(error) from error
        finally:
            await self._end(checkout, connection, ended)

    async def write(self, context: str, fn: Callable[[Unit], Awaitable[T]]) -> T:
        """Run ``fn`` in one transaction and commit; run it again after 40001 or 40P01."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._write(context, fn)
            except _AGAIN as error:
                if attempt == ATTEMPTS - 1:
                    raise Unavailable("Too many changes at once; try again.") from error
                await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    async def _write(self, context: str, fn: Callable[[Unit], Awaitable[T]]) -> T:
        checkout = await self._checkout()
        connection: asyncpg.Connection = checkout.driver_connection
        unit = Unit(self, checkout, connection)
        ended = False
        try:
            await connection.execute(f"BEGIN; {context}")
            result = await fn(unit)
            await unit.finish()
            await connection.execute("COMMIT")
            ended = True
            return result
        except _AGAIN:
            raise
        except sa.exc.DBAPIError as error:
            cause = getattr(error.orig, "__cause__", None)
            if isinstance(cause, _AGAIN):
                raise cause from error
            if isinstance(cause, asyncpg.PostgresError):
                raise translate(cause) from error
            raise
        except asyncpg.PostgresError as error:
            raise translate(error) from error
        finally:
            await unit.forget()
            await self._end(checkout, connection, ended)

    async def _end(self, checkout: Any, connection: asyncpg.Connection, ended: bool) -> None:
        """Give the connection back clean, whatever happened, also to a cancelled task."""
        if ended and not connection.is_in_transaction():
            await greenlet_spawn(checkout.close)
            return
        # A cancelled task would otherwise hand its tenant to the next borrower.
        await asyncio.shield(_abandon(checkout, connection))


async def _abandon(checkout: Any, connection: asyncpg.Connection) -> None:
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await asyncio.wait_for(connection.execute("ROLLBACK"), 2)
    except (*_LOST, asyncpg.PostgresError, TimeoutError):
        connection.terminate()
    if connection.is_closed():
        await greenlet_spawn(checkout.invalidate)
    await greenlet_spawn(checkout.close)


def _discard_open(dbapi_connection: Any, record: Any, state: Any) -> None:
    """Never lend a connection on which a transaction is still open."""
    driver = dbapi_connection.driver_connection
    if driver.is_closed() or driver.is_in_transaction():
        driver.terminate()
        record.invalidate()


def translate(error: asyncpg.PostgresError) -> Exception:
    """Return the refusal that stands for a database error; no text of the database gets out."""
    state = getattr(error, "sqlstate", "") or ""
    if state == "TR401":
        return Unauthenticated()
    if state == "42501":
        return Forbidden()
    if state in ("57014", "55P03"):
        return Unavailable("The request took too long; narrow it.", code="timeout")
    if state.startswith(("08", "53", "57")):
        return Unavailable("The database cannot serve this now.", code="database")
    if state.startswith("23"):
        return Broken(error)
    return error


class Broken(Refused):
    """A constraint refused a write; ``constraint`` and ``table`` say which one."""

    status, code, detail = 409, "conflict", "The change breaks a rule of the stored records."

    def __init__(self, error: asyncpg.PostgresError) -> None:
        super().__init__()
        self.sqlstate = str(getattr(error, "sqlstate", ""))
        self.constraint = str(getattr(error, "constraint_name", "") or "")
        self.table = str(getattr(error, "table_name", "") or "")
