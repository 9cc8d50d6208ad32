"""The command line over a real database: first runs, the demo twice, backups, users, serving."""

import asyncio
import re
import signal
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from core.cli.commands.demo import PASSWORD
from core.config import generated_key
from core.postgres import embedded
from tests.core.apps import ask
from tests.core.commands import Project, copy_of_the_source, free_port

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

SLOW = '''
"""A route that takes its time."""

import asyncio

from litestar import Controller, get


class Nap(Controller):
    """Answers after a while."""

    path = "/nap"

    @get("/", opt={"permission": "customers.customer.list"})
    async def nap(self) -> dict[str, bool]:
        """Answer late."""
        await asyncio.sleep(3)
        return {"rested": True}
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A migrated installation with customers, one of whose routes is slow."""
    folder = tmp_path_factory.mktemp("cli")
    source = copy_of_the_source(folder / "source")
    hooks = source / "plugins" / "customers" / "hooks.py"
    wired = "\n\n@hookimpl\ndef register_routes():\n    return [Nap]\n"
    hooks.write_text(
        hooks.read_text() + "\n\nfrom plugins.customers.nap import Nap  # noqa\n" + wired
    )
    (hooks.parent / "nap.py").write_text(SLOW)
    made = Project(folder, ("customers",), source)
    server = embedded.ensure(made.home)  # kept, so that no command has to start it again
    made.crm("db", "init")
    assert "core: nothing -> core_" in made.crm("db", "migrate")
    yield made
    server.leave()
    embedded.drop(made.home)


@pytest.fixture
def url(project: Project) -> Iterator[str]:
    server = embedded.ensure(project.home)
    yield server.url("crm_owner")
    server.leave()


def counts(url: str) -> dict[str, int]:
    async def run() -> dict[str, int]:
        connection = await asyncpg.connect(url)
        try:
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace ORDER BY relname"
            )
            return {n: await connection.fetchval(f'SELECT count(*) FROM "{n}"') for (n,) in names}
        finally:
            await connection.close()

    return asyncio.run(run())


def test_migrating_again_changes_nothing_and_the_schema_is_fit(project: Project) -> None:
    assert "customers: up to date" in project.crm("db", "migrate")
    assert "keeps every rule" in project.crm("db", "lint")
    assert "running       pid" in project.crm("db", "status")


def test_the_demo_twice_makes_the_same_records_once(project: Project, url: str) -> None:
    said = project.crm("demo", "--scale", "0.01")
    assert "http://acme.localhost:8000" in said
    assert PASSWORD in said
    first = counts(url)
    assert first["core_user"] >= 10
    assert first["customers_customer"] > 0
    project.crm("demo", "--scale", "0.01")
    assert counts(url) == first


def test_init_makes_tenant_administrator_and_a_link_that_works_once(project: Project) -> None:
    given = ("--slug", "north", "--name", "North", "--email", "boss@north.example")
    said = project.crm("init", *given)
    assert "within 15 minutes" in said
    token = re.search(r"crp_[\w-]+", said)
    assert token is not None
    assert "[tenants.north]" in project.config.read_text()
    body = {"token": token[0], "password": "a fine long word"}
    link = re.search(r"/app/reset/\S+", said)
    assert link is not None
    with project.serving() as served, httpx.Client(base_url=served.url) as client:
        assert token[0] in client.get(link[0]).text
        assert client.post("/api/auth/reset_password/", json=body).status_code < 300
        assert client.post("/api/auth/reset_password/", json=body).status_code == 404
        login = {"email": "boss@north.example", "password": "a fine long word"}
        assert client.post("/api/auth/login/", json=login).status_code == 200


def test_users_are_created_once_and_their_password_set(project: Project) -> None:
    given = ("pat@acme.example", "--tenant", "acme", "--role", "staff")
    assert "was created in acme" in project.crm("user", "create", *given)
    assert "exists already" in project.crm("user", "create", *given)
    refused = project.crm("user", "create", "x@acme.example", "--tenant", "acme",
                          "--role", "nobody", good=False)  # fmt: skip
    assert "nobody" in refused
    secret = project.crm(
        "user", "set-password", "pat@acme.example", "--tenant", "acme",
        CRM_PASSWORD="quite another word",
    )  # fmt: skip
    assert "quite another word" not in secret
    assert "crp_" in project.crm("user", "reset-link", "pat@acme.example", "--tenant", "acme")


def test_a_backup_is_restored_over_what_came_later(project: Project, url: str) -> None:
    target = project.folder / "kept.tar"
    generated_key(project.home)
    project.crm("backup", str(target))
    assert (project.home / "secret.key").exists()
    with tarfile.open(target) as opened:
        assert [n for n in opened.getnames() if "secret" in n] == []
    before = counts(url)
    project.crm("user", "create", "late@acme.example", "--tenant", "acme", "--role", "staff")
    assert counts(url) != before
    assert "not empty" in project.crm("restore", str(target), good=False)
    project.crm("restore", str(target), "--force")
    assert counts(url) == before
    assert "up to date" in project.crm("db", "migrate")


def test_a_request_in_flight_is_answered_while_the_server_drains(project: Project) -> None:
    answers: list[httpx.Response] = []
    with project.serving("--workers", "2") as served:
        ready = httpx.get(f"{served.url}/health/ready")
        assert ready.json() == {
            "status": "ready", "database": "ok", "migrations": "ok", "plugins": "ok",
        }  # fmt: skip
        slow = f"{served.url}/api/customers/nap"
        asking = threading.Thread(target=lambda: answers.append(httpx.get(slow, timeout=30)))
        asking.start()
        time.sleep(1)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{served.url}/health")
        asking.join(30)
        assert served.process.wait(30) == 0
        log = served.log
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"rested": True})]
    assert '"route":"/health/ready"' in log
    assert "Traceback" not in log
    assert f"http://acme.localhost:{served.port}" in log


def test_workers_hold_only_the_serving_roles_url(project: Project) -> None:
    """H5: what a plugin could find in its process cannot do more than the serving role."""
    with project.serving(CRM_DATABASE_ADMIN_URL="") as served:
        workers = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
        for child in workers.read_text().split():
            held = Path(f"/proc/{child}/environ").read_bytes()
            assert b"crm_owner" not in held
            assert b"//postgres" not in held


def test_a_killed_parent_takes_its_workers_along(project: Project) -> None:
    with project.serving() as served:
        served.process.kill()
        served.process.wait()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                httpx.get(f"{served.url}/health")
            except httpx.TransportError:
                return
            time.sleep(0.2)
        raise AssertionError("the workers go on without their parent")


def test_what_the_workers_refuse_is_printed_once(project: Project, url: str) -> None:
    ask(url, "CREATE TABLE orphan (n int)")
    try:
        said = project.crm("serve", "--port", str(free_port()), "--workers", "2", good=False)
        assert said.count("orphan") == 1
        assert "neither a tenant table" in said
    finally:
        ask(url, "DROP TABLE orphan")


def test_an_external_server_is_prepared_migrated_and_served(
    tmp_path: Path, old_server: str
) -> None:
    """PostgreSQL 15 by URL: roles, migrations, and a server that starts nothing of its own."""
    project = Project(tmp_path, ("customers",))
    said = project.crm("db", "init", "--admin-url", old_server, "--database", "cli_external")
    assert "secret@" not in said
    lines = [line for line in said.splitlines() if line.startswith(("[database]", "url", "owner"))]
    project.config.write_text("\n".join([*lines, project.config.read_text()]))
    assert "core: nothing" in project.crm("db", "migrate")
    with project.serving() as served:
        assert httpx.get(f"{served.url}/health/ready").status_code == 200
    assert not (project.home / "postgres").exists()
    assert "its own tools" in project.crm("db", "drop", "--yes", good=False)
