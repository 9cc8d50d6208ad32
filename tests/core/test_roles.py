"""The roles of the product: made on any PostgreSQL from 15, and unfit ones never serve (A7)."""

from collections.abc import Iterator

import asyncpg
import pytest

from core.postgres import embedded, roles
from core.postgres.blocking import finish
from core.postgres.roles import NAMES, Unfit
from tests.core.apps import ask

SECRETS = {name: f"secret-{name}" for name in NAMES}


@pytest.fixture(scope="module")
def server(own_server: embedded.Server) -> str:
    return own_server.url("postgres", "postgres")


@pytest.fixture(params=["server", "old_server"])
def admin(request: pytest.FixtureRequest) -> Iterator[str]:
    """An administrator's URL on each server, where nothing of ours exists before the test."""
    url = request.getfixturevalue(request.param)
    _clear(url)
    yield url
    _clear(url)


def _clear(url: str) -> None:
    for statement in (
        "DROP DATABASE IF EXISTS trellis WITH (FORCE)",
        *(f"DROP ROLE IF EXISTS {name}" for name in (*NAMES, "outsider", "half_admin")),
    ):
        ask(url, statement)


def of(url: str, role: str, password: str = "", database: str = "trellis") -> str:
    """Return the same server's URL for another role and database."""
    head, tail = url.split("@/")
    login = f"{role}:{password or SECRETS[role]}" if role else head.removeprefix("postgresql://")
    return f"postgresql://{login}@/{database}?{tail.split('?')[1]}"


def refuse(url: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await roles.refuse_unfit(connection)
        finally:
            await connection.close()

    finish(run())


def check_prepared(admin: str) -> None:
    app = of(admin, "crm_app")
    for name, value in roles.SETTINGS.items():
        assert ask(app, f"SHOW {name}") == value.replace("60s", "1min")
    assert ask(app, "SHOW server_encoding") == "UTF8"
    owners = "SELECT array_agg(nspowner::regrole::text) FROM pg_namespace WHERE nspname = 'public'"
    assert ask(app, owners) == ["crm_owner"]
    database = "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'trellis'"
    assert ask(app, database) == "crm_owner"
    powers = (
        "SELECT bool_or(rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        " OR rolreplication OR NOT rolcanlogin) FROM pg_roles WHERE rolname LIKE 'crm%'"
    )
    assert ask(app, powers) is False
    assert ask(of(admin, "crm_owner"), "CREATE TABLE t (n int)", "DROP TABLE t") is None
    assert ask(of(admin, "crm_auditor"), "SELECT current_user") == "crm_auditor"


def test_prepare_makes_roles_and_database_any_number_of_times(admin: str) -> None:
    roles.prepare(admin, SECRETS)
    check_prepared(admin)
    roles.prepare(admin, SECRETS)
    check_prepared(admin)


def test_prepare_works_for_an_admin_that_is_no_superuser(admin: str) -> None:
    ask(admin, "CREATE ROLE half_admin LOGIN CREATEROLE CREATEDB PASSWORD 'half'")
    half = of(admin, "half_admin", "half", "postgres")
    roles.prepare(half, SECRETS)
    roles.prepare(half, SECRETS)
    check_prepared(admin)
    ask(admin, "DROP DATABASE trellis", "DROP OWNED BY half_admin")
    ask(admin, *(f"DROP ROLE {name}" for name in NAMES))


def test_prepare_repairs_powers_and_adopts_an_existing_database(admin: str) -> None:
    ask(admin, "CREATE DATABASE trellis TEMPLATE template0 ENCODING 'UTF8'")
    ask(admin, "CREATE ROLE crm_owner", "CREATE ROLE crm_app SUPERUSER BYPASSRLS")
    ask(admin, "GRANT crm_owner TO crm_app")
    roles.prepare(admin, SECRETS)
    check_prepared(admin)
    refuse(of(admin, "crm_app"))


def test_database_that_is_not_utf8_is_refused(admin: str) -> None:
    # From 16 on a database takes its locale provider from the template.
    libc = " LOCALE_PROVIDER libc" if ask(admin, "SHOW server_version_num") > "160000" else ""
    base = "CREATE DATABASE trellis TEMPLATE template0 LOCALE 'C' ENCODING 'SQL_ASCII'"
    ask(admin, base + libc)
    with pytest.raises(Unfit, match="encoded in SQL_ASCII"):
        roles.prepare(admin, SECRETS)


def test_only_the_three_roles_may_connect_and_only_the_owner_may_create(admin: str) -> None:
    roles.prepare(admin, SECRETS)
    ask(admin, "CREATE ROLE outsider LOGIN PASSWORD 'out'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        ask(of(admin, "outsider", "out"), "SELECT 1")
    for role in ("crm_app", "crm_auditor"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema public"):
            ask(of(admin, role), "CREATE TABLE mine (n int)")
    # Imports COPY into a temporary table (ruling 5).
    ask(of(admin, "crm_app"), "CREATE TEMP TABLE mine (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="temporary tables"):
        ask(of(admin, "crm_auditor"), "CREATE TEMP TABLE mine (n int)")


def test_app_role_cannot_lift_row_security(admin: str) -> None:
    """A7: ALTER and DROP POLICY, session_replication_role, TRUNCATE as app are denied."""
    roles.prepare(admin, SECRETS)
    ask(
        of(admin, "crm_owner"),
        "CREATE TABLE walled (n int)",
        "ALTER TABLE walled ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY wall ON walled USING (n = 1)",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON walled TO crm_app",
        "INSERT INTO walled VALUES (1), (2)",
    )
    app = of(admin, "crm_app")
    assert ask(app, "SELECT count(*) FROM walled") == 1
    for statement in (
        "ALTER POLICY wall ON walled USING (true)",
        "DROP POLICY wall ON walled",
        "ALTER TABLE walled DISABLE ROW LEVEL SECURITY",
        "SET session_replication_role = replica",
        "TRUNCATE walled",
        "SET ROLE crm_owner",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(app, statement)


def test_unfit_roles_are_refused_by_name(admin: str) -> None:
    """A7: the program refuses to serve as superuser, owner, member of the owner or BYPASSRLS."""
    roles.prepare(admin, SECRETS)
    app = of(admin, "crm_app")
    refuse(app)
    with pytest.raises(Unfit, match="is a superuser"):
        refuse(of(admin, "", database="trellis"))
    with pytest.raises(Unfit, match="it is crm_owner"):
        refuse(of(admin, "crm_owner"))
    for give, take, named in (
        ("ALTER ROLE crm_app BYPASSRLS", "ALTER ROLE crm_app NOBYPASSRLS", "has BYPASSRLS"),
        ("ALTER ROLE crm_app CREATEROLE", "ALTER ROLE crm_app NOCREATEROLE", "CREATEROLE"),
        ("GRANT crm_owner TO crm_app", "REVOKE crm_owner FROM crm_app", "a member of crm_owner"),
    ):
        ask(admin, give)
        with pytest.raises(Unfit, match=named):
            refuse(app)
        ask(admin, take)
    ask(of(admin, ""), "CREATE TABLE strayed (n int)", "ALTER TABLE strayed OWNER TO crm_app")
    with pytest.raises(Unfit, match="it owns strayed"):
        refuse(app)


def test_passwords_never_reach_the_server(admin: str) -> None:
    verifier = roles.scram("p@ss word")
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert "p@ss word" not in verifier
    with pytest.raises(ValueError, match="ASCII"):
        roles.scram("pässword")
    roles.prepare(admin, {**SECRETS, "crm_app": "p@ss word"})
    assert ask(of(admin, "crm_app", "p%40ss%20word"), "SELECT 1") == 1
