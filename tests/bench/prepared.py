"""A home with demo data, made once per run by the product's own commands."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
from sqlalchemy import event

from core.auth.credentials import identify
from core.config import ConfigFile
from core.postgres import embedded
from core.runtime.context import Context
from core.server.app import build, open_platform
from tests.bench.machine import ROOT

CRM = str(Path(sys.executable).parent / "crm")
PASSWORD = "trellis-demo"  # of the demo data


class Prepared(msgspec.Struct, frozen=True):
    """A migrated home with demo data, whose database keeps running."""

    home: Path
    config: Path
    server: embedded.Server

    def crm(self, *words: str, config: Path | None = None) -> str:
        """Run a command of the product; return what it printed."""
        env = {**os.environ, "CRM_HOME": str(self.home), "CRM_CONFIG": str(config or self.config)}
        done = subprocess.run(
            [CRM, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def app_url(self) -> str:
        """Return the URL of the application's role."""
        return self.server.url("crm_app")

    def login(self, address: str, slug: str = "acme") -> str:
        """Return an access token of a tenant's administrator."""
        body = json.dumps({"email": f"admin@{slug}.example", "password": PASSWORD}).encode()
        request = urllib.request.Request(
            f"{address}/api/auth/login/", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as reply:
            return str(json.load(reply)["access"])

    async def statement(self, token: str, path: str) -> tuple[str, str, list[str]]:
        """Return the page's SQL, the context, and the values as text, as the kernel sends them."""
        file = ConfigFile(self.config, environ={"CRM_HOME": str(self.home)})
        platform = await open_platform(file, self.app_url())
        seen: list[object] = []

        def watch(connection: object, _: object) -> None:
            connection.driver_connection.add_query_logger(seen.append)  # type: ignore[attr-defined]

        app = build(platform)
        await platform.start()
        bearer = f"Bearer {token}"
        headers = {b"authorization": bearer.encode()}
        tenant, principal = await identify(platform, headers, "127.0.0.1")
        await platform.database.dispose()
        event.listen(platform.database.engine.sync_engine, "connect", watch)
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            reply = await client.get(path, headers={"authorization": bearer})
            assert reply.status_code == 200, reply.text
        context = Context(platform, tenant, principal).transaction_settings
        await platform.stop()
        page = next(q for q in seen if "__count" in q.query)  # type: ignore[attr-defined]
        return page.query, context, [str(v) for v in page.args]  # type: ignore[attr-defined]


def prepare(folder: Path, scale: int) -> Iterator[Prepared]:
    """Make the home: database, tables and demo data; the server runs until the end."""
    home, config = folder / "home", folder / "crm.toml"
    config.write_text((ROOT / "crm.toml").read_text())
    server = embedded.ensure(home)
    prepared = Prepared(home, config, server)
    prepared.crm("db", "init")
    prepared.crm("db", "migrate")
    prepared.crm("demo", "--scale", str(scale))
    yield prepared
    server.leave()
    embedded.drop(home)
