"""What a caller is told when the database says no: never a word of the database's own."""

import asyncpg
import sqlalchemy as sa

from core.errors import Forbidden, Invalid, Refused, Unauthenticated, Unavailable

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    ConnectionError,
    OSError,
)
# The server has ended the session.
ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
# The transaction did not happen, and may well do so at the next attempt. The last two: another
# process has migrated a table whose shape this connection remembers.
AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)


class Broken(Refused):
    """A constraint refused a write; ``constraint`` and ``table`` say which one."""

    status, code, detail = 409, "conflict", "The change breaks a rule of the stored records."

    def __init__(self, error: asyncpg.PostgresError) -> None:
        super().__init__()
        self.sqlstate = str(getattr(error, "sqlstate", ""))
        self.constraint = str(getattr(error, "constraint_name", "") or "")
        self.table = str(getattr(error, "table_name", "") or "")


class Undone(Exception):
    """The transaction left nothing behind and may be run again; ``refusal`` when that is over."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__()
        self.refusal = refusal


def beneath(error: BaseException) -> BaseException:
    """Return the driver's error beneath SQLAlchemy's."""
    if isinstance(error, sa.exc.DBAPIError):
        return getattr(error.orig, "__cause__", None) or error
    return error


def has_answer(error: Exception) -> bool:
    """Return whether an error of the database has a refusal or a retry."""
    cause = beneath(error)
    if isinstance(cause, (*AGAIN, *ENDED)):
        return True
    return isinstance(cause, asyncpg.PostgresError) and isinstance(translate(cause), Refused)


def restated(
    raised: Exception, connection: asyncpg.Connection, *, committing: bool
) -> Exception | None:
    """Return what to raise in place of an error, or None when it is not the database's."""
    error = beneath(raised)
    if isinstance(error, AGAIN):
        return Undone(Unavailable("Too many changes at once; try again.", code="busy"))
    if connection.is_closed() or isinstance(error, ENDED):
        lost = Unavailable("The connection to the database was lost.", code="database")
        # Lost during COMMIT: nobody knows whether it happened, so it must not be done again.
        return lost if committing else Undone(lost)
    if isinstance(error, asyncpg.PostgresError):
        return translate(error)
    if isinstance(error, asyncpg.DataError):
        return Invalid("A value cannot be stored.")
    return None


def translate(error: asyncpg.PostgresError) -> Exception:
    """Return the refusal that stands for a database error; no text of the database gets out."""
    state = str(getattr(error, "sqlstate", "") or "")
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
    if state.startswith(("22", "54")):
        return Invalid("A value cannot be stored.")
    unknown: Exception = error
    return unknown
