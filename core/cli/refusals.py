"""Which exceptions are refusals that an operator can act on, and the words for each."""

import asyncpg
from alembic.util.exc import CommandError

from core.errors import Refused, StartRefused
from core.postgres.backup import BackupRefused
from core.postgres.cluster_paths import Unusable
from core.postgres.roles import Unfit

PLAIN = (StartRefused, Unusable, Unfit, BackupRefused, CommandError)
UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
    TimeoutError,
)


def message_of(error: BaseException) -> str | None:
    """Return what to tell the operator, or None for an error that nobody expected."""
    if isinstance(error, PLAIN):
        return str(error)
    if isinstance(error, Refused):
        lines = [f"{e.pointer.removeprefix('#/')}: {e.detail}" for e in error.errors]
        return "\n".join(lines) or error.detail
    if isinstance(error, UNREACHABLE):
        return f"The database cannot be used: {error or type(error).__name__}."
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"The database role may not do this: {error}."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, RuntimeError) and str(error).startswith("the kernel's own migration"):
        return str(error)
    return None
