"""The three roles of the product and its database; what a serving role must not be able to do."""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

import asyncpg

from core.postgres.blocking import finish

SETTINGS = {
    # A generic plan made for a small tenant is otherwise reused for a big one.
    "plan_cache_mode": "force_custom_plan",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "5s",
}
NAMES = ("crm_owner", "crm_app", "crm_auditor")
LOCK = 7_310_201  # of pg_advisory_lock: two preparations at once would disturb each other
PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


class Unfit(RuntimeError):
    """The connected role could read or change rows past row security; the message names why."""


def prepare(admin_url: str, passwords: Mapping[str, str], database: str = "trellis") -> None:
    """Create or repair roles, role settings and the database; may run any number of times."""
    finish(prepare_async(admin_url, passwords, database))


async def prepare_async(
    admin_url: str, passwords: Mapping[str, str], database: str = "trellis"
) -> None:
    """Do the same for callers that already are asynchronous."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"SELECT pg_advisory_lock({LOCK})")
        for role in NAMES:
            await _role(admin, role, passwords[role])
        for name, value in SETTINGS.items():
            await admin.execute(f"ALTER ROLE crm_app SET {name} = '{value}'")
        await _may_act_as_owner(admin)
        await _database(admin, database)
        inside = await asyncpg.connect(admin_url, database=database)
        try:
            await _schema(inside)
        finally:
            await inside.close()
    finally:
        await admin.close()


async def _role(admin: asyncpg.Connection, role: str, password: str) -> None:
    known = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
    verifier = scram(password)
    if known is None:
        await admin.execute(f"CREATE ROLE {role} LOGIN {PLAIN} PASSWORD '{verifier}'")
        return
    # Only a superuser may even mention these attributes, so they are named only when wrong.
    powers = ("super", "createdb", "createrole", "replication", "bypassrls")
    wrong = " ".join("NO" + _ATTRIBUTE[power] for power in powers if known[f"rol{power}"])
    await admin.execute(f"ALTER ROLE {role} LOGIN {wrong} PASSWORD '{verifier}'")
    if role != "crm_owner" and await _member(admin, role):
        await admin.execute(f"REVOKE crm_owner FROM {role}")


_ATTRIBUTE = {
    "super": "SUPERUSER",
    "createdb": "CREATEDB",
    "createrole": "CREATEROLE",
    "replication": "REPLICATION",
    "bypassrls": "BYPASSRLS",
}


async def _member(admin: asyncpg.Connection, role: str) -> bool:
    return bool(
        await admin.fetchval(
            "SELECT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'crm_owner'::regrole"
            " AND member = $1::regrole)",
            role,
        )
    )


async def _may_act_as_owner(admin: asyncpg.Connection) -> None:
    """Let an admin that is no superuser give objects to crm_owner."""
    # From 16 on the creator of a role may grant it but not become it, so asking "is it a member"
    # says too little; granting twice does no harm.
    if not await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await admin.execute("GRANT crm_owner TO CURRENT_USER")


async def _database(admin: asyncpg.Connection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    owner = await admin.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name
    )
    if owner is None:
        await _create(admin, quoted)
    elif owner != "crm_owner":
        await admin.execute(f"ALTER DATABASE {quoted} OWNER TO crm_owner")
    encoding = await admin.fetchval(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = $1", name
    )
    if encoding != "UTF8":
        raise Unfit(f"The database {name} is encoded in {encoding}; it must be UTF8.")
    for grant in (
        f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {quoted} TO {', '.join(NAMES)}",
        f"GRANT TEMPORARY ON DATABASE {quoted} TO crm_app",  # imports COPY into temporary tables
    ):
        await admin.execute(grant)


async def _create(admin: asyncpg.Connection, quoted: str) -> None:
    command = f"CREATE DATABASE {quoted} OWNER crm_owner TEMPLATE template0 ENCODING 'UTF8'"
    try:
        await admin.execute(f"{command} LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
    except (asyncpg.WrongObjectTypeError, asyncpg.InvalidParameterValueError):
        await admin.execute(command)  # a server without that locale


async def _schema(inside: asyncpg.Connection) -> None:
    for command in (
        "ALTER SCHEMA public OWNER TO crm_owner",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO crm_app, crm_auditor",
    ):
        await inside.execute(command)


def scram(password: str) -> str:
    """Return the verifier that PostgreSQL stores, so that no password reaches the server's log."""
    if not password.isascii() or not password.isprintable():
        raise ValueError("A database password may hold printable ASCII only.")
    salt, rounds = os.urandom(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    server = base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode()
    return f"SCRAM-SHA-256${rounds}:{base64.b64encode(salt).decode()}${stored}:{server}"


# Every role that the session may become counts, not only the one that it is.
_POWERS = """
SELECT rolname, rolname = session_user AS own, rolsuper, rolbypassrls, rolcreaterole
FROM pg_roles
WHERE pg_has_role(session_user, oid, 'MEMBER')
  AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolname = 'crm_owner')
ORDER BY rolname = session_user DESC, rolsuper DESC, rolname
LIMIT 1
"""

_OWNED = """
SELECT c.oid::regclass::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE pg_has_role(session_user, c.relowner, 'MEMBER') AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
LIMIT 1
"""


async def refuse_unfit(connection: asyncpg.Connection) -> None:
    """Refuse to serve as a role that row security does not bind, and name the object (A7)."""
    role = await connection.fetchval("SELECT session_user")
    power = await connection.fetchrow(_POWERS)
    if power is not None:
        raise Unfit(f"The role {role} must not serve: {_why(power)}. Serve as crm_app.")
    table = await connection.fetchval(_OWNED)
    if table is not None:
        raise Unfit(f"The role {role} must not serve: it owns {table}. Serve as crm_app.")


def _why(power: asyncpg.Record) -> str:
    name = "it" if power["own"] else f"it is a member of {power['rolname']}, which"
    if power["rolsuper"]:
        return f"{name} is a superuser"
    if power["rolbypassrls"]:
        return f"{name} has BYPASSRLS"
    if power["rolcreaterole"]:
        return f"{name} has CREATEROLE"
    return "it is crm_owner" if power["own"] else "it is a member of crm_owner"
